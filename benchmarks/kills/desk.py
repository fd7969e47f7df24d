"""A project with an index on the loopback, its two states, and commands of envlock in forked processes."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.kills.running import Runner
from tests.support.environments import SERIES
from tests.support.images import tiny_base
from tests.support.index import LocalIndex
from tests.support.wheels import Wheel, make_wheel

OLD, NEW = "1.0", "2.0"
# Loaded before the forks, as an installed command has loaded them by the time that it begins to work.
_MODULES = (
    *(f"envlock.cli.{name}" for name in ("lock", "sync", "build", "bundle", "verify")),
    *(f"envlock.api.{name}" for name in ("locking", "syncing", "building", "bundling", "verifying")),
    "rattler",
)


def wheels() -> list[Wheel]:
    """Three distributions, the first in two versions of 45 modules, five of them of other names, and 300 kB
    that do not compress."""
    chance = Random(7)
    made = [make_wheel("six", "1.17.0", files={"six.py": b"def add():\n    return 1\n"})]
    for version in (OLD, NEW):
        files = {f"demo/m{number}.py": f"VALUE = {version}, {number}\n".encode() for number in range(40)}
        files |= {f"demo/of_{version[0]}_{number}.py": b"y = 1\n" for number in range(5)}
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
    def channel(self) -> Path:
        return self.root / "channel"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def runner(self) -> Runner:
        return Runner(project=self.project, output=self.root / "output", environment=self._environment())

    def prepare(self) -> None:
        """Make the folders and the base of the image, and load envlock."""
        for folder in (self.project, self.cache, self.temporary):
            folder.mkdir(parents=True)
        tiny_base(self.project / "base", python=f"{SERIES}.9")
        for name in _MODULES:
            importlib.import_module(name)

    def manifest(self, version: str) -> None:
        (self.project / "envlock.toml").write_text(
            f'python = "{SERIES}"\nrequirements = ["demo=={version}", "other=={version}", "six"]\n'
            f'[image]\nbase = "oci:base"\n[sources]\ndefault = "{self.url}"\n'
        )

    def forget_cache(self) -> None:
        shutil.rmtree(self.cache)
        self.cache.mkdir()

    def must(self, *words: str) -> None:
        """Run `envlock …` undisturbed. Ends the program where it fails."""
        ended = self.runner.run(words)
        if ended.status != 0:
            raise SystemExit(f"envlock {' '.join(words)} ended with {ended.status}:\n{ended.output}")

    def _environment(self) -> dict[str, str]:
        return {
            "ENVLOCK_CACHE_DIR": str(self.cache),
            "ENVLOCK_SOURCE_LOCAL": self.channel.as_uri(),
            "UV_CACHE_DIR": str(self.root / "uv-cache"),
            "UV_LINK_MODE": "copy",
            "TMPDIR": str(self.temporary),
            "HOME": str(self.root),
            "XDG_CONFIG_HOME": str(self.root / "config"),
        }
