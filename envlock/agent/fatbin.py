"""The code for GPUs in a library: which architectures its `.nv_fatbin` has machine code and PTX for.

The section is a row of containers, one for each source file that was compiled for GPUs:

    container   u32 magic BA55ED50 · u16 version 1 · u16 size of this header · u64 size of what follows
    entry       u16 kind (1 PTX, 2 machine code) · u16 · u32 size of this header · u64 size of the code ·
                u32 · u32 · u16 · u16 · u32 architecture · u32 · u32 · u64 flags · …

NVIDIA documents the format nowhere; what is read here agrees, entry for entry, with what `cuobjdump
--list-elf --list-ptx` lists of the libraries in `stack/data/wheel_code.toml`. Of what is compressed, only the
headers are read. The section `__nv_relfatbin`, of objects yet to be linked, is nothing that a driver loads.
"""

import struct
from typing import Dict, NamedTuple, Optional, Tuple

from .elf_sections import Elf, LibraryFault, Source, Window

SECTION = ".nv_fatbin"
_MAGIC = 0xBA55ED50
_CONTAINER = struct.Struct("<IHHQ")
_ENTRY = struct.Struct("<HHIQIIHHIIIQ")
_PTX, _SASS = 1, 2
_ONLY_THIS, _THIS_FAMILY = 0x100000, 0x200000  # sm_90a, sm_100f
_MOST_ENTRIES = 2_000_000
_MOST_SETS = 10_000


class GpuCode(NamedTuple):
    """The code of a library. `parts` counts its containers by the codes that they hold (`sm_90`, `sm_90a`,
    `compute_90`), sorted: a GPU that some of them have nothing for runs the others only. `ptx_isa` is the
    newest PTX ISA version, as (8, 4)."""

    parts: Tuple[Tuple[int, Tuple[str, ...]], ...]
    ptx_isa: Optional[Tuple[int, int]]


def read_gpu_code(source: Source, elf: Elf) -> Optional[GpuCode]:
    """The code for GPUs; None where a library has none. Raises LibraryFault."""
    section = elf.named(SECTION)
    if section is None or section.size == 0:
        return None
    reader = _Reader(Window(source, section), section.size)
    reader.read()
    found = ((count, codes) for codes, count in reader.sets.items())
    parts = sorted(found, key=lambda row: (-row[0], row[1]))
    return GpuCode(tuple(parts), reader.ptx_isa)


class _Reader:
    """One pass over the section."""

    def __init__(self, window: Window, size: int) -> None:
        self._window, self._size = window, size
        self._entries = 0
        self.sets: Dict[Tuple[str, ...], int] = {}
        self.ptx_isa: Optional[Tuple[int, int]] = None

    def read(self) -> None:
        at = 0
        while at < self._size:
            head = self._window.read(at, _CONTAINER.size)
            if not head.strip(b"\0"):
                at = self._after_zeros(at)
                continue
            if len(head) < _CONTAINER.size or _CONTAINER.unpack(head)[0] != _MAGIC:
                raise LibraryFault("byte %d of its %s begins no container of code" % (at, SECTION))
            at = self._container(at, head)

    def _after_zeros(self, at: int) -> int:
        """Containers are aligned: the place of the next byte that is no padding, on 8 bytes."""
        while at < self._size:
            data = self._window.read(at, 4096)
            rest = data.lstrip(b"\0")
            if rest:
                return at + (len(data) - len(rest)) // 8 * 8
            at += len(data)
        return at

    def _container(self, at: int, head: bytes) -> int:
        """Take the codes of one container in; where it ends."""
        _, version, header, size = _CONTAINER.unpack(head)
        end = int(at + header + size)
        if version != 1 or header < _CONTAINER.size or end > self._size:
            raise LibraryFault("the container of code at byte %d of its %s is cut off" % (at, SECTION))
        self._count(at)
        codes, place = set(), at + header
        while place < end:
            code, place = self._entry(place, end)
            if code is not None:
                codes.add(code)
        key = tuple(sorted(codes, key=_order))
        self.sets[key] = self.sets.get(key, 0) + 1
        if len(self.sets) > _MOST_SETS:
            raise LibraryFault("its %s has more than %d kinds of containers" % (SECTION, _MOST_SETS))
        return end

    def _entry(self, at: int, end: int) -> Tuple[Optional[str], int]:
        """The code of one entry, None for what is neither machine code nor PTX, and where the next begins."""
        head = self._window.read(at, _ENTRY.size)
        if len(head) < _ENTRY.size:
            raise LibraryFault("the code at byte %d of its %s is cut off" % (at, SECTION))
        kind, _, header, size, _, _, minor, major, arch, _, _, flags = _ENTRY.unpack(head)
        after = at + header + size
        if header < _ENTRY.size or after > end:
            raise LibraryFault("the code at byte %d of its %s is cut off" % (at, SECTION))
        self._count(at)
        if kind not in (_PTX, _SASS):
            return None, after
        if not 10 <= arch <= 999:
            raise LibraryFault("the code at byte %d of its %s is for no GPU: %d" % (at, SECTION, arch))
        if kind == _PTX:
            self.ptx_isa = max(self.ptx_isa or (0, 0), (major, minor))
        suffix = "a" if flags & _ONLY_THIS else "f" if flags & _THIS_FAMILY else ""
        return "%s_%d%s" % ("compute" if kind == _PTX else "sm", arch, suffix), after

    def _count(self, at: int) -> None:
        self._entries += 1
        if self._entries > _MOST_ENTRIES:
            raise LibraryFault("its %s has more than %d entries by byte %d" % (SECTION, _MOST_ENTRIES, at))


def _order(code: str) -> Tuple[bool, int, str]:
    """Machine code before PTX, older GPUs first."""
    kind, _, number = code.partition("_")
    return kind != "sm", int(number.rstrip("af")), number
