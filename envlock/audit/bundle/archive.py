"""Where the files of a bundle are, in an archive or a folder that nobody vouches for.

Nothing is unpacked. A bundle has plain files and folders, below one folder, and nothing else: a path that
leads out, a link, a device, a sparse or a compressed file is refused.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from envlock.audit.bundle.index import PATH
from envlock.audit.bundle.model import TOP, Place
from envlock.errors import BundleInvalid
from envlock.manifest.tables import Faults, code

MOST_FILES: Final = 50_000
_MOST_HEADER_BYTES: Final = 1 << 20  # of an extended header, which is read into memory whole
_COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7z": "xz", b"\x28\xb5": "zstd"}


def places_in(path: Path) -> dict[str, Place]:
    """Path in the bundle -> where its bytes are. Raises BundleInvalid with every fault."""
    faults = Faults()
    try:
        found = dict(_in_folder(path, faults) if path.is_dir() else _in_archive(path, faults))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BundleInvalid(f"the bundle cannot be read: {reason}", where=str(path)) from error
    faults.raise_if_any(BundleInvalid, str(path), "make it again: `envlock bundle -o FILE`")
    return found


def _in_folder(root: Path, faults: Faults) -> Iterator[tuple[str, Place]]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in [*folders, *sorted(files)]:
            file = Path(folder, name)
            path, mode = file.relative_to(root).as_posix(), file.lstat()
            count += 1
            if count > MOST_FILES:
                faults.add(str(root), f"has more than {MOST_FILES:,} files")
                return
            if stat.S_ISREG(mode.st_mode) and _admits(path, faults):
                yield path, Place(file=file, offset=0, size=mode.st_size)
            elif not (stat.S_ISREG(mode.st_mode) or stat.S_ISDIR(mode.st_mode)):
                faults.add(code(path), "is no plain file")


def _in_archive(path: Path, faults: Faults) -> Iterator[tuple[str, Place]]:
    with path.open("rb") as stream:
        _refuse_compressed(path, stream)
        reader = cast("IO[bytes]", _Bounded(stream, path.stat().st_size))
        seen: set[str] = set()
        try:
            with tarfile.open(fileobj=reader, mode="r:") as archive:
                for count, info in enumerate(archive):
                    if count > MOST_FILES:
                        faults.add(str(path), f"has more than {MOST_FILES:,} files")
                        return
                    yield from _member(path, info, seen, faults)
        except (tarfile.TarError, _TooMuch, ValueError, RecursionError) as error:
            raise BundleInvalid(
                f"it is no bundle: {error}", where=str(path), hint="`envlock bundle -o FILE.tar` makes one"
            ) from error


def _member(path: Path, info: tarfile.TarInfo, seen: set[str], faults: Faults) -> Iterator[tuple[str, Place]]:
    top, _, inside = info.name.rstrip("/").partition("/")
    if top != TOP:
        faults.add(code(info.name), f"is not below `{TOP}`")
    elif not (info.isreg() or info.isdir()) or info.issparse() or info.size < 0:
        faults.add(code(info.name), "is no plain file")
    elif info.isdir():
        return
    elif inside in seen:
        faults.add(code(info.name), "is there twice")
    elif _admits(inside, faults):
        seen.add(inside)
        yield inside, Place(file=path, offset=info.offset_data, size=info.size)


def _admits(path: str, faults: Faults) -> bool:
    if not PATH.admits(path):
        faults.add(code(path), f"is not {PATH.says}")
        return False
    return True


def _refuse_compressed(path: Path, stream: BinaryIO) -> None:
    head = stream.read(4)
    stream.seek(0)
    named = next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), None)
    if named is not None:
        raise BundleInvalid(
            f"it is compressed with {named}, and a bundle is not",
            where=str(path),
            hint="unpack it first; what is in a bundle is compressed already",
        )


class _TooMuch(Exception):
    """A header asks for more memory than any of ours."""


class _Bounded:
    """A file for tarfile, which reads an extended header whole, however large it says it is, and follows a
    size below zero backwards."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_HEADER_BYTES:
            raise _TooMuch("a header in it is larger than any")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or not self._stream.tell() <= offset <= self._size:
            raise _TooMuch("a file in it ends beyond its end")
        return self._stream.seek(offset)

    def tell(self) -> int:
        return self._stream.tell()
