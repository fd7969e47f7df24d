"""What a library needs of its host: the versions of glibc and libstdc++, and the level of x86-64.

Sources: System V ABI; Linux Standard Base, "Symbol Versioning" (`.gnu.version_r`); the x86-64 psABI,
"GNU property note" and "Micro-architecture levels".
"""

import re
import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .elf_sections import Elf, LibraryFault, Section, Source, section_bytes, text_at

VERNEED = 0x6FFFFFFE
_NOTE = ".note.gnu.property"
_MOST_BYTES = 64 << 20
_MOST_NAMES = 100_000
_WEAK = 2
_PROPERTIES, _ISA_NEEDED = 5, 0xC0008002
_LEVELS = ((8, "x86-64-v4"), (4, "x86-64-v3"), (2, "x86-64-v2"), (1, "x86-64"))
_X86_64 = 62
_VERSION = re.compile(r"(GLIBC|GLIBCXX)_(\d+)\.(\d+)(?:\.(\d+))?")
# A loader that knows DT_RELR: glibc 2.36 (its release notes).
_DT_RELR = "GLIBC_ABI_DT_RELR"

Version = Tuple[int, ...]


class HostNeeds(NamedTuple):
    """(2, 28) of glibc, (3, 4, 24) of the symbols of libstdc++, "x86-64-v3"; None: nothing says so."""

    glibc: Optional[Version]
    glibcxx: Optional[Version]
    level: Optional[str]


def read_host_needs(source: Source, elf: Elf) -> HostNeeds:
    """What the sections of a library say. Raises LibraryFault."""
    found: Dict[str, List[Version]] = {"GLIBC": [], "GLIBCXX": []}
    for name in _versions(source, elf):
        match = _VERSION.fullmatch(name)
        if match is not None:
            found[match[1]].append(tuple(int(part) for part in match.groups()[1:] if part is not None))
        elif name == _DT_RELR:
            found["GLIBC"].append((2, 36))
    return HostNeeds(
        max(found["GLIBC"], default=None), max(found["GLIBCXX"], default=None), _level(source, elf)
    )


def _versions(source: Source, elf: Elf) -> Iterator[str]:
    """The names of all versions that must be there; weak ones may be missing."""
    for section in elf.sections:
        if section.kind != VERNEED:
            continue
        if section.link >= len(elf.sections):
            raise LibraryFault("its table of versions contradicts itself")
        for part in _parts(source, section, elf.sections[section.link]):
            yield from _names(*part, elf.order)


def _parts(source: Source, section: Section, strings: Section) -> Iterator[Tuple[bytes, bytes]]:
    """(the table, its strings), read in the order in which they stand in the file."""
    both = sorted((section, strings), key=lambda each: each.offset)
    read = {each: section_bytes(source, each, _MOST_BYTES) for each in both}
    yield read[section], read[strings]


def _names(table: bytes, strings: bytes, order: str) -> Iterator[str]:
    """Follow the chains, which a hostile table could make long."""
    at, seen = 0, 0
    while True:
        try:
            _, count, _, first, following = struct.unpack_from(order + "HHIII", table, at)
            place = at + first
            for _ in range(count):
                _, flags, _, name, step = struct.unpack_from(order + "IHHII", table, place)
                if not flags & _WEAK:
                    yield text_at(strings, name)
                seen += 1
                if step == 0 or seen > _MOST_NAMES:
                    break
                place += step
        except struct.error as fault:
            raise LibraryFault("its table of versions is cut off") from fault
        if seen > _MOST_NAMES:
            raise LibraryFault("its table of versions has more than %d names" % _MOST_NAMES)
        if following == 0:
            return
        at, seen = at + following, seen + 1


def _level(source: Source, elf: Elf) -> Optional[str]:
    """The level of x86-64 that the note asks for; few libraries carry one."""
    note = elf.named(_NOTE)
    if note is None or elf.machine != _X86_64:
        return None
    data = section_bytes(source, note, 1 << 16)
    needed = 0
    try:
        for at, size in _property_blocks(data, elf.order):
            needed |= _isa(data[at : at + size], elf)
    except struct.error as fault:
        raise LibraryFault("its section `%s` is cut off" % _NOTE) from fault
    return next((name for bit, name in _LEVELS if needed & bit), None)


def _property_blocks(data: bytes, order: str) -> Iterator[Tuple[int, int]]:
    at = 0
    while at < len(data):
        name, size, kind = struct.unpack_from(order + "III", data, at)
        start = at + 12 + (name + 3) // 4 * 4
        if kind == _PROPERTIES and data[at + 12 : at + 16] == b"GNU\0":
            yield start, size
        at = start + (size + 7) // 8 * 8


def _isa(block: bytes, elf: Elf) -> int:
    at, align = 0, 8 if elf.wide else 4
    while at < len(block):
        kind, size = struct.unpack_from(elf.order + "II", block, at)
        if kind == _ISA_NEEDED and size == 4:
            return int(struct.unpack_from(elf.order + "I", block, at + 8)[0])
        at += 8 + (size + align - 1) // align * align
    return 0
