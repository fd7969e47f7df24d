"""The files of an image, layer upon layer, whiteouts obeyed.

As the OCI image specification has it under "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from envlock.resolve.oci.ahead import ahead
from envlock.resolve.oci.media import BadImage

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
_MOST_LINKS = 40
_PIECE_BYTES = 64 << 10
_MOST_READS_AT_END = 100  # tarfile goes to where a header says buffer by buffer: for exabytes, for ever
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One path of an image: `target` of a link as written, `content` where it was kept, `layer` from 0 up."""

    kind: Kind
    layer: int
    mode: int = 0
    size: int = 0
    target: str = ""
    content: bytes | None = None


@dataclass(kw_only=True, slots=True)
class ImageTree:
    """Paths without a leading slash."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def resolved(self, path: str) -> str | None:
        """Where an absolute path leads, links followed inside the image; None where it leads to nothing."""
        parts, done, links = [part for part in path.split("/") if part], "", 0
        while parts:
            part = parts.pop(0)
            if part in (".", ".."):
                done = posixpath.dirname(done) if part == ".." else done
                continue
            here = f"{done}/{part}".lstrip("/")
            node = self.nodes.get(here)
            if node is None or links > _MOST_LINKS:
                return None
            if node.kind is not Kind.LINK:
                done = here
                continue
            links += 1
            done = "" if node.target.startswith("/") else done
            parts = [each for each in node.target.split("/") if each] + parts
        return done

    def landing(self, path: str) -> str:
        """Where an entry of a layer lands: behind a folder that is a link, where the link leads."""
        folder, name = posixpath.split(path)
        here = folder
        while here:
            node = self.nodes.get(here)
            if node is not None and node.kind is Kind.LINK:
                found = self.resolved(folder)
                if found is None:
                    raise BadImage("a layer has a path behind a link that leads nowhere")
                return posixpath.join(found, name)
            here = posixpath.dirname(here)
        return path

    def node(self, path: str) -> Node | None:
        """What an absolute path leads to."""
        found = self.resolved(path)
        return None if found is None else self.nodes.get(found)

    def add(self, path: str, node: Node) -> None:
        old = self.nodes.get(path)
        if old is not None and old.kind is Kind.FOLDER and node.kind is not Kind.FOLDER:
            self.remove_below(path)
        self.nodes[path] = node
        parent = posixpath.dirname(path)
        while parent and parent not in self.nodes:
            self.nodes[parent] = Node(kind=Kind.FOLDER, layer=node.layer, mode=0o755)
            parent = posixpath.dirname(parent)

    def remove(self, path: str) -> None:
        self.nodes.pop(path, None)
        self.remove_below(path)

    def remove_below(self, folder: str, *, older_than: int | None = None) -> None:
        start = f"{folder}/" if folder else ""
        for path in [path for path in self.nodes if path.startswith(start) and path != folder]:
            if older_than is None or self.nodes[path].layer < older_than:
                del self.nodes[path]


Keep = Callable[[str, Iterator[bytes], int], bytes | None]


def merge_layer(tree: ImageTree, layer: int, members: Iterable[Member], keep: Keep) -> None:
    """Put a layer over what is there. `keep` gets path, content and size of a file, and says what stays."""
    for member in members:
        path = tree.landing(member.path)
        folder, name = posixpath.split(path)
        if name == OPAQUE:
            tree.remove_below(folder, older_than=layer)
        elif name.startswith(WHITEOUT):
            _hide(tree, posixpath.join(folder, name.removeprefix(WHITEOUT)), layer)
        elif member.hard_link is not None:
            source = tree.nodes.get(tree.landing(member.hard_link))
            if source is None:
                raise BadImage("a layer has a hard link to a file that is not there")
            tree.add(path, source)
        else:
            kept = keep(path, member.content(), member.node.size) if member.node.kind is Kind.FILE else None
            node = member.node
            tree.add(
                path,
                Node(
                    kind=node.kind,
                    layer=layer,
                    mode=node.mode,
                    size=node.size,
                    target=node.target,
                    content=kept,
                ),
            )


def _hide(tree: ImageTree, path: str, layer: int) -> None:
    node = tree.nodes.get(path)
    if node is not None and node.layer < layer:
        del tree.nodes[path]
    tree.remove_below(path, older_than=layer)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One entry of a layer; `content` may be read once, before the next entry."""

    path: str
    node: Node
    hard_link: str | None
    content: Callable[[], Iterator[bytes]]
    info: tarfile.TarInfo


