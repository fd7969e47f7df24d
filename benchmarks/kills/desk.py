"""A project with an index on the loopback, its two states, and commands of envlock in forked processes."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.support.environments import SERIES
from tests.support.images import tiny_base
from tests.support.index import LocalIndex
from tests.support.wheels import Wheel, make_wheel

OLD, NEW = "1.0", "2.0"
# Loaded before the forks, as an installed command has loaded them by the time that it begins to work.
_MODULES = ("lock", "sync", "build", "bundle", "verify")
_MOST_SECONDS = 300.0


def wheels() -> list[Wheel]:
    """Three distributions, the first in two versions of 40 modules and 300 kB that do not compress."""
    chance = Random(7)
    made = [make_wheel("six", "1.17.0", files={"six.py": b"def add():\n    return 1\n"})]
    for version in (OLD, NEW):
        files = {f"demo/m{number}.py": f"VALUE = {version}, {number}\n".encode() for number in range(40)}
        files["demo/big.bin"] = chance.randbytes(300_000)
        files["demo/__init__.py"] = b"def main(): pass\n"
        entry = "[console_scripts]\ndemo = demo:main\n"
        made.append(make_wheel("demo", version, files=files, requires=["other", "six"], entry_points=entry))
    for version in (OLD, NEW):
        made.append(make_wheel("other", version, files={"other/__init__.py": f"x = {version}\n".encode()}))
    return made


@contextmanager
def index_apart() -> Iterator[str]:
    """The URL of an index in a process of its own: the process that forks must have no threads."""
    parent = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with LocalIndex() as index:
            for wheel in wheels():
                index.add(wheel)
            os.write(writing, index.url.encode())
            while os.getppid() == parent:
                time.sleep(1)
    os.close(writing)
    try:
        yield os.read(reading, 1000).decode()
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a command ended: its status (-9: killed), what it wrote, its wall seconds, and when it was first
    seen to write (None: it was not)."""

    status: int
    output: str
    seconds: float
    writes_at: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """`root` holds the project, a cache of envlock's, one of uv's and a folder for temporary files."""

    root: Path
    url: str

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def lockfile(self) -> Path:
        return self.project / "envlock.lock"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    def prepare(self) -> None:
        """Make the folders and the base of the image, and load envlock."""
        for folder in (self.project, self.cache, self.temporary):
            folder.mkdir(parents=True)
        tiny_base(self.project / "base", python=f"{SERIES}.9")
        for name in _MODULES:
            importlib.import_module(f"envlock.cli.{name}")
            importlib.import_module("envlock.api")

    def manifest(self, version: str) -> None:
        (self.project / "envlock.toml").write_text(
            f'python = "{SERIES}"\nrequirements = ["demo=={version}", "other=={version}", "six"]\n'
            f'[image]\nbase = "oci:base"\n[sources]\ndefault = "{self.url}"\n'
        )

    def forget_cache(self) -> None:
        shutil.rmtree(self.cache)
        self.cache.mkdir()

    def run(self, words: Sequence[str], writes: Callable[[], bool] = lambda: True) -> Ended:
        """Run `envlock …` to its end."""
        return self._ended(self._start(words), _MOST_SECONDS, _MOST_SECONDS, writes)

    def killed(self, words: Sequence[str], seconds: float) -> Ended:
        """Run `envlock …` and kill its process group after so many seconds, if it has not ended by then."""
        return self._ended(self._start(words), seconds, _MOST_SECONDS, lambda: True)

    def killed_writing(self, words: Sequence[str], seconds: float, writes: Callable[[], bool]) -> Ended:
        """The same, the seconds counted from when `writes` first says that it writes."""
        return self._ended(self._start(words), _MOST_SECONDS, seconds, writes)

    def _start(self, words: Sequence[str]) -> int:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            self._become(words)
        with suppress(OSError):  # both sides say it, so that it holds for whoever is first
            os.setpgid(child, child)
        return child

    def _become(self, words: Sequence[str]) -> None:
        """In the child: be `envlock …` in the project, and end."""
        os.setpgid(0, 0)
        output = os.open(self.root / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(self.project)
        os.environ |= self.environment()
        sys.argv = ["envlock", *words]
        status = 99
        try:
            from envlock.cli import main

            main()
            status = 0
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        finally:
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def environment(self) -> dict[str, str]:
        return {
            "ENVLOCK_CACHE_DIR": str(self.cache),
            "UV_CACHE_DIR": str(self.root / "uv-cache"),
            "UV_LINK_MODE": "copy",
            "TMPDIR": str(self.temporary),
            "HOME": str(self.root),
            "XDG_CONFIG_HOME": str(self.root / "config"),
        }

    def _ended(self, child: int, most: float, writing: float, writes: Callable[[], bool]) -> Ended:
        """Wait for `child`; kill its group after `most` seconds, or `writing` after it began to write."""
        started, writes_at = time.monotonic(), None
        while True:
            found, raw = os.waitpid(child, os.WNOHANG)
            now = time.monotonic() - started
            if found:
                break
            if writes_at is None and writes():
                writes_at = now
            if now >= most or (writes_at is not None and now - writes_at >= writing):
                raw = _kill(child)
                break
            time.sleep(0.001)
        output = (self.root / "output").read_text() if (self.root / "output").exists() else ""
        status = os.waitstatus_to_exitcode(raw)
        return Ended(status=status, output=output, seconds=now, writes_at=writes_at)


def _kill(group: int) -> int:
    """Kill a group whose leader is a child of this process; its wait status, when all of it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    raw = os.waitpid(group, 0)[1]
    _until_gone(group)
    return raw


def _until_gone(group: int) -> None:
    """Wait until no living process is left in the group: uv ends after its parent is reaped."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if not any(_is_alive_in(group, Path(entry)) for entry in Path("/proc").glob("[0-9]*")):
            return
        time.sleep(0.005)


def _is_alive_in(group: int, process: Path) -> bool:
    try:
        state, _, found = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(found) == group and state != "Z"
