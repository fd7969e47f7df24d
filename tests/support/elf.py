"""Tiny ELF files with a dynamic section: enough for whoever reads RPATH, not enough to run."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29


def make_elf(
    *, needed: Sequence[str] = (), runpath: str = "", rpath: str = "", soname: str = "", payload: bytes = b""
) -> bytes:
    """A 64-bit little-endian shared object: header, PT_LOAD, PT_DYNAMIC, strings, then `payload`."""
    strings = b"\0"
    entries: list[tuple[int, int]] = []
    texts = [(_NEEDED, name) for name in needed] + [(_RUNPATH, runpath), (_RPATH, rpath), (_SONAME, soname)]
    for tag, text in texts:
        if text:
            entries.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    headers = 64 + 2 * 56
    dynamic_bytes = 16 * (len(entries) + 3)
    strings_at = headers + dynamic_bytes
    entries += [(_STRTAB, strings_at), (_STRSZ, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    size = strings_at + len(strings)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 0x1000)
    pointer = struct.pack("<IIQQQQQQ", 2, 6, headers, headers, headers, dynamic_bytes, dynamic_bytes, 8)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    return header + load + pointer + dynamic + strings + payload
