"""A bundle opened: its index and its lock, each read within bounds and proved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from envlock.audit.bundle.archive import places_in
from envlock.audit.bundle.index import read_index
from envlock.audit.bundle.model import INDEX, Bundle, Place, Row
from envlock.errors import BundleInvalid, DiskFailed, HashMismatch
from envlock.lock.model import Lock
from envlock.lock.reader import loads
from envlock.manifest.tables import Faults

MOST_DOCUMENT_BYTES: Final = 64 << 20


def open_bundle(path: Path) -> Bundle:
    """Raises BundleInvalid, LockfileInvalid, HashMismatch where the lock is not the one of the index."""
    if not path.exists():
        raise BundleInvalid(
            "there is no bundle", where=str(path), hint="`envlock bundle -o FILE.tar` makes one"
        )
    places = places_in(path)
    index = read_index(document(places, INDEX, path))
    row = next(each for each in index.files if each.path == index.lock)
    content = document(places, index.lock, path)
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise _other(row, hashlib.sha256(content).hexdigest())
    lock = _lock(content, index.lock)
    _judge_platforms(index.platforms, lock)
    return Bundle(path=path, index=index, lock=lock, places=places)


def document(places: Mapping[str, Place], path: str, bundle: Path) -> bytes:
    """A small file of a bundle, whole. Raises BundleInvalid where it is missing or larger than any."""
    place = places.get(path)
    if place is None:
        raise BundleInvalid(
            f"it is no bundle: there is no `{path}` in it",
            where=str(bundle),
            hint="`envlock bundle -o FILE.tar` makes one",
        )
    if place.size > MOST_DOCUMENT_BYTES:
        raise BundleInvalid(f"`{path}` in it is larger than any", where=str(bundle))
    return b"".join(place.chunks())


def _lock(content: bytes, path: str) -> Lock:
    try:
        return loads(content.decode(), where=path)
    except UnicodeDecodeError as error:
        raise BundleInvalid("the lock in it is no UTF-8", where=path) from error


def _judge_platforms(platforms: Iterable[str], lock: Lock) -> None:
    faults = Faults()
    for platform in platforms:
        if platform not in lock.platforms:
            faults.add(f"{INDEX}, platforms", f"the lock has no platform `{platform}`")
    faults.raise_if_any(BundleInvalid, INDEX)


def unpack(bundle: Bundle, rows: Iterable[Row], folder: Path) -> None:
    """Write files flat into `folder`, by the last part of their path, each proved by its hash.

    A file of a bundle that is a folder is linked to, not copied. Raises HashMismatch, DiskFailed.
    """
    for row in rows:
        place, target = bundle.places[row.path], folder / row.path.rpartition("/")[2]
        try:
            if bundle.path.is_dir():
                target.symlink_to(place.file.absolute())
                for _ in proved(row, place):
                    pass
                continue
            with target.open("xb") as stream:
                for chunk in proved(row, place):
                    stream.write(chunk)
        except OSError as error:
            raise DiskFailed(
                f"cannot unpack `{row.path}`: {(error.strerror or str(error)).lower()}",
                where=str(folder),
                hint="free some space, then run the command again",
            ) from error


def proved(row: Row, place: Place) -> Iterator[bytes]:
    """The bytes of a file; raises HashMismatch before the end where they are not those of `row`."""
    digest = hashlib.sha256()
    for chunk in place.chunks():
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != row.sha256:
        raise _other(row, digest.hexdigest())


def _other(row: Row, found: str) -> HashMismatch:
    return HashMismatch(
        f"`{row.path}` of the bundle is not the file that was locked",
        hint="`envlock bundle verify FILE` tells all that differs; fetch the bundle again",
        facts=[("locked", row.sha256), ("found", found)],
    )
