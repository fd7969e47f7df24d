"""What the rows share: a folder to work in, the peers that are here, and how large the large ones may be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from uv import find_uv_bin

from benchmarks.measure import ENVLOCK, ROOT
from benchmarks.race import inherited

FILES = (1_000, 10_000, 100_000)
DISTRIBUTIONS = (10, 100, 1_000)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """`files` and `distributions` are the sizes that the rows over sizes take.

    `prefix` is an installed environment of `lock`, where the user names one: of gigabytes, say.
    """

    work: Path
    files: tuple[int, ...] = FILES
    distributions: tuple[int, ...] = DISTRIBUTIONS
    prefix: Path | None = None
    lock: Path | None = None

    @property
    def uv(self) -> str:
        return find_uv_bin()

    def tool(self, name: str) -> tuple[str | None, Mapping[str, str]]:
        """A peer beside this Python or on PATH, else (None, who is absent and why)."""
        beside = Path(sys.executable).with_name(name)
        found = str(beside) if beside.exists() else shutil.which(name)
        return (found, {}) if found else (None, {name: "not installed"})

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder that is gone afterwards: a million files must not outlive their row. Where the row is
        stopped, nobody waits for that."""
        folder = self.work / name
        folder.mkdir()
        try:
            yield folder
        except BaseException:
            told = remove(folder).pid
            print(f"{folder} is being removed by process {told}", file=sys.stderr)
            raise
        remove(folder).wait()

    @cached_property
    def quickstart(self) -> Path:
        """The project of the quickstart, locked for this Python. Needs the package index."""
        project = self.work / "quickstart"
        shutil.copytree(ROOT / "examples/quickstart", project)
        manifest = project / "pyproject.toml"
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        manifest.write_text(manifest.read_text().replace('python = "3.11"', f'python = "{here}"'))
        do([ENVLOCK, "lock", "-q", "-p", str(project)])
        return project

    @cached_property
    def wheels(self) -> list[Path]:
        """The wheels of the quickstart. Needs the package index."""
        return self.fetched(self.quickstart / "envlock.lock", self.work / "wheels")

    def fetched(self, lock: Path, store: Path) -> list[Path]:
        """The wheels of a lock for this Python, in a folder that is made."""
        store.mkdir()
        pins = store / "pins.txt"
        do([ENVLOCK, "emit", "requirements", "-l", str(lock), "-o", str(pins)])
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        do([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(pins), "-d", str(store)])
        return sorted(store.glob("*.whl"))

    @cached_property
    def installed(self) -> tuple[Path, Path]:
        """An environment and its lock: the one that the user named, or the quickstart's."""
        if self.prefix is not None and self.lock is not None:
            return self.prefix, self.lock
        lock, venv = self.quickstart / "envlock.lock", self.quickstart / ".venv"
        do([ENVLOCK, "sync", "-q", "-l", str(lock), "--venv", str(venv)])
        return venv, lock


def remove(folder: Path) -> subprocess.Popen[bytes]:
    """What removes a folder, out of the way at once: it goes on where the benchmarks have ended."""
    aside = folder.parent.with_name(f"{folder.parent.name}-gone-{folder.name}")
    folder.rename(aside)
    return subprocess.Popen(["rm", "-rf", str(aside)], start_new_session=True, stdin=subprocess.DEVNULL)


def do(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    """What a row needs before it can be measured. Raises CalledProcessError, with what was said."""
    subprocess.run(command, check=True, env={**inherited(), **(environment or {})}, capture_output=True)
