"""The libraries of a wheel at hand: read from the file, or from where it was unpacked or installed."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from envlock.agent.elf_sections import LibraryFault, MemberSource
from envlock.agent.library import Library, describe_library, is_named_library, read_library
from envlock.errors import InvalidInput
from envlock.stack.code import LibraryCode

_MOST_MEMBERS = 200_000
_MOST_BYTES = 64 << 30  # of all the libraries of a wheel, as its directory claims: more is no wheel

Read = tuple[tuple[LibraryCode, ...], tuple[str, ...]]
"""The libraries that tell anything, by path, and of those that could not be read, which and why."""


def read_wheel(path: Path) -> Read:
    """Read a wheel's libraries member by member, as a stream. Raises InvalidInput for what is no wheel."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _sorted(_members(archive, path))
    except (zipfile.BadZipFile, NotImplementedError) as fault:
        raise InvalidInput(f"no wheel that can be read: {fault}", where=str(path)) from fault


def read_unpacked(root: Path, paths: Iterator[str]) -> Read:
    """Read those of `paths` below `root` that are libraries."""
    return _sorted(_files(root, paths))


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[tuple[str, Library | str]]:
    every = archive.infolist()
    libraries = [each for each in every if is_named_library(each.filename)]
    if len(every) > _MOST_MEMBERS or sum(each.file_size for each in libraries) > _MOST_BYTES:
        raise InvalidInput("it claims more members or bytes than any wheel has", where=str(path))
    for each in libraries:
        try:
            with archive.open(each) as member:
                found = describe_library(MemberSource(member, each.file_size))
        except (LibraryFault, zipfile.BadZipFile, NotImplementedError, RuntimeError) as fault:
            yield each.filename, str(fault)
            continue
        if found is not None:
            yield each.filename, found


def _files(root: Path, paths: Iterator[str]) -> Iterator[tuple[str, Library | str]]:
    for path in filter(is_named_library, paths):
        try:
            found = read_library(str(root / path))
        except (LibraryFault, OSError) as fault:
            yield path, str(fault)
            continue
        if found is not None:
            yield path, found


def _sorted(found: Iterator[tuple[str, Library | str]]) -> Read:
    rows = sorted(found, key=lambda row: row[0])
    libraries = (_told(path, each) for path, each in rows if isinstance(each, Library))
    faults = tuple(f"{path}: {each}" for path, each in rows if isinstance(each, str))
    return tuple(each for each in libraries if each != LibraryCode(path=each.path)), faults


def _told(path: str, found: Library) -> LibraryCode:
    gpu, needs = found.gpu, found.needs
    return LibraryCode(
        path=path,
        parts=() if gpu is None else gpu.parts,
        ptx_isa=None if gpu is None else _dotted(gpu.ptx_isa),
        glibc=_dotted(needs.glibc),
        glibcxx=_dotted(needs.glibcxx),
        level=needs.level,
    )


def _dotted(version: tuple[int, ...] | None) -> str | None:
    return None if version is None else ".".join(map(str, version))
