"""Environments for a search: one for each Python, changed from lock to lock by uv out of its cache."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import BinaryIO

from packaging.utils import canonicalize_name

from envlock.errors import CouldNotTell, DiskFailed, ToolMissing
from envlock.install.model import Supply, SyncRequest
from envlock.install.venv import sync
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.run.mixture import RequiresDist
from envlock.run.outputs import declare, observe
from envlock.run.process import Command, activated
from envlock.run.steps import Result


@dataclass(frozen=True, kw_only=True, slots=True)
class VenvBench:
    """`folder` is where the environments lie; `command.environment` is the user's; what the command prints
    goes to `said`. `output` is a file or folder that it writes, relative to the command's folder."""

    command: Command
    folder: Path
    platform: Platform
    supply: Supply
    said: Path
    output: str | None = None

    def run(self, lock: Lock) -> Result:
        """Raises what `sync` raises, ToolMissing, CouldNotTell, DiskFailed."""
        venv = self._made(lock)
        declared = declare((self.output,) if self.output else (), self.command.folder)
        clock = time.monotonic()
        # Versions of equal size and date are exchanged below the bytecode, which Python would believe.
        environment = {**self.command.environment, "PYTHONDONTWRITEBYTECODE": "1"}
        status = self._status(activated(environment, venv, lock.settings))
        outputs = observe(declared).values()
        return Result(
            status=status if status >= 0 else 128 - status,
            output=next((each["sha256"] for each in outputs if each["written"]), None),
            seconds=round(time.monotonic() - clock, 3),
        )

    def needs(self, lock: Lock) -> RequiresDist:
        """Requires-Dist of what the lock installs, by name."""
        (site,) = self._made(lock).glob("lib/python*/site-packages")
        return {
            canonicalize_name(each.metadata["Name"]): tuple(each.requires or ())
            for each in distributions(path=[str(site)])
        }

    def _made(self, lock: Lock) -> Path:
        venv = self.folder / f"python{lock.python}"
        done = sync(SyncRequest(lock=lock, platform=self.platform, venv=venv, supply=self.supply))
        if done.differing:
            raise CouldNotTell(
                f"`{done.differing[0]}` is not what the lock says after it was installed",
                hint="`envlock sync` with that lock says more",
            )
        return venv

    def _status(self, environment: dict[str, str]) -> int:
        """What it prints is kept, all steps in one file; a person who stops it stops the search."""
        words = self.command.words
        with self._opened() as said:
            try:
                done = subprocess.run(
                    words,
                    env=environment,
                    cwd=self.command.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            except OSError as error:
                raise ToolMissing(
                    f"`{words[0]}` cannot be started: {(error.strerror or str(error)).lower()}",
                    hint="it is looked for in the environment's `bin`, then on PATH",
                ) from error
        return done.returncode

    def _opened(self) -> BinaryIO:
        try:
            return self.said.open("ab")
        except OSError as error:
            raise DiskFailed(
                f"what the command prints cannot be kept in `{self.said}`: "
                f"{(error.strerror or str(error)).lower()}",
                hint="name another log: `--log FILE`",
            ) from error
