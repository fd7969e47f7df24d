"""A command as a process: its signals passed on, its exit status handed back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import ToolMissing

Look = Callable[[int], None]

_FORWARDED = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
)
_SHORTEST, _LONGEST = 0.05, 10.0  # seconds between two looks


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """Words that are started without a shell, in a folder, with exactly this environment."""

    words: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


def activated(environment: Mapping[str, str], prefix: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """`environment` as an activated `prefix` has it, with the locked settings over it."""
    variable = "CONDA_PREFIX" if (prefix / "conda-meta").is_dir() else "VIRTUAL_ENV"
    path = os.pathsep.join(part for part in (str(prefix / "bin"), environment.get("PATH")) if part)
    return {**environment, "PATH": path, variable: str(prefix), **settings}


def run_to_end(command: Command, look: Look = lambda _pid: None) -> int:
    """Run `command`; its exit status, 128 + n where signal n ended it, as shells tell it.

    Signals that this process gets meanwhile go to the command. Those of a terminal have reached it already:
    it is of the same process group. `look` is called with its process id now and then. Raises ToolMissing.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED | {signal.SIGCHLD})
    try:
        process = _started(command, before)
        status = _waited(process, look)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return status if status >= 0 else 128 - status


def _started(command: Command, mask: set[int | signal.Signals]) -> subprocess.Popen[bytes]:
    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    try:
        return subprocess.Popen(
            command.words,
            env=dict(command.environment),
            cwd=command.folder,
            preexec_fn=unblock,  # noqa: PLW1509 - this process has one thread
        )
    except OSError as error:
        reason = "it is not there" if isinstance(error, FileNotFoundError) else error.strerror
        raise ToolMissing(
            f"`{command.words[0]}` cannot be started: {reason}",
            hint="it is looked for in the environment's `bin`, then on PATH",
        ) from error


def _waited(process: subprocess.Popen[bytes], look: Look) -> int:
    pause = _SHORTEST
    while (status := process.poll()) is None:
        look(process.pid)
        _pass_on(process, pause)
        pause = min(2 * pause, _LONGEST)
    return status


def _pass_on(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a signal, and hand it on where a process sent it and not the terminal."""
    if sys.platform == "darwin":  # it has no sigtimedwait: what is blocked is passed on when it is seen
        import time

        time.sleep(min(seconds, 0.2))
        for number in signal.sigpending() & _FORWARDED:
            process.send_signal(signal.sigwait({number}))
        return
    told = signal.sigtimedwait(_FORWARDED | {signal.SIGCHLD}, seconds)
    # sigaction(2): si_code > 0 is the kernel's, as for ^C; SI_USER, SI_QUEUE and SI_TKILL are not.
    if told is not None and told.si_signo in _FORWARDED and told.si_code <= 0:
        process.send_signal(told.si_signo)
