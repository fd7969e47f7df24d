"""Run the agent on every host that an existing engine reaches, and gather what they answer.

envlock starts nothing of its own: `srun`, `mpirun`, `pdsh`, `kubectl exec -i` or `ssh` does. The command
that it gets has only characters that mean the same to a shell and to exec, because some engines take the one
way and some the other.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import re
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from envlock.agent.expect import Expectation, to_json
from envlock.agent.task import SCHEMA
from envlock.errors import DiskFailed, ToolFailed, ToolMissing, UsageFault
from envlock.observe.answers import Answer
from envlock.observe.frames import Gathering, Who, printable
from envlock.observe.zipapp import agent_bytes

_LONGEST_LINE = 1 << 16
_GRACE_SECONDS = 5.0
_SAFE = re.compile(r"[A-Za-z0-9_./+:=@-]+")
# Engines whose tasks get an empty standard input, but for the first (mpirun) or for all of them (pdsh).
_KEEP_STDIN = {"mpirun", "mpiexec", "mpiexec.hydra", "orterun", "prun", "pdsh"}
_STDIN_OPTIONS = {"-stdin", "--stdin", "-s"}

_PROGRAM = """\
import base64, os, shutil, sys, tempfile
folder = tempfile.mkdtemp(prefix="envlock-")
try:
    for name, text in (("agent.pyz", {agent!r}), ("order.json", {order!r})):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(base64.b64decode(text))
    sys.path.insert(0, os.path.join(folder, "agent.pyz"))
    sys.argv = ["envlock-agent", "--task", os.path.join(folder, "order.json")]
    from envlock_agent.__main__ import main
    main()
