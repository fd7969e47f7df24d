"""Small real ELF files with sections: code for GPUs, versions of symbols, notes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SASS, PTX = 2, 1
NULL_AND_NAMES = 2


def entry(
    code: str, *, kind: int | None = None, body: bytes = b"\0" * 8, isa: tuple[int, int] = (0, 0)
) -> bytes:
    """One entry of a container for `sm_90`, `sm_90a`, `compute_90`."""
    name, _, number = code.partition("_")
    flags = 0x8011 | {"a": 0x100000, "f": 0x200000}.get(number[-1], 0)
    kind = kind if kind is not None else PTX if name == "compute" else SASS
    arch = int(number.rstrip("af"))
    return (
        struct.pack(
            "<HHIQIIHHIIIQQQ",
            kind,
            0x101,
            64,
            len(body),
            len(body),
            0,
            isa[1],
            isa[0],
            arch,
            0,
            0,
            flags,
            0,
            0,
        )
        + body
    )


def container(*entries: bytes) -> bytes:
    """A container of `.nv_fatbin`."""
    payload = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(payload)) + payload


def parts(*codes: Sequence[str]) -> bytes:
    """A whole `.nv_fatbin`: a container for each list of codes."""
    return b"".join(container(*map(entry, each)) for each in codes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A section to be. `link` is a name of another."""

    kind: int
    data: bytes
    link: str | None = None


def make_library(sections: Mapping[str, Part]) -> bytes:
    """A 64-bit little-endian shared object for x86-64 with these sections, and their table at the end."""
    order = ["", *sections, ".shstrtab"]
    names = b"\0" + b"".join(name.encode() + b"\0" for name in order[1:])
    contents = {**{name: part.data for name, part in sections.items()}, ".shstrtab": names}
    body, rows = b"", [bytes(64)]
    for name in order[1:]:
        part = sections.get(name, Part(kind=3, data=names))
        link = 0 if part.link is None else order.index(part.link)
        at = names.index(b"\0" + name.encode() + b"\0") + 1
        rows.append(
            struct.pack(
                "<IIQQQQIIQQ", at, part.kind, 2, 0, 64 + len(body), len(contents[name]), link, 0, 8, 0
            )
        )
        body += contents[name] + bytes(-len(contents[name]) % 8)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, 64 + len(body), 0, 64, 56, 0, 64, len(rows), len(rows) - 1
    )
    return ident + header + body + b"".join(rows)


def versions(*names: str, weak: Sequence[str] = ()) -> dict[str, Part]:
    """`.gnu.version_r` of a library that needs these versions, all of one file, and its strings."""
    strings, rows = b"\0libc.so.6\0", []
    for index, name in enumerate(names):
        step = 16 if index < len(names) - 1 else 0
        rows.append(struct.pack("<IHHII", 0, 2 if name in weak else 0, 2, len(strings), step))
        strings += name.encode() + b"\0"
    table = struct.pack("<HHIII", 1, len(names), 1, 16, 0) + b"".join(rows)
    return {
        ".dynstr": Part(kind=3, data=strings),
        ".gnu.version_r": Part(kind=0x6FFFFFFE, data=table, link=".dynstr"),
    }


def isa_note(needed: int) -> dict[str, Part]:
    """The note that asks for a level of x86-64."""
    data = struct.pack("<II", 0xC0008002, 4) + struct.pack("<II", needed, 0)
    return {".note.gnu.property": Part(kind=7, data=struct.pack("<III", 4, len(data), 5) + b"GNU\0" + data)}


def gpu_library(*codes: Sequence[str]) -> bytes:
    """A library with a container for each list of codes."""
    return make_library({".nv_fatbin": Part(kind=1, data=parts(*codes))})
