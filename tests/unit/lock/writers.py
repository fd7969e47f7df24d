"""Write one of two locks over and over: `python -m tests.unit.lock.writers FILE` until it is killed,
`… FILE 50` to fork and kill fifty such writers, and read the file after each.

A process of its own, because forking beside the threads of a test runner is asking for trouble.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from envlock.lock import Lock, dumps, read_lock
from envlock.lock.file import replace_bytes
from tests.unit.lock.values import lock, six, wheel, widgets

SMALL = lock(six())
# some hundred kilobytes, so that a write takes long enough to be met in its middle
LARGE = lock(
    *(
        replace(
            widgets(), name=f"d{number}", requires=(), wheels=(wheel(f"d{number}-3.0.13-py3-none-any.whl"),)
        )
        for number in range(1000)
    )
)


def texts() -> list[bytes]:
    """Of the two locks. They are made before a writer begins, so that a kill meets the writing."""
    return [dumps(each).encode() for each in (SMALL, LARGE)]


def alternate(path: Path, texts: list[bytes]) -> NoReturn:
    while True:
        for text in texts:
            replace_bytes(path, text)


def either(lock: Lock) -> bool:
    return lock in (
        SMALL,
        replace(LARGE, distributions=tuple(sorted(LARGE.distributions, key=lambda d: d.name))),
    )


def kill_many(path: Path, times: int) -> None:
    chance = random.Random(20260101)
    made = texts()
    replace_bytes(path, made[0])
    for _ in range(times):
        child = os.fork()
        if child == 0:
            alternate(path, made)
        time.sleep(chance.uniform(0.02, 0.07))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert either(read_lock(path))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        alternate(Path(sys.argv[1]), texts())
    kill_many(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(f"{sys.argv[2]} killed\n")
