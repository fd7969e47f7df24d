"""A layer put together from streams that are compressed already.

A gzip file may have many members (RFC 1952, 2.2), and what they unpack to is joined. So the content of a
file is a member that holds the wheel's own deflate stream, and what lies between the contents, the tar
headers, are stored members. No compressor runs: the digest depends on no version of zlib, and a layer
of gigabytes is made as fast as it is hashed.

FORMAT is the version of what comes out: headers, order, grouping, texts. Any change of a byte is another.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from envlock.errors import HashMismatch
from envlock.image.tar import END, Entry, header, padding

FORMAT: Final = 1
CHUNK_BYTES: Final = 1 << 20
_MEMBER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no name, no time, no system
_LONGEST_STORED = 0xFFFF
_MOST_OPEN = 64


class Codec(StrEnum):
    """How a layer is handed over. Its diff id is the same."""

    GZIP = "gzip"
    TAR = "tar"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plain:
    """A content at hand."""

    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Spliced:
    """A content inside of a wheel: `size` bytes unpacked, `length` in the file from `offset` on. Or a file as
    it lies there.

    `algorithm` and `hex` are the value that the lock proves; of a file as it lies there, what it had.
    """

    file: Path
    name: str
    offset: int
    length: int
    size: int
    crc: int
    deflated: bool
    algorithm: str
    hex: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A member of a layer with its content (None for folders and links)."""

    entry: Entry
    body: Plain | Spliced | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A layer by its digests (`sha256:…`): `diff_id` of the tar archive, `digest` and `size` of the gzip."""

    diff_id: str
    digest: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Bytes of a layer, compressed and not; None where they were not asked for."""

    gzip: bytes
    plain: bytes | None


def measured(items: Iterable[Item], sink: Callable[[bytes], object] | None, codec: Codec) -> Measured:
    """Make a layer, all contents proved, and hand its bytes to `sink`. Raises HashMismatch."""
    plain, packed, size = hashlib.sha256(), hashlib.sha256(), 0
    for piece in pieces(items, inflate=True):
        plain.update(piece.plain or b"")
        packed.update(piece.gzip)
        size += len(piece.gzip)
        if sink is not None:
            sink(piece.gzip if codec is Codec.GZIP else piece.plain or b"")
    return Measured(diff_id=f"sha256:{plain.hexdigest()}", digest=f"sha256:{packed.hexdigest()}", size=size)


def packed(items: Iterable[Item]) -> Iterator[bytes]:
    """The gzip of a layer whose digest is known already: nothing is unpacked."""
    return (piece.gzip for piece in pieces(items, inflate=False))


def pieces(items: Iterable[Item], *, inflate: bool) -> Iterator[Piece]:
    """The bytes of a layer in order."""
    files = _Files()
    try:
        pending = b""
        for item in items:
            pending += header(item.entry)
            match item.body:
                case Plain(content=content):
                    pending += content
                case Spliced(size=size) as body if size:
                    yield stored(pending)
                    pending = b""
                    yield from _spliced(files.open(body.file), body, inflate=inflate)
            pending += padding(item.entry.size)
            if len(pending) > CHUNK_BYTES:
                yield stored(pending)
                pending = b""
        yield stored(pending + END)
    finally:
        files.close()


def stored(content: bytes) -> Piece:
    """A gzip member that holds `content` as it is."""
    if not content:
        return Piece(gzip=b"", plain=b"")
    data = _MEMBER + b"".join(_blocks(content, last=True)) + _trailer(zlib.crc32(content), len(content))
    return Piece(gzip=data, plain=content)


def _blocks(content: bytes, *, last: bool) -> Iterator[bytes]:
    """Stored blocks of deflate (RFC 1951, 3.2.4)."""
    starts = range(0, len(content), _LONGEST_STORED)
    for start in starts:
        part = content[start : start + _LONGEST_STORED]
        is_final = last and start == starts[-1]
        yield struct.pack("<BHH", is_final, len(part), len(part) ^ 0xFFFF) + part


def _trailer(crc: int, size: int) -> bytes:
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def _spliced(stream: BinaryIO, body: Spliced, *, inflate: bool) -> Iterator[Piece]:
    """A gzip member around a stream of a wheel; what it unpacks to is proved on the way."""
    proof = _Proof(body)
    yield Piece(gzip=_MEMBER, plain=b"")
    left = body.length
    stream.seek(body.offset)
    while left:
        data = stream.read(min(CHUNK_BYTES, left))
        left -= len(data)
        if not data:
            raise other_content(body)
        packed_data = data if body.deflated else b"".join(_blocks(data, last=not left))
        yield Piece(gzip=packed_data, plain=proof.unpacked(data) if inflate else None)
    if inflate:
        proof.finish()
    yield Piece(gzip=_trailer(body.crc, body.size), plain=b"")


class _Proof:
    """Unpacks a content, and holds it against its length, its checksum and its hash."""

    def __init__(self, body: Spliced) -> None:
        self._body = body
        self._inflater = zlib.decompressobj(-15) if body.deflated else None
        self._digest = hashlib.new(body.algorithm)
        self._crc, self._size = 0, 0

    def unpacked(self, data: bytes) -> bytes:
        try:
            plain = data if self._inflater is None else self._inflater.decompress(data)
        except zlib.error as error:
            raise other_content(self._body) from error
        self._digest.update(plain)
        self._crc = zlib.crc32(plain, self._crc)
        self._size += len(plain)
        return plain

    def finish(self) -> None:
        ended = self._inflater is None or (self._inflater.eof and not self._inflater.unused_data)
        found = self._crc, self._size, self._digest.hexdigest()
        if not ended or found != (self._body.crc, self._body.size, self._body.hex):
            raise other_content(self._body)


def other_content(body: Spliced) -> HashMismatch:
    return HashMismatch(
        f"`{body.name}` in `{body.file.name}` is not what was locked",
        where=str(body.file),
        hint="remove the file and run the command again: it is fetched anew",
    )


class _Files:
    """Files that are open: a wheel is asked for many times, of a conda package each file once."""

    def __init__(self) -> None:
        self._open: dict[Path, BinaryIO] = {}

    def open(self, path: Path) -> BinaryIO:
        if path not in self._open:
            if len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[path] = path.open("rb")
        return self._open[path]

    def close(self) -> None:
        for stream in self._open.values():
            stream.close()
