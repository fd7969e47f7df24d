"""A bundle on disk: an archive whose bytes depend on its content alone, or a folder. It appears whole, or
not at all; large files are streamed, and each is hashed on its way in."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from envlock.audit.bundle.model import INDEX, TOP, Item
from envlock.audit.bundle.wanted import AGENT
from envlock.errors import DiskFailed, HashMismatch, UsageFault
from envlock.image.beside import take_the_place, written_beside
from envlock.image.tar import END, Entry, Kind, header, padding
from envlock.report.text import size
from envlock.resolve.model import Event, OnEvent

STEP = "write the bundle"


def write_bundle(items: Sequence[Item], target: Path, on_event: OnEvent) -> int:
    """Write `items` as an archive (`….tar`) or a folder; return its size in bytes.

    Raises UsageFault where something else stands there, DiskFailed, HashMismatch for a file that changed.
    """
    is_archive = target.suffix == ".tar"
    _refuse_other(target, is_archive=is_archive)
    require_space(target, tar_size(items))
    ordered = in_order(items)
    with written_beside(target, "bundle") as place:
        told = _Told(on_event, len(ordered))
        if is_archive:
            _write_tar(ordered, place, told)
        else:
            _write_folder(ordered, place, told)
        take_the_place(place, target)
    return tar_size(items) if is_archive else sum(item.row.size for item in items)


def in_order(items: Sequence[Item]) -> list[Item]:
    """The index first, then what is small and for people, then the rest by path."""
    return sorted(items, key=lambda item: (item.row.path != INDEX, item.row.path.count("/"), item.row.path))


def tar_size(items: Sequence[Item]) -> int:
    """The bytes of the archive."""
    members = sum(len(header(_entry(item))) + item.row.size + len(padding(item.row.size)) for item in items)
    return members + len(header(_folder())) + len(END)


def require_space(target: Path, needed: int) -> None:
    """Raise DiskFailed where the disk of `target` has no room for so many bytes."""
    folder = next(each for each in (target.absolute(), *target.absolute().parents) if each.is_dir())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFailed(
            f"there is no room for {size(needed)} in `{folder}`: {size(free)} are free",
            where=str(target),
            hint="free some space, or name another disk",
        )


class _Told:
    """Says how far the writing is."""

    def __init__(self, on_event: OnEvent, total: int) -> None:
        self._on_event, self._total, self._done = on_event, total, 0
        on_event(Event(step=STEP, total=total))

    def one(self) -> None:
        self._done += 1
        self._on_event(Event(step=STEP, done=self._done, total=self._total))


def _write_tar(items: Sequence[Item], place: Path, told: _Told) -> None:
    with place.open("xb") as archive:
        archive.write(header(_folder()))
        for item in items:
            archive.write(header(_entry(item)))
            _copy(item, archive.write)
            archive.write(padding(item.row.size))
            told.one()
        archive.write(END)
        archive.flush()
        os.fsync(archive.fileno())


def _write_folder(items: Sequence[Item], place: Path, told: _Told) -> None:
    place.mkdir()
    for item in items:
        file = place / item.row.path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as stream:
            _copy(item, stream.write)
        file.chmod(_mode(item))
        told.one()


def _copy(item: Item, write: Callable[[bytes], object]) -> None:
    """Raises HashMismatch where the bytes are no longer those that were promised."""
    digest, count = hashlib.sha256(), 0
    for chunk in item.chunks():
        digest.update(chunk)
        count += len(chunk)
        if count > item.row.size:
            break
        write(chunk)
    if count != item.row.size or digest.hexdigest() != item.row.sha256:
        raise HashMismatch(
            f"`{item.row.path}` is not the file that was locked",
            hint="run the command again; if it stays so, the file in the wheelhouse or the cache is at fault",
            facts=[("locked", item.row.sha256), ("found", digest.hexdigest())],
        )


def _entry(item: Item) -> Entry:
    return Entry(path=f"{TOP}/{item.row.path}", kind=Kind.FILE, mode=_mode(item), size=item.row.size)


def _folder() -> Entry:
    return Entry(path=TOP, kind=Kind.FOLDER, mode=0o755)


def _mode(item: Item) -> int:
    return 0o755 if item.row.path == AGENT else 0o644


def _refuse_other(target: Path, *, is_archive: bool) -> None:
    """A file may be replaced by an archive, a bundle by a bundle; nothing else by anything."""
    if target.name.endswith((".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2", ".zip")):
        raise UsageFault(
            f"`{target.name}` is no name of a bundle: what is in it is compressed already",
            hint="name a file `-o FILE.tar`, or a folder",
        )
    if is_archive and target.is_dir():
        raise UsageFault(f"`{target}` is a directory", hint="name a file: `-o bundle.tar`")
    if is_archive or not os.path.lexists(target):
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / INDEX).is_file()):
        raise UsageFault(
            f"`{target}` is there and is no bundle", hint="name another folder, or a file `-o FILE.tar`"
        )
