"""A file held as a lock among processes and threads; whoever held it may remove it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def held(path: Path, *, waits: bool = True) -> Iterator[TextIO]:
    """Hold the file at `path`, made where there is none. On a file system without locks nobody waits.

    Raises OSError where it cannot be made, BlockingIOError where another holds it and `waits` is false.
    """
    while True:
        with path.open("a+", encoding="utf-8") as stream:
            _lock(stream, waits)
            if _is_at(path, stream):
                stream.seek(0)
                yield stream
                return


def _lock(stream: TextIO, waits: bool) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if isinstance(error, BlockingIOError):
            raise


def _is_at(path: Path, stream: TextIO) -> bool:
    """Whether its last holder left it there. One look: between two, the next holder may remove it."""
    try:
        return path.stat().st_ino == os.fstat(stream.fileno()).st_ino
    except FileNotFoundError:
        return False
