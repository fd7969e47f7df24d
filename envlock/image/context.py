"""The build context as one tar stream: the Dockerfile, the locked wheels, the project's code.

Nothing is copied on disk first: the wheels of a CUDA environment are gigabytes. Times and owners are fixed,
so a builder's cache finds the same files again.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from envlock.emit.dockerignore import NEVER
from envlock.errors import DiskFailed

WHEELS = "wheels"


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """`wheels` are files by their name in the wheelhouse; `code` is a folder below `root`, `.` for all."""

    dockerfile: str
    root: Path
    code: str | None = None
    wheels: Mapping[str, Path] = field(default_factory=dict)

    def write(self, stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            if self.code is not None:
                for name in self._code():
                    _add(archive, self.root / name, name)
            for name, path in sorted(self.wheels.items()):
                _add(archive, path.resolve(), f"{WHEELS}/{name}")
            _add_text(archive, "Dockerfile", self.dockerfile)

    def _code(self) -> Iterator[str]:
        """Names relative to the root, folders first, without what must not leave the host."""
        start = self.root / str(self.code)
        for folder, folders, files in os.walk(start):
            here = Path(folder).relative_to(self.root)
            folders[:] = sorted(name for name in folders if not _is_left_out(name))
            if here != Path():
                yield here.as_posix()
            yield from ((here / name).as_posix() for name in sorted(files) if not _is_left_out(name))


def _is_left_out(name: str) -> bool:
    return any(fnmatchcase(name, pattern.removeprefix("**/")) for pattern in NEVER)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    try:
        archive.add(path, name, recursive=False, filter=_fixed)
    except OSError as error:
        if error.filename is None:
            raise  # who reads the stream has hung up
        raise DiskFailed(f"cannot read `{path}`: {str(error.strerror).lower()}") from error


def _fixed(row: tarfile.TarInfo) -> tarfile.TarInfo:
    row.mtime = 0
    row.uid = row.gid = 0
    row.uname = row.gname = ""
    return row


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    row = tarfile.TarInfo(name)
    row.size, row.mode = len(content), 0o644
    archive.addfile(row, io.BytesIO(content))


@contextmanager
def streamed(write: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """A stream to read what `write` writes, while it writes it. A failure of `write` is raised at the end,
    in place of what the reader made of half a stream."""
    read_end, write_end = os.pipe()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(write_end, "wb") as stream:
                write(stream)
        except BrokenPipeError:
            pass  # the reader has what it wants
        except BaseException as error:
            failures.append(error)

    writer = threading.Thread(target=run, daemon=True)
    writer.start()
    try:
        with os.fdopen(read_end, "rb") as stream:
            yield stream
    finally:
        writer.join()
        if failures:
            raise failures[0]
