"""Tiny ELF files with a dynamic section: enough for whoever reads RPATH, not enough to run."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29


def make_elf(
    *,
    needed: Sequence[str] = (),
    runpath: str = "",
    rpath: str = "",
    soname: str = "",
    payload: bytes = b"",
    wide: bool = True,
) -> bytes:
    """A little-endian shared object, of 64 bits where it is `wide`: header, PT_LOAD, PT_DYNAMIC, strings,
    then `payload`."""
    strings = b"\0"
    entries: list[tuple[int, int]] = []
    texts = [(_NEEDED, name) for name in needed] + [(_RUNPATH, runpath), (_RPATH, rpath), (_SONAME, soname)]
    for tag, text in texts:
        if text:
            entries.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    head, each, entry = (64, 56, struct.Struct("<qQ")) if wide else (52, 32, struct.Struct("<iI"))
    headers = head + 2 * each
    dynamic_bytes = entry.size * (len(entries) + 3)
    strings_at = headers + dynamic_bytes
    entries += [(_STRTAB, strings_at), (_STRSZ, len(strings)), (0, 0)]
    dynamic = b"".join(entry.pack(*values) for values in entries)
    size = strings_at + len(strings)
    if wide:
        load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 0x1000)
        pointer = struct.pack("<IIQQQQQQ", 2, 6, headers, headers, headers, dynamic_bytes, dynamic_bytes, 8)
        rest = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, head, 0, 0, head, each, 2, 64, 0, 0)
    else:
        load = struct.pack("<IIIIIIII", 1, 0, 0, 0, size, size, 5, 0x1000)
        pointer = struct.pack("<IIIIIIII", 2, headers, headers, headers, dynamic_bytes, dynamic_bytes, 6, 4)
        rest = struct.pack("<HHIIIIIHHHHHH", 3, 3, 1, 0, head, 0, 0, head, each, 2, 40, 0, 0)
    ident = b"\x7fELF" + bytes([1 + wide, 1, 1]) + bytes(9)
    return ident + rest + load + pointer + dynamic + strings + payload
