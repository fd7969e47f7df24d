"""One look per node: local rank 0 looks, and tells the other ranks that torchrun started beside it.

Where there are several nodes, it tells what all of them found (nodes.py).

Rank 0 listens on a socket in a folder that only this user can enter before it begins to look. A rank that
is connected learns at once when rank 0 ends, and a socket that an older run left behind answers nobody: no
verdict is ever kept, so none can be stale.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from envlock.agent.environment import SHAPING, relevant
from envlock.job import nodes, telling
from envlock.job.question import Question

Ask = Callable[[Question], "dict[str, Any]"]

# What tells one run of torchrun from another (torch/distributed/elastic/agent/server/local_elastic_agent.py).
_OF_RUN = (
    "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_RESTART_COUNT",
    "MASTER_ADDR",
    "MASTER_PORT",
    "GROUP_RANK",
    "LOCAL_WORLD_SIZE",
)
_LONGEST_SOCKET_PATH = 92  # sockaddr_un has 108 bytes on Linux and 104 on macOS; a probe adds a process id
_calls = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rank:
    """This process among the `size` of its node, and what the processes of one run share.

    `is_unique`: no other run has had it, ever.
    """

    number: int
    size: int
    run: tuple[str, ...]
    is_unique: bool


def answered(question: Question, ask: Ask, timeout_seconds: float) -> dict[str, Any]:
    """The answer to `question`: asked here, or taken from local rank 0; and the word of the other nodes.

    Raises CouldNotTell where rank 0 ends, or does not come within `timeout_seconds`.
    """
    call = next(_calls)

    def asked() -> dict[str, Any]:
        place = nodes.place_of(question.environment, call)
        answer = ask(question)
        return answer if place is None else nodes.compared(place, answer, timeout_seconds)

    rank = rank_of(question.environment)
    socket = _socket(rank, question, call) if rank is not None else None
    if rank is None or socket is None:
        return asked()
    if rank.number == 0:
        return telling.asked_and_told(
            socket, rank.size - 1, lambda: _with_environment(question, asked()), timeout_seconds
        )
    told = telling.told(socket, timeout_seconds, is_unique=rank.is_unique)
    same = "environment" not in told or told["environment"] == _seen(question, told["settings"])
    return told if same else asked()  # what rank 0 saw is not what this rank runs under


def rank_of(environment: Mapping[str, str]) -> Rank | None:
    """This process as torchrun numbers it; None where it is alone, or not of torchrun."""
    texts = [environment.get(name, "") for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE")]
    if "TORCHELASTIC_RUN_ID" not in environment or not all(text.isdecimal() for text in texts):
        return None
    number, size = map(int, texts)
    if number >= size or size == 1:
        return None
    folder = _folder_of_run(environment)
    values = (environment.get(name, "") for name in _OF_RUN)
    return Rank(number=number, size=size, run=(*values, folder), is_unique=bool(folder))


def _folder_of_run(environment: Mapping[str, str]) -> str:
    # …/attempt_0/0/error.json: the folder is new in each run, its last two names are a rank's.
    errors = environment.get("TORCHELASTIC_ERROR_FILE", "")
    return os.path.dirname(os.path.dirname(errors))


def _with_environment(question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    if "report" not in answer:
        return answer
    return {**answer, "environment": _seen(question, answer["settings"])}


def _seen(question: Question, settings: list[str]) -> dict[str, str]:
    """The variables that a verdict depends on."""
    environment = question.environment
    shaping = {name: environment[name] for name in SHAPING if name in environment}
    return {**relevant(environment, settings), **shaping}


def _socket(rank: Rank, question: Question, call: int) -> str | None:
    """Where the ranks of this run meet for this call; None where no folder is private to this user."""
    folder = _private_folder()
    spaces = [_namespace(name) for name in ("pid", "net")]
    parts = [*rank.run, *spaces, question.name, str(call)]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    path = os.path.join(folder, name) if folder else ""
    is_usable = bool(folder) and len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and telling.can_meet(path)
    return path if is_usable else None


def _namespace(kind: str) -> str:
    """Which container this is: two may share a folder, and have all the rest alike."""
    try:
        return os.readlink(f"/proc/self/ns/{kind}")
    except OSError:
        return ""


def _private_folder() -> str | None:
    """A folder of this user that nobody else can enter."""
    path = os.path.join(tempfile.gettempdir(), f"envlock-{os.getuid()}")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.lstat(path)
    except OSError:
        return None
    is_mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return path if is_mine else None
