"""The sections of an ELF file, from anything that can be read at an offset: a file, or a member of a wheel.

A member of a wheel is inflated as it is read, and again from its beginning for each step back: what is read
here is asked for in ascending order, but for the table of sections, which stands at the end of a library.
Nothing is held but that table and what is asked for. Source of the layout: System V ABI, "Object Files".
"""

import os
import struct
import zipfile
import zlib
from typing import IO, Iterator, NamedTuple, Optional, Protocol, Tuple

_MOST_SECTIONS = 65_279  # 0xff00: more are counted elsewhere, and no library has them
_MOST_NAMES = 16 << 20
_MOST_LIBRARY = 32 << 30
_STEP = 1 << 20


class LibraryFault(ValueError):
    """An ELF file that contradicts itself: what is wrong, without the name of the file."""


class Source(Protocol):
    """Bytes by offset. `read_at` gives fewer than asked for at the end only."""

    size: int

    def read_at(self, offset: int, size: int) -> bytes: ...


class FileSource:
    """A file on disk."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read_at(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)


class MemberSource:
    """A member of a zip, opened: `size` is what the zip's directory claims; no more is inflated."""

    def __init__(self, member: IO[bytes], size: int) -> None:
        self._member = member
        self.size = size

    def read_at(self, offset: int, size: int) -> bytes:
        try:
            self._member.seek(offset)
            return self._member.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as fault:
            raise LibraryFault("the zip holds other bytes than it claims") from fault


class Section(NamedTuple):
    """A section: `link` is the index of the one that it refers to."""

    name: str
    kind: int
    offset: int
    size: int
    link: int


class Elf(NamedTuple):
    """What is common to the readers of sections. `order` is "<" or ">", `machine` the ABI's number."""

    order: str
    wide: bool
    machine: int
    sections: Tuple[Section, ...]

    def named(self, name: str) -> Optional[Section]:
        return next((each for each in self.sections if each.name == name), None)


def read_elf(source: Source) -> Optional[Elf]:
    """The table of sections; None for what is no ELF. Raises LibraryFault."""
    header = source.read_at(0, 64)
    if header[:4] != b"\x7fELF" or len(header) < 52:
        return None
    if header[4] not in (1, 2) or header[5] not in (1, 2):
        raise LibraryFault("its header names no known class or byte order")
    if source.size > _MOST_LIBRARY:
        raise LibraryFault("it is larger than %d GiB" % (_MOST_LIBRARY >> 30))
    order, wide = "<" if header[5] == 1 else ">", header[4] == 2
    if wide and len(header) < 64:
        raise LibraryFault("its header is cut off")
    machine = struct.unpack_from(order + "H", header, 18)[0]
    return Elf(order, wide, machine, tuple(_sections(source, header, order, wide)))


def _sections(source: Source, header: bytes, order: str, wide: bool) -> Iterator[Section]:
    offset = struct.unpack_from(order + ("Q" if wide else "I"), header, 40 if wide else 32)[0]
    each, count, names_at = struct.unpack_from(order + "HHH", header, 58 if wide else 46)
    if count == 0:
        return
    if each < (64 if wide else 40) or count > _MOST_SECTIONS or names_at >= count:
        raise LibraryFault("its table of sections contradicts itself")
    table = _whole(source, offset, each * count, "its table of sections")
    rows = [_row(table, index * each, order, wide) for index in range(count)]
    _, _, at, size, _ = rows[names_at]
    names = _whole(source, at, size, "its names of sections", _MOST_NAMES)
    for name, kind, start, length, link in rows:
        yield Section(text_at(names, name), kind, start, length, link)


def _row(table: bytes, at: int, order: str, wide: bool) -> Tuple[int, int, int, int, int]:
    """(name, type, offset, size, link)"""
    if wide:
        name, kind, _, _, offset, size, link = struct.unpack_from(order + "IIQQQQI", table, at)
    else:
        name, kind, _, _, offset, size, link = struct.unpack_from(order + "IIIIIII", table, at)
    return name, kind, offset, size, link


def text_at(strings: bytes, at: int) -> str:
    """The string of a table of strings that begins at `at`; empty where none does."""
    end = strings.find(b"\0", at)
    return strings[at:end].decode("utf-8", "replace") if 0 <= at <= end else ""


def section_bytes(source: Source, section: Section, most: int) -> bytes:
    """A whole section of at most `most` bytes. Raises LibraryFault where it is longer, or cut off."""
    return _whole(source, section.offset, section.size, "its section `%s`" % section.name, most)


def _whole(source: Source, offset: int, size: int, what: str, most: int = _MOST_NAMES) -> bytes:
    if size > most:
        raise LibraryFault("%s claims %d bytes" % (what, size))
    if offset + size > source.size:
        raise LibraryFault("%s is cut off" % what)
    data = source.read_at(offset, size)
    if len(data) != size:
        raise LibraryFault("%s is cut off" % what)
    return data


class Window:
    """A section read forwards, a step of at most a mebibyte at a time; jumps ahead cost no memory."""

    def __init__(self, source: Source, section: Section) -> None:
        if section.offset + section.size > source.size:
            raise LibraryFault("its section `%s` is cut off" % section.name)
        self._source, self._section = source, section
        self._start, self._held = 0, b""

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes (at most a step) from `at` on, counted from the section's start; fewer at its end."""
        size = max(0, min(size, self._section.size - at))
        if not self._start <= at or at + size > self._start + len(self._held):
            wanted = min(_STEP, self._section.size - at)
            self._start, self._held = at, self._source.read_at(self._section.offset + at, wanted)
            if len(self._held) != wanted:
                raise LibraryFault("its section `%s` is cut off" % self._section.name)
        return self._held[at - self._start : at - self._start + size]
