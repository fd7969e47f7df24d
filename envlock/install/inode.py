"""Files put in place whole: always a new inode, never a write into one that a cache may share."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from envlock.errors import DiskFailed

_PREFIX, _SUFFIX = ".envlock-", ".new"


class NotOurs(Exception):
    """Something else stands in the way; the message is the predicate of "`path` …"."""


def write_new(path: Path, chunks: Iterable[bytes], *, mode: int) -> None:
    """Write `path` beside itself and rename. An exception out of `chunks` leaves the old file as it is.

    Raises NotOurs where a folder stands there, DiskFailed.
    """
    if path.is_dir() and not path.is_symlink():
        raise NotOurs("is a folder where a file belongs")
    temporary = path.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    try:
        _write(temporary, chunks, mode)
        temporary.replace(path)
    except OSError as error:
        raise disk_failed(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_parents(root: Path, path: Path) -> None:
    """Make the folders from `root` down to `path`, and sweep what a killed run left beside it.

    Raises NotOurs where one of them is a link or a file: writing through a link would land elsewhere.
    """
    folder = root
    for part in ("", *path.relative_to(root).parts[:-1]):
        folder = folder / part
        if folder.is_symlink() and folder != root:
            raise NotOurs(f"lies behind the link `{folder.name}`")
        if folder.exists() and not folder.is_dir():
            raise NotOurs(f"lies below `{folder.name}`, which is no folder")
        try:
            folder.mkdir(mode=0o755, parents=folder == root, exist_ok=True)
        except OSError as error:
            raise disk_failed(folder, error) from error
    for left in path.parent.glob(f"{_PREFIX}*{_SUFFIX}"):
        left.unlink(missing_ok=True)


def remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_failed(path, error) from error


def disk_failed(path: Path, error: OSError, advice: str | None = None) -> DiskFailed:
    """`advice` says what to do where the disk is not full; by default what suits a file of an environment."""
    reason = error.strerror or str(error)
    hint = advice or "make the environment writable, then run `envlock sync --repair` again"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space, then run `envlock sync --repair` again"
    return DiskFailed(f"cannot write `{path}`: {reason[:1].lower()}{reason[1:]}", hint=hint)


def _write(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
