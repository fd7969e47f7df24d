"""Whole processes, timed from outside: wall seconds, CPU seconds and peak memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVLOCK = str(Path(sys.executable).with_name("envlock"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    samples: Sequence[Sample]
    remark: str


def sample(command: Sequence[str], runs: int, environment: Mapping[str, str] | None = None) -> list[Sample]:
    """Run a command `runs` times, its output thrown away."""
    # An installed command has its bytecode; where the shell forbids writing it, every run would compile.
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return [_once(command, {**inherited, **(environment or {})}) for _ in range(runs)]


def _once(command: Sequence[str], environment: Mapping[str, str]) -> Sample:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage_sample(wall, usage)


def usage_sample(wall: float, usage: resource.struct_rusage) -> Sample:
    return Sample(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
    )


def table(rows: Sequence[Row]) -> str:
    """Medians with the range, as Markdown."""
    lines = ["| what | wall s, median (range) | CPU s | peak MiB | |", "|---|---|---|---|---|"]
    for row in rows:
        walls = [one.wall_seconds for one in row.samples]
        cpu = statistics.median(one.cpu_seconds for one in row.samples)
        peak = max(one.peak_mib for one in row.samples)
        wall = f"{statistics.median(walls):.2f} ({min(walls):.2f}-{max(walls):.2f})"
        lines.append(f"| {row.name} | {wall} | {cpu:.2f} | {peak:.0f} | {row.remark} |")
    return "\n".join(lines)


def machine() -> str:
    system = os.uname()
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        system.machine,
    )
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        f"{len(os.sched_getaffinity(0))} cores of {model}, {system.sysname} {system.release}, Python {python}"
    )