class LayerReader:
    """The entries of a layer, compressed or not; `diff_id` when all have been read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._blocks = ahead(decompressed(chunks))
        self._stream = _Hashing(self._blocks)
        self.diff_id = ""

    def members(self) -> Iterator[Member]:
        """Raises BadImage for a broken archive, or a path that leaves the image."""
        try:
            with tarfile.open(fileobj=self._stream, mode="r|", bufsize=1 << 18) as archive:
                for info in archive:
                    path = _path(info.name)
                    if path:
                        yield _member(archive, info, path)
        except BadImage:
            raise
        except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:  # of sparse files, ValueError
            self._blocks.close()
            for _ in self._chunks:  # who gives the bytes checks them at their end, and knows better
                pass
            raise BadImage(f"a layer cannot be unpacked: {error}") from error
        self._stream.drain()
        self.diff_id = f"sha256:{self._stream.digest.hexdigest()}"


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo, path: str) -> Member:
    kind = Kind.OTHER
    if info.isreg():
        kind = Kind.FILE
    elif info.isdir():
        kind = Kind.FOLDER
    elif info.issym():
        kind = Kind.LINK
    node = Node(
        kind=kind, layer=-1, mode=info.mode, size=info.size, target=info.linkname if info.issym() else ""
    )
    link = _path(info.linkname) if info.islnk() else None
    return Member(path=path, node=node, hard_link=link, content=lambda: _content(archive, info), info=info)


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    stream = archive.extractfile(info)
    while stream is not None and (chunk := stream.read(1 << 20)):
        yield chunk


def _path(name: str) -> str:
    """A member's name without `./` and `/` in front."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise BadImage("a layer has a path that leaves the image")
    return "/".join(parts)


def decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The tar archive of a layer: gzip of one or more members, or plain. Raises BadImage."""
    first = next(chunks, b"")
    while len(first) < 4 and (more := next(chunks, None)) is not None:
        first += more
    if first.startswith(_ZSTD):
        raise BadImage("a layer is compressed with zstd, which envlock cannot read")
    if not first.startswith(_GZIP):
        yield first
        yield from chunks
        return
    yield from _gunzipped(first, chunks)


def _gunzipped(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip stream. Zeros after one are padding, as gzip(1) reads it."""
    inflater = zlib.decompressobj(31)
    for piece in _pieces(first, chunks):
        data = piece
        while data:
            if inflater.eof:
                data = data.lstrip(b"\0")
                if not data:
                    break
                inflater = zlib.decompressobj(31)
            yield inflater.decompress(data)
            data = inflater.unused_data
    if not inflater.eof:
        raise BadImage("a layer ends early")


def _pieces(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces: what is left of one is copied for every member that ends in it."""
    chunk: bytes | None = first
    while chunk is not None:
        for start in range(0, len(chunk), _PIECE_BYTES):
            yield chunk[start : start + _PIECE_BYTES]
        chunk = next(chunks, None)


class _Hashing(io.RawIOBase):
    """A readable file over chunks that hashes what passes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, memoryview(b"")
        self._reads_at_end = 0
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._reads_at_end += 1
                if self._reads_at_end > _MOST_READS_AT_END:
                    raise EOFError("a file in it ends beyond its end")
                return b""
            self.digest.update(chunk)
            self._rest = memoryview(chunk)
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return bytes(taken)

    def drain(self) -> None:
        self._rest = memoryview(b"")
        for chunk in self._chunks:
            self.digest.update(chunk)
