"""Which machine ran, how busy it was, and which peers."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from envlock import __version__

# A load below this is the runner's own start.
QUIET_LOAD = 0.7


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """`load` is the average of one minute at the start; `versions` are the peers'."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    date: str
    load: float
    versions: tuple[tuple[str, str], ...]

    @property
    def is_busy(self) -> bool:
        return self.load >= QUIET_LOAD

    def __str__(self) -> str:
        busy = ", a busy machine" if self.is_busy else ""
        return (
            f"{self.cores} cores of {self.processor}, {self.memory_gib:.0f} GiB, {self.kernel}, "
            f"Python {self.python}; load average {self.load:.2f} at the start{busy}"
        )


def this_machine() -> Machine:
    system = os.uname()
    return Machine(
        processor=_processor() or system.machine,
        cores=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        kernel=f"{system.sysname} {system.release}",
        python=".".join(map(str, sys.version_info[:3])),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        load=round(os.getloadavg()[0], 2),
        versions=tuple(_versions()),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _versions() -> list[tuple[str, str]]:
    found = [("envlock", __version__)]
    for name in ("uv", "pip", "pip-tools", "conda-lock"):
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    for name, command in (("sha256sum", ["sha256sum", "--version"]), ("docker", ["docker", "--version"])):
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        words = told.split("\n", 1)[0].replace(",", "").split()
        found.append((name, next(word for word in words if word[0].isdigit())))
    return found
