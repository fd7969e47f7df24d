"""Two lockfiles -> what differs."""

from __future__ import annotations

from pathlib import Path

from envlock.errors import UsageFault
from envlock.lock.diff import LockDiff
from envlock.lock.diff import diff as diff_locks
from envlock.lock.file import read_lock
from envlock.lock.model import Lock

_LOCKFILE = "envlock.lock"


def diff(old: Path, new: Path) -> LockDiff:
    """What differs between two lockfiles; of a directory, its envlock.lock.

    Raises LockfileInvalid, and UsageFault for a file that is JSON.
    """
    _refuse_facts(old, new)
    return diff_locks(_read(old), _read(new))


def _read(path: Path) -> Lock:
    return read_lock(path / _LOCKFILE if path.is_dir() else path)


def _refuse_facts(old: Path, new: Path) -> None:
    """Facts are of a host: to hold them against a lock is what `verify` does."""
    for path, other in ((old, new), (new, old)):
        if _is_json(path):
            lock = f" -l {other}" if not _is_json(other) else ""
            raise UsageFault(
                f"`{path}` is JSON, and no lockfile",
                hint=f"`envlock verify --facts {path}{lock}` judges what an agent printed",
            )


def _is_json(path: Path) -> bool:
    """Whether a file begins as a JSON document does; no TOML begins so."""
    try:
        with path.open("rb") as file:
            return file.read(256).lstrip().startswith(b"{")
    except OSError:
        return False