finally:
    shutil.rmtree(folder, ignore_errors=True)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How hosts are reached, and what each is asked.

    `command` is the engine with its options. `shared` is a directory that every host sees under the same
    path; None: the agent goes over standard input. `prefix` None: each host looks at its own VIRTUAL_ENV,
    CONDA_PREFIX or ./.venv. `python` runs the agent there. `expectations` by platform.
    """

    command: str
    expectations: Mapping[str, Expectation]
    environment: Mapping[str, str]
    level: str = "content"
    prefix: str | None = None
    shared: Path | None = None
    python: str = "python3"
    timeout_seconds: float = 600.0


@dataclass(kw_only=True, slots=True)
class Launched:
    """A run of the engine: its `answers`, once, and afterwards what went wrong with the engine itself."""

    launch: Launch
    faults: list[str] = field(default_factory=list)

    def answers(self) -> Iterator[Answer]:
        """Each host as it answers, then those that began and did not finish. Raises ToolMissing, ToolFailed,
        UsageFault for an engine that cannot hand the agent over, DiskFailed for `shared`."""
        words = _engine(self.launch)
        nonce = os.urandom(16).hex()
        gathering = Gathering(nonce)
        with _handed_over(self.launch, order_of(self.launch, nonce)) as (command, program):
            engine = _Engine([*words, *command], program, self.launch)
            for line in engine.lines():
                for answer in gathering.read(line):
                    yield _answer(answer)
        self.faults += engine.faults
        for who, came, total in gathering.unfinished:
            yield _unfinished(who, came, total)


def order_of(launch: Launch, nonce: str) -> dict[str, Any]:
    """What agent/task.py reads."""
    return {
        "schema": SCHEMA,
        "nonce": nonce,
        "level": "content" if launch.level == "warm" else launch.level,  # no host has a stat cache of ours
        "prefix": launch.prefix,
        "expectations": {name: to_json(each) for name, each in launch.expectations.items()},
    }


def _answer(document: Mapping[str, Any]) -> Answer:
    who: Who = document["who"]
    fault = document.get("fault")
    return Answer(
        host=who.name,
        document=document.get("facts"),
        fault=printable(str(fault)) if fault is not None else None,
        rank=who.rank,
        size=int(who.size or 0),
    )


def _unfinished(who: Who | None, came: int, total: int) -> Answer:
    who = who or Who(name="?")
    pieces = f": {came} of {total} pieces of its answer came" if total else ""
    fault = f"it began to look and did not finish{pieces}"
    return Answer(host=who.name, fault=fault, rank=who.rank, size=int(who.size or 0))


# The command of the tasks


def _engine(launch: Launch) -> list[str]:
    try:
        words = shlex.split(launch.command)
    except ValueError as error:
        raise UsageFault(f"`--launcher` cannot be read: {error}", where=launch.command) from error
    if not words:
        raise UsageFault("`--launcher` names no command", hint='`--launcher "srun -N 4 --ntasks-per-node=1"`')
    name = Path(words[0]).name
    if launch.shared is None and name in _KEEP_STDIN and not _STDIN_OPTIONS & set(words):
        raise UsageFault(
            f"`{name}` does not hand its standard input to every task, so the agent would not arrive",
            hint="`--shared DIR` names a directory that every host sees, for the agent",
        )
    return words


@contextlib.contextmanager
def _handed_over(launch: Launch, order: Mapping[str, Any]) -> Iterator[tuple[list[str], bytes]]:
    """The command of a task, and the standard input of the engine."""
    _check_plain(launch.python, "`--agent-python`")
    text = json.dumps(order).encode()
    if launch.shared is None:
        coded = [base64.b64encode(data).decode() for data in (agent_bytes(), text)]
        yield [launch.python, "-IB", "-"], _PROGRAM.format(agent=coded[0], order=coded[1]).encode()
        return
    folder = launch.shared.absolute()
    _check_plain(str(folder), "`--shared`")
    agent, ordered = (folder / f"envlock-{order['nonce']}.{suffix}" for suffix in ("pyz", "json"))
    try:
        try:
            agent.write_bytes(agent_bytes())
            ordered.write_bytes(text)
        except OSError as error:
            raise DiskFailed(f"cannot write to `{folder}`: {error.strerror}", where=str(folder)) from error
        yield [launch.python, "-IB", str(agent), "--task", str(ordered)], b""
    finally:
        for path in (agent, ordered):
            with contextlib.suppress(OSError):
                path.unlink()


def _check_plain(word: str, option: str) -> None:
    if not _SAFE.fullmatch(word):
        raise UsageFault(
            f"{option} is `{word}`: a shell and an engine without one read that differently",
            hint="name one of letters, digits and `_./+:=@-`",
        )


# The engine


class _Engine:
    """The process of the engine. It ends with the lines, or is ended when its time is up."""

    def __init__(self, words: list[str], program: bytes, launch: Launch) -> None:
        self.faults: list[str] = []
        self._name = words[0]
        self._seconds = launch.timeout_seconds
        self._said: deque[str] = deque(maxlen=50)
        self._lines: queue.Queue[bytes | None] = queue.Queue(maxsize=10_000)
        self._process = self._start(words, dict(launch.environment))
        self._threads = [
            threading.Thread(target=work, args=arguments, daemon=True)
            for work, arguments in (
                (_feed, (self._process.stdin, program)),
                (_read, (self._process.stdout, self._lines.put)),
                (_read, (self._process.stderr, self._hear)),
            )
        ]
        for thread in self._threads:
            thread.start()

    def lines(self) -> Iterator[str]:
        """What the tasks print, until the engine ends or its time is up."""
        deadline = time.monotonic() + self._seconds
        try:
            while (line := self._next(deadline)) is not None:
                yield line.decode("ascii", errors="replace")
            self._ended(deadline)
        finally:
            _end(self._process)

    def _next(self, deadline: float) -> bytes | None:
        try:
            return self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def _ended(self, deadline: float) -> None:
        try:
            status = self._process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.faults.append(f"`{self._name}` was ended after {self._seconds:g} s")
            return
        self._threads[2].join(1.0)  # the last words of stderr
        if status:
            told = f": {self._said[-1]}" if self._said else ""
            self.faults.append(f"`{self._name}` ended with exit status {status}{told}")

    def _hear(self, line: bytes | None) -> None:
        if line and line.strip(b" -\r\n"):
            self._said.append(printable(line.decode(errors="replace").strip()))

    @staticmethod
    def _start(words: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                words,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that all of it can be ended
            )
        except FileNotFoundError as error:
            raise ToolMissing(
                f"`{words[0]}` is not installed", hint="`--launcher` takes any engine"
            ) from error
        except OSError as error:
            raise ToolFailed(f"`{words[0]}` cannot be started: {error.strerror}") from error


def _feed(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stream:
        stream.write(data)


def _read(stream: IO[bytes], take: Any) -> None:
    """Line by line; what is longer than any line of ours comes in parts. None at the end."""
    with contextlib.suppress(OSError, ValueError), stream:
        while line := stream.readline(_LONGEST_LINE):
            take(line)
    take(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the engine and what it started in its session, where that has not happened."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE_SECONDS)
