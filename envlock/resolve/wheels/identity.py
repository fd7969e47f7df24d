"""The identity of a wheel: its digest and all that the lock keeps of it (IDENTITY 2).

Read over ranges, a wheel of 800 MB costs a few requests: the zip's directory, RECORD and metadata. From a
whole wheel every member is hashed, which proves what RECORD says. Both ways share all code but that.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from envlock.agent.identity import entry_list
from envlock.errors import HashMismatch
from envlock.resolve.wheels.contents import open_archive, read_contents
from envlock.resolve.wheels.values import Valuer, fixups
from envlock.resolve.wheels.wheel import Traffic, WheelIdentity, WheelSource

if TYPE_CHECKING:
    import requests

    from envlock.resolve.wheels.entries import EntryCache

__all__ = ["WheelIdentity", "WheelSource", "identify", "identify_all", "identify_archive"]

JOBS: Final = 16


def identify_archive(
    wheel: Path | BinaryIO, *, python: tuple[int, int], file: str | None = None, sha256: str | None = None
) -> WheelIdentity:
    """Identify a whole wheel by hashing every member.

    `file` is the wheel's name where `wheel` is an open file; `sha256`, when given, must be the wheel's.
    Raises RecordLies, BadWheel, HashMismatch.
    """
    if isinstance(wheel, Path):
        with wheel.open("rb") as stream:
            return identify_archive(stream, python=python, file=file or wheel.name, sha256=sha256)
    if file is None:
        raise TypeError("an open wheel needs its file name")
    found = _sha256_of(wheel)
    if sha256 is not None and found != sha256:
        raise hash_mismatch(file, sha256, found)
    return identity_of_whole(file, wheel, found, python)


def identify(source: WheelSource, *, python: tuple[int, int], session: requests.Session) -> WheelIdentity:
    """Identify a wheel on a server, by ranges where they will do.

    Raises IndexFailed, HashMismatch, BadWheel, RecordLies.
    """
    from envlock.resolve.wheels import ranges, remote  # requests costs 0.1 s

    return remote.Identifier(ranges.Downloader(session), python).identify(source)


def identify_all(
    sources: Iterable[WheelSource],
    *,
    python: tuple[int, int],
    session: requests.Session | None = None,
    cache: EntryCache | None = None,
    on_progress: Callable[[WheelIdentity], None] | None = None,
) -> dict[str, WheelIdentity]:
    """Identify wheels side by side: file name -> identity, in the order of `sources`.

    What the cache knows is not asked for again. `on_progress` is called in this thread, once for each
    wheel. The first failure cancels the rest; what else had failed by then stands in its facts.
    """
    wanted = {source.file: source for source in sources}
    known: dict[str, WheelIdentity] = {}
    for identity in _identities(tuple(wanted.values()), python, session, cache):
        known[identity.file] = identity
        if on_progress is not None:
            on_progress(identity)
    return {file: known[file] for file in wanted}


def _identities(
    sources: tuple[WheelSource, ...],
    python: tuple[int, int],
    session: requests.Session | None,
    cache: EntryCache | None,
) -> Iterable[WheelIdentity]:
    missing = []
    for source in sources:
        known = cache.identity(source.file, source.sha256, python) if cache and source.sha256 else None
        if known is None:
            missing.append(source)
        else:
            yield known
    if not missing:
        return
    from envlock.resolve.wheels.remote import identify_side_by_side  # requests costs 0.1 s

    for identity in identify_side_by_side(missing, python, session, JOBS):
        if cache is not None:
            cache.keep(identity, python)
        yield identity


def identity_of_whole(
    file: str, stream: BinaryIO, sha256: str, python: tuple[int, int], traffic: Traffic | None = None
) -> WheelIdentity:
    """Identify an open wheel whose hash is known to be `sha256`."""
    size = stream.seek(0, io.SEEK_END)
    archive = open_archive(file, stream)
    valuer = Valuer(archive, read_contents(archive, python), prove=True)
    return assembled(file, sha256, size, valuer, traffic or Traffic())


def assembled(file: str, sha256: str, size: int, valuer: Valuer, traffic: Traffic) -> WheelIdentity:
    """Value every member, and put the identity together."""
    contents = valuer.contents
    values = valuer.values()
    entries = entry_list(contents.name, contents.version, (value.entry for value in values))
    return WheelIdentity(
        file=file,
        name=contents.name,
        version=contents.version,
        sha256=sha256,
        size=size,
        unpacked=contents.unpacked,
        files=len(values),
        digest=hashlib.sha256(entries).hexdigest(),
        fixups=fixups(values, contents),
        entries=entries,
        requires_dist=contents.requires_dist,
        requires_python=contents.requires_python,
        proved=valuer.prove,
        fetched_bytes=traffic.received,
        requests=traffic.requests,
        downloaded_whole=traffic.whole_because,
    )


def hash_mismatch(file: str, listed: str, found: str) -> HashMismatch:
    return HashMismatch(
        f"`{file}` is not the file that its index lists",
        facts=(("listed", listed), ("found", found)),
        hint="run the command again; if it stays so, the index or a mirror before it is at fault",
    )


def _sha256_of(stream: BinaryIO) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
