"""Two lockfiles, two facts documents, or a lockfile and facts -> what differs."""

from __future__ import annotations

from pathlib import Path

from envlock.api.verifying import How, judge_facts
from envlock.errors import UsageFault
from envlock.lock.diff import LockDiff
from envlock.lock.diff import diff as diff_locks
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.observe import read_facts
from envlock.report.facts_diff import FactsDiff
from envlock.verify.platform import locked_platform

_LOCKFILE = "envlock.lock"


def diff(old: Path, new: Path) -> LockDiff:
    """What differs between two lockfiles; of a directory, its envlock.lock.

    Raises LockfileInvalid, and UsageFault for a file that is JSON.
    """
    for path in (old, new):
        if is_facts(path):
            raise UsageFault(
                f"`{path}` is JSON, and no lockfile",
                hint="`diff_hosts` compares facts, and a lock with facts",
            )
    return diff_locks(_read(old), _read(new))


def diff_hosts(old: Path, new: Path, *, cache: Path | None = None) -> FactsDiff:
    """What differs between the facts of two hosts, or between a lockfile and the facts of a host.

    Raises CouldNotTell for what is no facts document or of a platform that is not locked, LockfileInvalid.
    """
    from envlock.verify.facts_diff import diff_facts, diff_lock

    if is_facts(old) and is_facts(new):
        return diff_facts(read_facts(old), read_facts(new))
    lock, facts = (new, old) if is_facts(old) else (old, new)
    locked, document = _read(lock), read_facts(facts)
    platform = locked_platform(locked, document["host"].get("platform", ""))
    return diff_lock(judge_facts(locked, document, platform, How(), cache))


def _read(path: Path) -> Lock:
    return read_lock(path / _LOCKFILE if path.is_dir() else path)


def is_facts(path: Path) -> bool:
    """Whether a file begins as a JSON document does; no TOML begins so."""
    try:
        with path.open("rb") as file:
            return file.read(256).lstrip().startswith(b"{")
    except OSError:
        return False
