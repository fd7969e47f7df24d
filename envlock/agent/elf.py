"""The few facts of an ELF file that decide what the loader takes: NEEDED, RPATH, RUNPATH, SONAME.

Source of the layout: System V ABI, chapters "Object Files" and "Dynamic Linking".
"""

import os
import struct
from typing import Dict, List, NamedTuple, Optional, Tuple

from .hashing import without_waiting

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 10, 14, 15, 29
_MOST_HEADERS = 512
_MOST_BYTES = 16 << 20
_STRING_BYTES = 1024


class Dynamic(NamedTuple):
    """The dynamic section: entries of RPATH and RUNPATH are split at colons."""

    needed: Tuple[str, ...]
    rpath: Tuple[str, ...]
    runpath: Tuple[str, ...]
    soname: str


NOTHING = Dynamic((), (), (), "")


def read_dynamic(path: str) -> Optional[Dynamic]:
    """Read the dynamic section; None for what is no well-formed ELF, NOTHING for a static one."""
    try:
        descriptor = without_waiting(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        return _parse(descriptor)
    except (struct.error, ValueError, IndexError, OverflowError, OSError):
        return None
    finally:
        os.close(descriptor)


def _parse(descriptor: int) -> Optional[Dynamic]:
    header = os.pread(descriptor, 64, 0)
    if header[:4] != b"\x7fELF" or header[4] not in (1, 2) or header[5] not in (1, 2):
        return None
    order = "<" if header[5] == 1 else ">"
    wide = header[4] == 2
    offset, size, count = _program_headers(header, order, wide)
    if count > _MOST_HEADERS or size < (56 if wide else 32):
        return None
    table = os.pread(descriptor, size * count, offset)
    segments = [_segment(table, index * size, order, wide) for index in range(count)]
    dynamic = next((segment for segment in segments if segment[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return NOTHING
    return _dynamic(descriptor, dynamic, [s for s in segments if s[0] == _PT_LOAD], order, wide)


def _program_headers(header: bytes, order: str, wide: bool) -> Tuple[int, int, int]:
    if wide:
        offset = struct.unpack_from(order + "Q", header, 32)[0]
        size, count = struct.unpack_from(order + "HH", header, 54)
    else:
        offset = struct.unpack_from(order + "I", header, 28)[0]
        size, count = struct.unpack_from(order + "HH", header, 42)
    return offset, size, count


def _segment(table: bytes, at: int, order: str, wide: bool) -> Tuple[int, int, int, int]:
    """(type, file offset, virtual address, size in the file)"""
    if wide:
        kind, _, offset, address, _, size = struct.unpack_from(order + "IIQQQQ", table, at)
    else:
        kind, offset, address, _, size = struct.unpack_from(order + "IIIII", table, at)
    return kind, offset, address, size


def _dynamic(
    descriptor: int,
    section: Tuple[int, int, int, int],
    loads: List[Tuple[int, int, int, int]],
    order: str,
    wide: bool,
) -> Dynamic:
    entry = struct.Struct(order + ("qQ" if wide else "iI"))
    data = os.pread(descriptor, min(section[3], _MOST_BYTES), section[1])
    tags: Dict[int, List[int]] = {}
    for tag, value in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
        if tag == 0:
            break
        tags.setdefault(tag, []).append(value)
    if _DT_STRTAB not in tags or _DT_STRSZ not in tags:
        return NOTHING
    start, size = _file_offset(tags[_DT_STRTAB][0], loads), tags[_DT_STRSZ][0]
    texts = {
        tag: [_string(descriptor, start + value, size - value) for value in tags.get(tag, [])]
        for tag in _TEXTS
    }
    return Dynamic(
        tuple(texts[_DT_NEEDED]),
        _directories(texts[_DT_RPATH]),
        _directories(texts[_DT_RUNPATH]),
        (texts[_DT_SONAME] or [""])[0],
    )


_TEXTS = (_DT_NEEDED, _DT_RPATH, _DT_RUNPATH, _DT_SONAME)


def _file_offset(address: int, loads: List[Tuple[int, int, int, int]]) -> int:
    for _, offset, start, size in loads:
        if start <= address < start + size:
            return offset + address - start
    raise ValueError("no segment holds the string table")


def _string(descriptor: int, at: int, most: int) -> str:
    """The string there. The whole table of a large library has megabytes: it is not read for a few names."""
    data = os.pread(descriptor, min(most, _STRING_BYTES), at)
    if b"\0" not in data:
        data = os.pread(descriptor, min(most, _MOST_BYTES), at)
    return os.fsdecode(data[: data.index(b"\0")])


def _directories(texts: List[str]) -> Tuple[str, ...]:
    return tuple(part for text in texts for part in text.split(":") if part)


def origin_directories(dynamic: Dynamic, path: str, resolved: Dict[str, str]) -> List[str]:
    """Where RPATH and RUNPATH point by `$ORIGIN`, as absolute paths; others are the host's.

    The kernel resolves `..` from where a linked folder leads: then the path is the real one, else the
    normalised one, by which files are known. `resolved` keeps the answers of one pass: libraries share
    their search paths.
    """
    origin = os.path.dirname(path)
    found = []
    for text in dynamic.rpath + dynamic.runpath:
        for token in ("${ORIGIN}", "$ORIGIN"):
            if text.startswith(token):
                place = origin + text[len(token) :]
                found.append(resolved.get(place) or resolved.setdefault(place, _resolved(place)))
                break
    return found


def _resolved(path: str) -> str:
    normal, real = os.path.normpath(path), os.path.realpath(path)
    return normal if real == os.path.realpath(normal) else real
