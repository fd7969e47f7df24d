"""A wheel as members of a layer: what an installer would put on disk, RECORD and scripts included."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from envlock.agent.identity import LIB, SCRIPTS, entry_list, entry_point_scripts
from envlock.agent.identity import Entry as IdentityEntry
from envlock.errors import BadWheel, HashMismatch
from envlock.image.place import Site
from envlock.image.splice import Item, Plain, Spliced
from envlock.image.tar import Entry, Kind
from envlock.install.scripts import entry_point_script, rewritten
from envlock.lock.model import Wheel
from envlock.resolve.wheels.contents import (
    Archive,
    Contents,
    Member,
    broken_is_bad,
    open_archive,
    read_contents,
)
from envlock.resolve.wheels.values import Valuer

INSTALLER = b"envlock"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_EXECUTABLE = 0o111


def wheel_items(path: Path, wheel: Wheel, site: Site) -> list[Item]:
    """The members of a wheel in an environment, sorted by path.

    `path` is the wheel's file. Raises HashMismatch where it does not hold what was locked, BadWheel.
    """
    with path.open("rb") as stream:
        archive = open_archive(wheel.file, stream)
        contents = read_contents(archive, python_of(site))
        values = _values(archive, contents, wheel)
        made = _Wheel(path=path, stream=stream, archive=archive, contents=contents, values=values, site=site)
        items = [*made.members(), *made.generated()]
    return sorted([*items, made.record(items)], key=lambda item: item.entry.path)


def python_of(site: Site) -> tuple[int, int]:
    major, minor = site.series.split(".")
    return int(major), int(minor)


def _values(archive: Archive, contents: Contents, wheel: Wheel) -> dict[tuple[str, str], IdentityEntry]:
    """What each member counts as. Raises HashMismatch where that is not the locked digest."""
    entries = [value.entry for value in Valuer(archive, contents, prove=False).values()]
    found = hashlib.sha256(entry_list(contents.name, contents.version, entries)).hexdigest()
    if found != wheel.digest:
        raise HashMismatch(
            f"`{wheel.file}` is not the wheel that was locked",
            hint="the index, or a mirror before it, is at fault: name another one in `sources`",
            facts=[("locked", f"digest {wheel.digest}"), ("found", f"digest {found}")],
        )
    return {(entry.place, entry.path): entry for entry in entries}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wheel:
    path: Path
    stream: BinaryIO
    archive: Archive
    contents: Contents
    values: dict[tuple[str, str], IdentityEntry]
    site: Site

    @property
    def info(self) -> str:
        names = (info.orig_filename.partition("/")[0] for info in self.archive.zip.infolist())
        return next(name for name in names if name.endswith(".dist-info"))

    def members(self) -> Iterator[Item]:
        for member in self.contents.members:
            path = self.site.locate(member.place, member.path, self.contents.name)
            script = self._rewritten(member) if member.script else None
            if script is not None:
                yield plain_item(path, script, 0o755)
                continue
            mode = 0o755 if member.place == SCRIPTS or _is_executable(member.info) else 0o644
            entry = Entry(path=path, kind=Kind.FILE, mode=mode, size=member.info.file_size)
            yield Item(entry=entry, body=self._body(member))

    def generated(self) -> Iterator[Item]:
        """What installers write: scripts of entry points, and who installed it."""
        for name, target in sorted(self._scripts().items()):
            path = self.site.locate(SCRIPTS, name, self.contents.name)
            yield plain_item(path, entry_point_script(self.site.python, target), 0o755)
        yield plain_item(f"{self.site.packages}/{self.info}/INSTALLER", INSTALLER, 0o644)

    def record(self, items: list[Item]) -> Item:
        path = f"{self.site.packages}/{self.info}/RECORD"
        rows = [(self.site.recorded(item.entry.path), *_claim(item)) for item in items]
        buffer = io.StringIO(newline="")
        csv.writer(buffer, lineterminator="\n").writerows(sorted([*rows, (self.site.recorded(path), "", "")]))
        return plain_item(path, buffer.getvalue().encode(), 0o644)

    def _scripts(self) -> dict[str, str]:
        name = f"{self.info}/entry_points.txt"
        known = {(LIB, name)} & self.values.keys()
        text = self.archive.zip.read(name).decode() if known else ""
        return entry_point_scripts(text, self.contents.name, python_of(self.site))

    def _rewritten(self, member: Member) -> bytes | None:
        """A script whose first line becomes the environment's; None for one that stays."""
        with broken_is_bad(self.archive.file, member.info.filename):
            content = self.archive.zip.read(member.info)
        script = rewritten(content, self.site.python)
        return None if script == content else script

    def _body(self, member: Member) -> Spliced:
        info, value = member.info, self.values[member.place, member.path]
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadWheel(
                f"`{self.archive.file}` is compressed in a way that no layer can take over",
                facts=[("member", info.filename), ("method", str(info.compress_type))],
            )
        return Spliced(
            file=self.path,
            name=info.filename,
            offset=self._offset(info),
            length=info.compress_size,
            size=info.file_size,
            crc=info.CRC,
            deflated=info.compress_type == zipfile.ZIP_DEFLATED,
            algorithm=value.algorithm,
            hex=value.hex,
        )

    def _offset(self, info: zipfile.ZipInfo) -> int:
        """Where the stream of a member begins, by its local header (APPNOTE 4.3.7)."""
        self.stream.seek(info.header_offset)
        magic, name, extra = _LOCAL_HEADER.unpack(self.stream.read(_LOCAL_HEADER.size))
        if magic != b"PK\x03\x04":
            raise BadWheel(f"`{self.archive.file}` is broken: a member has no header")
        return int(info.header_offset + _LOCAL_HEADER.size + name + extra)


def plain_item(path: str, content: bytes, mode: int, owner: int = 0) -> Item:
    entry = Entry(path=path, kind=Kind.FILE, mode=mode, size=len(content), owner=owner)
    return Item(entry=entry, body=Plain(content=content))


def _is_executable(info: zipfile.ZipInfo) -> bool:
    return bool(info.external_attr >> 16 & _EXECUTABLE)


def _claim(item: Item) -> tuple[str, str]:
    """Hash and size of a file as RECORD has them."""
    match item.body:
        case Spliced(algorithm=algorithm, hex=hexdigest, size=size):
            return _hash(algorithm, hexdigest), str(size)
        case Plain(content=content):
            return _hash("sha256", hashlib.sha256(content).hexdigest()), str(len(content))
    return "", ""


def _hash(algorithm: str, hexdigest: str) -> str:
    return f"{algorithm}={base64.urlsafe_b64encode(bytes.fromhex(hexdigest)).rstrip(b'=').decode()}"
