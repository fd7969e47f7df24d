"""The lockfile on disk: read whole, written atomically."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

from envlock.errors import DiskFailed, LockfileInvalid
from envlock.lock.model import Lock
from envlock.lock.reader import loads
from envlock.lock.writer import dumps

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_LEFTOVER_SECONDS = 3600


def read_lock(path: Path) -> Lock:
    """The lock of a file. Raises LockfileInvalid, also where there is no file to read."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        raise LockfileInvalid(
            "there is no lockfile", where=str(path), hint="`envlock lock` makes it"
        ) from error
    except UnicodeDecodeError as error:
        message = f"the lockfile is not UTF-8 (byte {error.start})"
        raise LockfileInvalid(
            message,
            where=str(path),
            hint="restore it from version control, or remove it and run `envlock lock`",
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LockfileInvalid(f"the lockfile cannot be read: {_lowered(reason)}", where=str(path)) from error
    return loads(text, where=str(path))


def write_lock(path: Path, lock: Lock) -> bool:
    """Write `lock`; False, and the file untouched, where its bytes are these already.

    Atomic: a reader, a second writer or a kill at any point sees the old file or the new one, whole.
    A link is followed, the file's mode kept. Raises DiskFailed.
    """
    data = dumps(lock).encode()
    try:
        target = path.resolve()
        _refuse_special(path, target)
        if _holds(target, data):
            return False
        replace_bytes(target, data)
        _sweep(target)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise write_failed(path, error) from error
    return True


def _refuse_special(path: Path, target: Path) -> None:
    """Raise where a device or folder lies: root's rename would put a file in the place of /dev/null."""
    if target.exists() and not target.is_file():
        hint = _hint(None, path)
        raise DiskFailed("the lockfile cannot be written: not a regular file", where=str(path), hint=hint)


def _holds(target: Path, data: bytes) -> bool:
    try:
        return target.read_bytes() == data
    except OSError:
        return False


def replace_bytes(target: Path, data: bytes) -> None:
    """Put `data` in the place of `target` in one step. Raises OSError, and then leaves nothing behind."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        _write_through(temporary, data, _mode(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _write_through(temporary: Path, data: bytes, mode: int | None) -> None:
    """Write and reach the disk: a rename may be there after a power cut while the bytes are not."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _mode(target: Path) -> int | None:
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        return None


def _sync_directory(folder: Path) -> None:
    with suppress(OSError):  # the file stands; some file systems cannot sync a directory
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(target: Path) -> None:
    """Remove what killed writers left beside the file; none takes an hour, so no living one is hit."""
    oldest = time.time() - _LEFTOVER_SECONDS
    for path in target.parent.iterdir():
        if path.name.startswith(f".{target.name}.") and path.suffix == ".tmp":
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def write_failed(path: Path, error: OSError | RuntimeError) -> DiskFailed:
    reason = getattr(error, "strerror", None) or str(error)
    number = error.errno if isinstance(error, OSError) else None
    return DiskFailed(
        f"the lockfile cannot be written: {_lowered(reason)}", where=str(path), hint=_hint(number, path)
    )


def _hint(number: int | None, path: Path) -> str:
    if number in _FULL:
        return f"free some space where `{path.name}` lies; the old file stands as it was"
    if number in _FORBIDDEN:
        return "make the folder writable, or name another file: `envlock lock -o FILE`"
    if number == errno.ENOENT:
        return f"make the folder first: `mkdir -p {path.parent}`"
    return "name another file: `envlock lock -o FILE`"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
