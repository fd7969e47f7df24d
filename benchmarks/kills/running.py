"""`envlock …` in a forked process: to its end, or killed with its children at a moment or at a change."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kills.changes import Change, Watched, tell_of_changes

_MOST_SECONDS = 300.0
_LOOKING_SECONDS = 0.02
KILLED = -signal.SIGKILL


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a command ended: its status (`KILLED`), what it wrote, its wall seconds; where it was watched,
    how many changes it made, and before which one it was killed."""

    status: int
    output: str
    seconds: float
    changes: int = 0
    before: Change | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """Commands in `project`; what they write goes into the file `output`."""

    project: Path
    output: Path
    environment: Mapping[str, str]

    def run(self, words: Sequence[str], seconds: float = _MOST_SECONDS) -> Ended:
        """Run `envlock …`; kill its process group after so many seconds, if it has not ended by then."""
        child, started = self._start(words), time.monotonic()
        while True:
            found, raw = os.waitpid(child, os.WNOHANG)
            now = time.monotonic() - started
            if found:
                break
            if now >= seconds:
                raw = kill(child)
                break
            time.sleep(0.001)
        return self._ended(raw, now)

    def watched(self, words: Sequence[str], at: int = sys.maxsize) -> Ended:
        """The same; kill it before its change number `at`, counted from 1."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        child, started = self._start(words, there), time.monotonic()
        there.close()
        with here:
            listeners = socket.recv_fds(here, 1, 1)[1]
        if not listeners:
            raise OSError(f"a process cannot be watched here: {self.output.read_text()}")
        watched, made = Watched(listeners[0], self.output), 0
        try:
            while True:
                change = watched.wait(_LOOKING_SECONDS)
                made += change is not None
                if change is not None and made >= at:
                    return self._ended(kill(child), time.monotonic() - started, made - 1, change)
                if change is not None:
                    watched.let()
                    continue
                found, raw = os.waitpid(child, os.WNOHANG)
                if found:
                    return self._ended(raw, time.monotonic() - started, made)
        finally:
            watched.close()

    def _ended(self, raw: int, seconds: float, changes: int = 0, before: Change | None = None) -> Ended:
        return Ended(
            status=os.waitstatus_to_exitcode(raw),
            output=self.output.read_text() if self.output.exists() else "",
            seconds=seconds,
            changes=changes,
            before=before,
        )

    def _start(self, words: Sequence[str], teller: socket.socket | None = None) -> int:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            self._become(words, teller)
        with suppress(OSError):  # both sides say it, so that it holds for whoever is first
            os.setpgid(child, child)
        return child

    def _become(self, words: Sequence[str], teller: socket.socket | None) -> None:
        """In the child: be `envlock …` in the project, and end."""
        status = 99
        try:
            os.setpgid(0, 0)
            output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.project)
            os.environ |= self.environment
            sys.argv = ["envlock", *words]
            if teller is not None:
                tell_of_changes(teller)
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


def kill(group: int) -> int:
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
