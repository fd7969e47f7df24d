"""Hash many files as fast as two cores can: big ones first, `readv` into one buffer per thread.

hashlib releases the interpreter lock above 2 KiB, so threads scale on large files; the small ones are
bounded by system calls.
"""

import errno
import hashlib
import os
import stat
import threading
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

BUFFER_BYTES = 256 * 1024
ELF_MAGIC = b"\x7fELF"
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
_ENDLESS = (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)


class Row(NamedTuple):
    """What a stat says of a file: a change of its bytes changes at least one of them."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    mode: int


class Job(NamedTuple):
    """One file to hash. `normalize` maps the text of a script before it is hashed (IDENTITY 2.3)."""

    path: str
    size: int
    algorithm: str = "sha256"
    normalize: Optional[Callable[[bytes], bytes]] = None


class Hashed(NamedTuple):
    """The result: hex digest, whether the file is ELF, the row it was read under; or an error."""

    hex: str
    is_elf: bool
    row: Optional[Row]
    error: str = ""


def row_of(status: os.stat_result) -> Row:
    return Row(
        status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev, status.st_mode
    )


def stat_row(path: str) -> Optional[Row]:
    """The row of what `path` leads to; None when there is nothing, or it cannot be looked at."""
    try:
        return row_of(os.stat(path))
    except OSError:
        return None


def without_waiting(path: str, flags: int) -> int:
    """An `opener` of open(): of a pipe or a device, where a reader may wait forever, nothing is read."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_IFMT(os.fstat(descriptor).st_mode) in _ENDLESS:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return descriptor


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def hash_all(jobs: Iterable[Job], threads: Optional[int] = None) -> Dict[Tuple[str, str], Hashed]:
    """Hash every job; results by (path, algorithm). A file that cannot be read has an error, not a hash."""
    # The biggest first, so that no thread is left alone with a gigabyte at the end.
    queue = sorted(jobs, key=lambda job: job.size)
    results: Dict[Tuple[str, str], Hashed] = {}

    def work() -> None:
        buffer = memoryview(bytearray(BUFFER_BYTES))
        while True:
            try:
                job = queue.pop()
            except IndexError:
                return
            results[job.path, job.algorithm] = hash_file(job, buffer)

    workers = [threading.Thread(target=work) for _ in range((threads or cores()) - 1)]
    for worker in workers:
        worker.start()
    work()
    for worker in workers:
        worker.join()
    return results


def hash_file(job: Job, buffer: memoryview) -> Hashed:
    """Hash one file; once more if it changed while it was read, then give up on it."""
    result = _hash_once(job, buffer)
    return result if result.error != _CHANGED else _hash_once(job, buffer)


_CHANGED = "the file changed while it was read"


def _hash_once(job: Job, buffer: memoryview) -> Hashed:
    try:
        descriptor = without_waiting(job.path, _FLAGS)
    except OSError as error:
        return Hashed("", False, None, error.strerror or str(error))
    try:
        before = row_of(os.fstat(descriptor))
        hexdigest, head = _digest(descriptor, job, buffer)
        after = row_of(os.fstat(descriptor))
    except OSError as error:
        return Hashed("", False, None, error.strerror or str(error))
    finally:
        os.close(descriptor)
    if before != after:
        return Hashed("", False, None, _CHANGED)
    return Hashed(hexdigest, head == ELF_MAGIC, after)


def _digest(descriptor: int, job: Job, buffer: memoryview) -> Tuple[str, bytes]:
    hasher = hashlib.new(job.algorithm) if job.algorithm != "sha256" else hashlib.sha256()
    count = os.readv(descriptor, [buffer])
    head = bytes(buffer[:4])[:count]
    if job.normalize is not None and head[:2] == b"#!":
        hasher.update(job.normalize(_read_rest(descriptor, bytes(buffer[:count]))))
        return hasher.hexdigest(), head
    while count:
        hasher.update(buffer[:count])
        count = os.readv(descriptor, [buffer])
    return hasher.hexdigest(), head


def _read_rest(descriptor: int, start: bytes) -> bytes:
    chunks: List[bytes] = [start]
    while True:
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
