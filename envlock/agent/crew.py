"""Forked workers that hash while the parent does its own work.

Two threads cannot do both: each piece of Python in one makes the other wait for the interpreter lock, and
a pass has half a second of it. So the big lists go to processes. Work is handed out through a file in
memory whose offset all of them share: each read takes the next token, which names a batch of files.

Linux only, and only in a process with a single thread: a fork copies no other.
"""

import marshal
import os
import struct
import threading
from typing import Any, List, Optional, Sequence, Tuple

from .hashing import BUFFER_BYTES, Hashed, Job, Row, hash_file

_TOKEN = struct.Struct("<I")
_BATCH_BYTES = 1 << 20
_BATCH_FILES = 64

Numbered = Tuple[int, Hashed]


def can_fork() -> bool:
    return hasattr(os, "memfd_create") and threading.active_count() == 1


class Crew:
    """Workers over a list of jobs. `finish` helps with what is left and returns one result per job."""

    def __init__(self, jobs: Sequence[Job], workers: int) -> None:
        self._jobs = sorted(jobs, key=lambda job: -job.size)
        self._batches = _batches(self._jobs)
        self._tokens = _token_file(len(self._batches))
        self._children = [self._fork() for _ in range(workers)]

    def finish(self) -> List[Tuple[Job, Hashed]]:
        """Take part until nothing is left, then gather. What a dead worker owed is hashed here."""
        found: List[Optional[Hashed]] = [None] * len(self._jobs)
        for number, result in self._work():
            found[number] = result
        for child, answers in self._children:
            for number, result in _gather(child, answers):
                found[number] = result
        os.close(self._tokens)
        buffer = memoryview(bytearray(BUFFER_BYTES))
        return [(job, result or hash_file(job, buffer)) for job, result in zip(self._jobs, found)]

    def _fork(self) -> Tuple[int, int]:
        answers, mine = os.pipe()
        child = os.fork()
        if child:
            os.close(mine)
            return child, answers
        status = 1
        try:
            os.close(answers)
            rows = [(n, r.hex, r.is_elf, tuple(r.row) if r.row else None, r.error) for n, r in self._work()]
            with os.fdopen(mine, "wb") as stream:
                marshal.dump(rows, stream)
            status = 0
        finally:
            os._exit(status)  # no cleanup of what belongs to the parent
        raise AssertionError("unreachable")

    def _work(self) -> List[Numbered]:
        buffer = memoryview(bytearray(BUFFER_BYTES))
        done: List[Numbered] = []
        while True:
            token = os.read(self._tokens, _TOKEN.size)
            if not token:
                return done
            start, end = self._batches[_TOKEN.unpack(token)[0]]
            done.extend((number, hash_file(self._jobs[number], buffer)) for number in range(start, end))


def _token_file(count: int) -> int:
    """A descriptor to read every token from. Not a pipe: a user with many of them gets pipes of one page,
    and writing into a full one would wait for ever."""
    tokens = os.memfd_create("envlock-tokens")
    with os.fdopen(os.dup(tokens), "wb") as stream:
        stream.write(b"".join(_TOKEN.pack(number) for number in range(count)))
    os.lseek(tokens, 0, os.SEEK_SET)
    return tokens


def _batches(jobs: Sequence[Job]) -> List[Tuple[int, int]]:
    """Ranges of the sorted jobs: a big file alone, small ones together."""
    found: List[Tuple[int, int]] = []
    start, size = 0, 0
    for number, job in enumerate(jobs):
        size += job.size
        if size >= _BATCH_BYTES or number + 1 - start >= _BATCH_FILES:
            found.append((start, number + 1))
            start, size = number + 1, 0
    if start < len(jobs):
        found.append((start, len(jobs)))
    return found


def _gather(child: int, answers: int) -> List[Numbered]:
    """What a worker found; nothing of one that died."""
    with os.fdopen(answers, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        return []
    rows: List[Any] = marshal.loads(data)  # noqa: S302 - written by our own fork
    return [
        (n, Hashed(text, is_elf, Row(*row) if row else None, error)) for n, text, is_elf, row, error in rows
    ]
