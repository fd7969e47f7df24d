"""What is in a wheel's libraries: code for GPUs, and what they need of the host (`data/wheel_code.toml`).

The rows of the file were read from the wheels, as `envlock explain --wheels` reads others; a wheel is known
by its sha256.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from envlock.stack.archs import ptx_runs_on, runs_on
from envlock.stack.facts import document
from envlock.stack.sources import Source, sources

FILE = "wheel_code"


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryCode:
    """A library of a wheel. `parts`: how many containers of code hold exactly these codes (`sm_90`,
    `compute_90`), most first; none where it has no code for GPUs. `glibc` and `glibcxx` are the newest
    versions of symbols that it needs (`2.28`, `3.4.24`), `level` of x86-64; None: it names none."""

    path: str
    parts: tuple[tuple[int, tuple[str, ...]], ...] = ()
    ptx_isa: str | None = None
    glibc: str | None = None
    glibcxx: str | None = None
    level: str | None = None

    @property
    def total(self) -> int:
        return sum(count for count, _ in self.parts)

    def running_on(self, arch: str) -> int:
        """How many parts have machine code for `arch`, or PTX out of which a driver makes it."""
        return sum(count for count, codes in self.parts if any(_fits(code, arch) for code in codes))

    def compiled_for(self, arch: str) -> int:
        """How many parts have machine code for `arch`."""
        return sum(n for n, codes in self.parts if any(_is_sass(c) and runs_on(c, arch) for c in codes))

    @property
    def codes(self) -> tuple[str, ...]:
        """All codes that any part has: machine code first, older GPUs first."""
        return tuple(sorted({code for _, codes in self.parts for code in codes}, key=code_order))

    @property
    def whole(self) -> tuple[str, ...]:
        """The codes that every part has."""
        held = [set(codes) for _, codes in self.parts]
        return tuple(sorted(set.intersection(*held) if held else (), key=code_order))


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelCode:
    """The libraries of one wheel that tell anything. `faults` are those that could not be read, with the
    reason; `sources` who read it."""

    name: str
    file: str
    sha256: str
    libraries: tuple[LibraryCode, ...]
    faults: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def main(self) -> LibraryCode | None:
        """The library with the most code for GPUs."""
        return max(self.libraries, key=lambda each: each.total, default=None) if self.has_gpu_code else None

    @property
    def has_gpu_code(self) -> bool:
        return any(each.parts for each in self.libraries)

    def newest(self, need: str) -> LibraryCode | None:
        """The library that asks most of the host for `need`: "glibc", "glibcxx"."""
        asking = (each for each in self.libraries if getattr(each, need) is not None)
        return max(asking, key=lambda each: _numbers(getattr(each, need)), default=None)


def code_order(code: str) -> tuple[bool, int, str]:
    """Machine code before PTX, older GPUs first.

    >>> sorted(["compute_90", "sm_100", "sm_90a", "sm_90"], key=code_order)
    ['sm_90', 'sm_90a', 'sm_100', 'compute_90']
    """
    kind, _, number = code.partition("_")
    return kind != "sm", int(number.rstrip("af")), number


def known_code(sha256: str) -> WheelCode | None:
    """What the facts know of the wheel with this hash."""
    return _known().get(sha256)


def known_codes() -> Iterable[WheelCode]:
    """All wheels that the facts know so well."""
    return _known().values()


@cache
def _known() -> Mapping[str, WheelCode]:
    return {row["sha256"]: _wheel(row) for row in document(FILE)["wheel"]}


def _wheel(row: Mapping[str, Any]) -> WheelCode:
    return WheelCode(
        name=row["name"],
        file=row["file"],
        sha256=row["sha256"],
        libraries=tuple(_library(each) for each in row["library"]),
        sources=sources(FILE, row["src"]),
    )


def _library(row: Mapping[str, Any]) -> LibraryCode:
    return LibraryCode(
        path=row["path"],
        parts=tuple((part["count"], tuple(part["codes"])) for part in row.get("parts", ())),
        ptx_isa=row.get("ptx_isa"),
        glibc=row.get("glibc"),
        glibcxx=row.get("glibcxx"),
        level=row.get("level"),
    )


def _fits(code: str, arch: str) -> bool:
    return runs_on(code, arch) if _is_sass(code) else ptx_runs_on(code, arch)


def _is_sass(code: str) -> bool:
    return code.startswith("sm_")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
