"""The least that hashing the same files can cost: two threads, readv into one buffer each, sha256.

    python benchmarks/bare.py LISTING        names that end in NUL, big files first

A program of its own with nothing but the standard library, timed as the commands beside it are.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path

BUFFER_BYTES = 256 * 1024


def main(listing: str) -> None:
    queue = Path(listing).read_bytes().split(b"\0")[::-1]
    threads = [threading.Thread(target=work, args=(queue,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work(queue: list[bytes]) -> None:
    buffer = memoryview(bytearray(BUFFER_BYTES))
    while True:
        try:
            path = queue.pop()
        except IndexError:
            return
        hasher = hashlib.sha256()
        descriptor = os.open(path, os.O_RDONLY)
        while count := os.readv(descriptor, [buffer]):
            hasher.update(buffer[:count])
        os.close(descriptor)
        hasher.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1])
