"""Every file of a bundle against the lock inside: none missing, none besides, none with other bytes.

1  the index against the lock   what the lock wants, under its hash, and nothing else that claims to be of it
2  the files against the index  every byte
3  what says what to install    requirements, channels and the layout name what the lock names; RECORDs are
                                those of the wheels
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from envlock.audit.bundle.model import INDEX, Bundle, Item, Kind, Place, Row
from envlock.audit.bundle.papers import channel_papers, record_of, requirements, runtimes
from envlock.audit.bundle.read import MOST_DOCUMENT_BYTES
from envlock.audit.bundle.slices import open_place
from envlock.audit.bundle.wanted import (
    LAYOUT_PAPERS,
    blob_path,
    image_rows,
    locked_rows,
    record_path,
    wheels_of,
)
from envlock.errors import BadWheel
from envlock.lock.model import Wheel
from envlock.resolve.model import Event, OnEvent
from envlock.resolve.oci.media import (
    BadImage,
    Document,
    ImageManifest,
    media_type_of,
    parse_json,
    parse_manifest,
)

STEP: Final = "verify the bundle"
_LOCKED: Final = (Kind.WHEEL, Kind.CONDA, Kind.IMAGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with a file of a bundle."""

    code: str
    path: str
    message: str
    expected: str | None = None
    observed: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What came of it: `files` and `size` (bytes) were hashed; `has_image`: the base image is in it."""

    platforms: tuple[str, ...]
    runtime: Mapping[str, Mapping[str, str]]
    files: int
    size: int
    has_image: bool
    problems: tuple[Problem, ...]


def verify_bundle(bundle: Bundle, on_event: OnEvent) -> Verified:
    """Hash every file and hold it against the lock."""
    index = bundle.index
    differing = dict(_hashed(bundle, on_event))
    sound = {row.path: row for row in index.files if row.path not in differing}
    problems = [
        *differing.values(),
        *_besides(bundle),
        *_against_lock(bundle, sound),
        *_papers(bundle, sound),
    ]
    return Verified(
        platforms=index.platforms,
        runtime=runtimes(bundle.lock, index.platforms),
        files=len(index.files),
        size=sum(row.size for row in index.files),
        has_image=any(row.kind is Kind.IMAGE for row in index.files),
        problems=tuple(sorted(problems, key=lambda each: (each.path, each.code))),
    )


def _hashed(bundle: Bundle, on_event: OnEvent) -> Iterator[tuple[str, Problem]]:
    rows = bundle.index.files
    for done, row in enumerate(rows):
        on_event(Event(step=STEP, done=done, total=len(rows)))
        place = bundle.places.get(row.path)
        problem = _missing(row) if place is None else _compared(row, place)
        if problem is not None:
            yield row.path, problem


def _compared(row: Row, place: Place) -> Problem | None:
    if place.size != row.size:
        return _differs(row.path, f"{row.size} bytes", f"{place.size} bytes")
    digest = hashlib.sha256()
    for chunk in place.chunks():
        digest.update(chunk)
    return None if digest.hexdigest() == row.sha256 else _differs(row.path, row.sha256, digest.hexdigest())


def _besides(bundle: Bundle) -> Iterator[Problem]:
    for path in sorted(bundle.places.keys() - {row.path for row in bundle.index.files} - {INDEX}):
        yield _extra(path, f"`{path}` is in no list of the bundle")


def _against_lock(bundle: Bundle, sound: Mapping[str, Row]) -> Iterator[Problem]:
    index, lock = bundle.index, bundle.lock
    if dict(index.runtime) != runtimes(lock, index.platforms):
        message = "the runtime hashes of the index are not those of the lock"
        yield Problem(code="differs-from-lock", path=INDEX, message=message)
    wanted = _wanted(bundle, sound)
    listed = {row.path: row for row in index.files}
    for path, sha256 in wanted.items():
        if path not in listed:
            yield Problem(code="missing", path=path, message=f"`{path}` of the lock is not in the bundle")
        elif listed[path].sha256 != sha256:
            yield _differs(path, sha256, listed[path].sha256)
    for row in index.files:
        if row.kind in _LOCKED and row.path not in wanted and row.path not in LAYOUT_PAPERS:
            yield _extra(row.path, f"`{row.path}` is not in the lock")


def _wanted(bundle: Bundle, sound: Mapping[str, Row]) -> dict[str, str]:
    """Path -> sha256 of all that the lock names. A bundle may do without the image, not with half of it."""
    index = bundle.index
    wanted = {row.path: row.sha256 for row in locked_rows(bundle.lock, index.platforms)}
    if any(row.kind is Kind.IMAGE for row in index.files):
        for digest in _manifest_digests(bundle):
            wanted[blob_path(digest)] = digest.removeprefix("sha256:")
        wanted |= {row.path: row.sha256 for row in image_rows(_manifests(bundle, sound))}
    return wanted


def _manifest_digests(bundle: Bundle) -> Iterator[str]:
    image = bundle.lock.image
    for platform in bundle.index.platforms:
        if image is not None and platform in image.platforms:
            yield image.platforms[platform].manifest


def _manifests(bundle: Bundle, sound: Mapping[str, Row]) -> Iterator[ImageManifest]:
    """The manifests of the lock that are here, proved; one that cannot be read is told of elsewhere."""
    for digest in _manifest_digests(bundle):
        path = blob_path(digest)
        row = sound.get(path)
        if row is None or f"sha256:{row.sha256}" != digest or row.size > MOST_DOCUMENT_BYTES:
            continue
        content = _content(bundle, path)
        try:
            kind = media_type_of(parse_json(content), "")
            yield parse_manifest(Document(media_type=kind, digest=digest, content=content))
        except BadImage:
            continue


def _papers(bundle: Bundle, sound: Mapping[str, Row]) -> Iterator[Problem]:
    lock, platforms = bundle.lock, bundle.index.platforms
    due = [*requirements(lock, platforms), *channel_papers(lock, platforms)]
    listed = {row.path for row in bundle.index.files}
    for item in due:
        if item.row.path not in listed:
            yield _missing(item.row)
        elif item.row.path in sound and not _means_the_same(item, _small(bundle, item.row.path)):
            yield _other_paper(item.row.path)
    known = {item.row.path for item in due}
    for row in bundle.index.files:
        if row.kind in (Kind.REQUIREMENTS, Kind.CHANNEL) and row.path not in known:
            yield _extra(row.path, f"`{row.path}` is not of the lock")
    yield from _layout(bundle, sound)
    yield from _records(bundle, sound)


def _means_the_same(item: Item, found: bytes | None) -> bool:
    """Equal but for comments, which another envlock may word in another way."""
    due = b"".join(item.chunks())
    return found is not None and _meaning(item.row.path, found) == _meaning(item.row.path, due)


def _meaning(path: str, content: bytes) -> object:
    try:
        if path.endswith(".json"):
            return json.loads(content)
        lines = content.decode().splitlines()
    except (ValueError, RecursionError):
        return None
    return sorted(line for line in lines if line and not line.startswith("#"))


def _layout(bundle: Bundle, sound: Mapping[str, Row]) -> Iterator[Problem]:
    """The layout of the image leads to manifests of the lock, and to nothing else."""
    path = LAYOUT_PAPERS[1]
    if path not in sound:
        return
    try:
        rows = json.loads(_small(bundle, path) or b"")["manifests"]
        digests = {row["digest"] for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError):
        digests = {None}
    if digests != set(_manifest_digests(bundle)):
        yield _other_paper(path)


def _records(bundle: Bundle, sound: Mapping[str, Row]) -> Iterator[Problem]:
    wheels = wheels_of(bundle.lock, bundle.index.platforms).values()
    due = {record_path(wheel): wheel for wheel in wheels}
    for row in bundle.index.files:
        if row.kind is not Kind.RECORD:
            continue
        wheel = due.get(row.path)
        if wheel is None:
            yield _extra(row.path, f"`{row.path}` is of no wheel of the lock")
            continue
        source = sound.get(f"wheels/{wheel.file}")
        if source is None or source.sha256 != wheel.sha256 or row.path not in sound:
            continue  # told of already
        if _record_sha256(bundle, source.path, wheel) != row.sha256:
            yield Problem(
                code="differs-from-lock",
                path=row.path,
                message=f"`{row.path}` is not the RECORD of its wheel",
            )


def _record_sha256(bundle: Bundle, path: str, wheel: Wheel) -> str | None:
    try:
        with open_place(bundle.places[path]) as stream:
            return record_of(stream, wheel).row.sha256
    except BadWheel:
        return None


def _small(bundle: Bundle, path: str) -> bytes | None:
    return _content(bundle, path) if bundle.places[path].size <= MOST_DOCUMENT_BYTES else None


def _content(bundle: Bundle, path: str) -> bytes:
    return b"".join(bundle.places[path].chunks())


def _missing(row: Row) -> Problem:
    return Problem(code="missing", path=row.path, message=f"`{row.path}` is not in the bundle")


def _extra(path: str, message: str) -> Problem:
    return Problem(code="extra", path=path, message=message)


def _differs(path: str, expected: str, observed: str) -> Problem:
    return Problem(
        code="differs",
        path=path,
        message=f"`{path}` has other bytes",
        expected=expected,
        observed=observed,
    )


def _other_paper(path: str) -> Problem:
    return Problem(
        code="differs-from-lock", path=path, message=f"`{path}` names other things than the lock does"
    )
