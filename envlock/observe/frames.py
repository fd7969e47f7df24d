"""Read the answers of many tasks out of one stream (agent/frames.py has the form of a line)."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from envlock.agent.frames import MARK, check_value

MOST_TASKS = 100_000
MOST_PIECES = 100_000
_MOST_ANSWER = 512 << 20
_FRAME = re.compile(
    rf"{MARK} ([0-9a-f]{{32}}) ([0-9a-f]{{16}}) (\d{{1,6}}) (\d{{1,6}}) ([0-9a-f]{{16}}) ([A-Za-z0-9+/=]+)"
)
# Sought apart: a frame that was cut off is followed by the next at once, and its data would go on into that.
_STARTS = re.compile(MARK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """What a task says of itself: host, and rank and number of the tasks where its engine tells (else "")."""

    name: str
    rank: str = ""
    size: str = ""


@dataclass(kw_only=True, slots=True)
class _Task:
    who: Who | None = None
    pieces: dict[int, str] = field(default_factory=dict)
    total: int = 0
    is_done: bool = False


class Gathering:
    """Tasks that began, and their answers as they become whole. Lines that are no frames of this run, torn
    frames and repeated ones are passed over."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce
        self._tasks: dict[str, _Task] = {}

    @property
    def unfinished(self) -> list[tuple[Who | None, int, int]]:
        """Tasks without an answer: who, pieces that came, pieces there are (0: not known)."""
        left = [task for task in self._tasks.values() if not task.is_done]
        return [(task.who, len(task.pieces), task.total) for task in left]

    def read(self, line: str) -> Iterator[dict[str, Any]]:
        """The answers that this line completes."""
        for at in _STARTS.finditer(line):
            match = _FRAME.match(line, at.start())
            if match is None:
                continue
            nonce, name, index, total, check, data = match.groups()
            place = int(index), int(total)
            if nonce == self._nonce and check == check_value(nonce, name, *place, data):
                answer = self._take(name, *place, data)
                if answer is not None:
                    yield answer

    def _take(self, name: str, index: int, total: int, data: str) -> dict[str, Any] | None:
        if name not in self._tasks and len(self._tasks) == MOST_TASKS:
            return None
        task = self._tasks.setdefault(name, _Task())
        if total == 0:
            task.who = task.who or _who(data)
        elif not task.is_done and index < total <= MOST_PIECES and task.total in (0, total):
            task.total = total
            task.pieces[index] = data
            if len(task.pieces) == total:
                return self._whole(task)
        return None

    def _whole(self, task: _Task) -> dict[str, Any]:
        text = "".join(task.pieces[index] for index in range(task.total))
        task.is_done, task.pieces = True, {}
        answer = _unpacked(text)
        answer["who"] = task.who or who_of(answer.get("who"))
        return answer


def _unpacked(text: str) -> dict[str, Any]:
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_ANSWER)
        if not unpacker.eof:
            raise ValueError("it is larger than any facts document, or ends early")
        answer = json.loads(data)
        return answer if isinstance(answer, dict) else {"fault": "its answer is no JSON object"}
    except (ValueError, zlib.error, RecursionError) as error:
        return {"fault": f"its answer cannot be read: {error}"}


def _who(data: str) -> Who:
    try:
        return who_of(json.loads(base64.b64decode(data, validate=True)))
    except (ValueError, binascii.Error, RecursionError):
        return who_of(None)


def who_of(value: Any) -> Who:
    """A host's own words, made fit to be printed."""
    told = value if isinstance(value, dict) else {}
    name = told.get("name")
    return Who(
        name=(printable(name) if isinstance(name, str) else "") or "?",
        rank=_number(told.get("rank")),
        size=_number(told.get("size")),
    )


def _number(value: Any) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[0-9]{1,7}", value) else ""


def printable(text: str) -> str:
    """At most 253 characters (the longest host name), none of which moves a cursor."""
    return "".join(char if char.isprintable() else "?" for char in text[:253])
