"""A thing that appears whole: made in a folder beside its place, then put there in one step.

The folder `.{name}.{twelve hex digits}` is locked by whoever works in it. A killed run's lock is gone with
it, so the next run for the same place knows what it may remove, and takes nothing from a living one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envlock.errors import DiskFailed

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A path on the disk of `target` at which nothing is yet; gone afterwards, whatever happens.

    What killed runs left for the same target is removed first. Raises OSError.
    """
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    folder, descriptor = _own(target)
    try:
        yield folder / "new"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def written_beside(target: Path, what: str) -> Iterator[Path]:
    """`beside`, for writing `what`. Raises DiskFailed."""
    try:
        with beside(target) as place:
            yield place
    except OSError as error:
        raise DiskFailed(
            f"cannot write the {what}: {(error.strerror or str(error)).lower()}",
            where=str(target),
            hint="free some space, or name another place: `-o PATH`",
        ) from error


def take_the_place(new: Path, target: Path) -> None:
    """Put what `beside` gave where `target` is: at every moment the old thing stands there or the new one.

    Where the system cannot exchange two folders in one step, the next run brings back an old one that a
    kill between the two steps left aside. Raises OSError.
    """
    target = target.absolute()
    while True:
        if not target.is_dir() and _put(new, target):
            return
        if _exchange(new, target) or _in_two_steps(new, target):
            return


def _put(new: Path, target: Path) -> bool:
    """Rename; False where another run has put a folder there meanwhile."""
    try:
        new.replace(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR):
            raise
        return False
    return True


def _in_two_steps(new: Path, target: Path) -> bool:
    """False where another run has been between the two steps, or was faster: then all is tried again."""
    old = new.with_name("old")
    try:
        target.rename(old)
    except FileNotFoundError:
        return False
    if _put(new, target):
        return True
    shutil.rmtree(old, ignore_errors=True)  # the other run's thing stands there now
    return False


def _own(target: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that holds its lock."""
    while True:
        folder = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        folder.mkdir()
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # another run swept it before it was locked
        with suppress(OSError):  # a file system without locks: nobody sweeps there either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():
            return folder, descriptor
        os.close(descriptor)


def _sweep(target: Path) -> None:
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}")
    for folder in [path for path in target.parent.iterdir() if name.fullmatch(path.name)]:
        with suppress(OSError), _unowned(folder):
            if not os.path.lexists(target) and (folder / "old").exists():
                (folder / "old").rename(target)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _unowned(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder that nobody works in. Raises OSError where somebody does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    """Swap what two paths name, in one step (renameat2); False where the system or the disk cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    paths = (os.fsencode(one), os.fsencode(other))
    return bool(renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)
