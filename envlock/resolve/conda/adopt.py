"""Conda packages of another tool's lock: they come as they are there, and nothing else comes."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.errors import ForeignLockInvalid, HashMismatch
from envlock.manifest.tables import Faults
from envlock.resolve.conda.model import AdoptedPackage, CondaWish, Record


def judge_adopted(wish: CondaWish, records: Iterable[Record]) -> None:
    """Raise where `records` are not what the other lock has: HashMismatch, ForeignLockInvalid."""
    adopted = {each.name: each for each in wish.adopted or ()}
    faults = Faults()
    for record in records:
        if record.name in adopted:
            _judge_hash(record, adopted[record.name])
        else:
            faults.add(wish.where, f"`{record.spoken}` is needed on {wish.platform}, and not pinned")
    faults.raise_if_any(ForeignLockInvalid, "the lock to adopt", "lock anew with the tool that made it")


def _judge_hash(record: Record, adopted: AdoptedPackage) -> None:
    for kind, there, here in (
        ("sha256", adopted.sha256, record.sha256),
        ("MD5", adopted.md5, record.md5),
    ):
        if there is not None and here is not None and there != here:
            raise HashMismatch(
                f"`{record.file}` of the channel `{record.channel}` is not the one that was locked",
                where=adopted.origin,
                hint="name the channel that it came from in [tool.envlock.sources]",
                facts=[("locked", f"{kind} {there}"), ("channel has", f"{kind} {here}")],
            )
