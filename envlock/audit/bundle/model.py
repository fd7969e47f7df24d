"""What a bundle holds, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from envlock.lock.model import Lock

SCHEMA: Final = "envlock.bundle/1"
TOP: Final = "envlock-bundle"
INDEX: Final = "bundle.json"
_CHUNK_BYTES: Final = 1 << 20


class Kind(StrEnum):
    """What a file is there for. The hashes of the first three are the lock's."""

    WHEEL = "wheel"
    CONDA = "conda"
    IMAGE = "image"
    LOCK = "lock"
    MANIFEST = "manifest"
    README = "readme"
    REQUIREMENTS = "requirements"
    CHANNEL = "channel"
    RECORD = "record"
    SBOM = "sbom"
    AGENT = "agent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A file of the bundle: `path` with `/`, relative to its top; `size` in bytes."""

    path: str
    kind: Kind
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A file that is to go into a bundle, and where its bytes are."""

    row: Row
    content: Path | bytes

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """`bundle.json`: `lock` is the path of the lock, `runtime` has the runtime hashes of each platform
    (`wheels`, and `conda` beside it), `files` every file but itself."""

    lock: str
    platforms: tuple[str, ...]
    runtime: Mapping[str, Mapping[str, str]]
    files: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the bytes of a file are: a part of the archive, or a file of its own."""

    file: Path
    offset: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, fewer where the file is shorter by now."""
        left = self.size
        with self.file.open("rb") as stream:
            stream.seek(self.offset)
            while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """A bundle that was opened: its index and its lock are read, no other byte is proved yet."""

    path: Path
    index: Index
    lock: Lock
    places: Mapping[str, Place]
