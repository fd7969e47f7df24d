"""Files of uv's cache that hold other bytes than the wheel they were unpacked from.

uv links files out of its cache. One that was edited in place, through a link, comes back with every
installation, hashes or not: uv checks the hash of a wheel when it downloads it, and never again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from envlock.agent.identity import SCRIPTS, Entry, UnsafePath, normalize_wheel_script, parse_record
from envlock.resolve.uv import Environment, run_uv, workspace


def cache_folder(environment: Environment) -> Path | None:
    """Where uv keeps its cache, by its own answer."""
    with workspace() as folder:
        outcome = run_uv(("cache", "dir"), directory=folder, environment=environment)
    text = outcome.stdout.strip()
    return Path(text) if outcome.status == 0 and text else None


def unpacked_wheels(cache: Path, info: str) -> Iterator[Path]:
    """The folders of the cache that hold an unpacked wheel with the dist-info folder `info`."""
    for record in sorted(cache.glob(f"archive-v*/*/{_literal(info)}/RECORD")):
        yield record.parent.parent


def is_poisoned(unpacked: Path, info: str, member: str, entry: Entry) -> bool:
    """Is `member` of an unpacked wheel other than its own RECORD, and the lock's `entry`, say?

    A wheel whose RECORD says otherwise is another build, not a poisoned one.
    """
    try:
        rows = parse_record((unpacked / info / "RECORD").read_text(encoding="utf-8"))
        claim = next((row for row in rows if row.path == member), None)
        return (
            claim is not None and _claims(claim.hex, entry) and _value(unpacked / member, entry) != entry.hex
        )
    except (OSError, ValueError, UnsafePath):
        return False


def _claims(claimed: str, entry: Entry) -> bool:
    """The value of a script is that of its normalised text, which RECORD does not give."""
    return claimed in ("", entry.hex) or entry.place == SCRIPTS


def _value(path: Path, entry: Entry) -> str:
    if entry.place == SCRIPTS:
        return hashlib.sha256(normalize_wheel_script(path.read_bytes())).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, entry.algorithm).hexdigest()


def _literal(name: str) -> str:
    """`name` for a glob pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
