"""An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/sha256/` (image specification 1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envlock.errors import RegistryFailed
from envlock.resolve.oci.media import (
    OCI_INDEX,
    BadImage,
    Descriptor,
    Document,
    media_type_of,
    parse_json,
)
from envlock.resolve.oci.reference import LAYOUT, is_digest
from envlock.resolve.oci.store import checked, digest_of, other_bytes

TAG_ANNOTATION = "org.opencontainers.image.ref.name"
_TAG = re.compile(r"(?P<path>.+?):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A layout, and the tag in it that is meant (None: the only image, or the whole index)."""

    path: Path
    tag: str | None

    @property
    def name(self) -> str:
        return f"{LAYOUT}{self.path}" + (f":{self.tag}" if self.tag else "")

    def document(self, version: str) -> Document:
        """The manifest or index of a tag or digest; "" means the layout's own tag."""
        try:
            if is_digest(version):
                return self._stored(version)
            return self._tagged(version or self.tag)
        except OSError as error:
            raise self._failed(f"it cannot be read: {(error.strerror or str(error)).lower()}") from error
        except BadImage as error:
            raise self._failed(f"its index.json cannot be read: {error}") from error

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        return checked(self._read(blob.digest), blob, self.name)

    def file(self, digest: str) -> Path:
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def _tagged(self, tag: str | None) -> Document:
        content = (self.path / "index.json").read_bytes()
        rows = parse_json(content).get("manifests")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadImage("it has no manifests")
        found = [row for row in rows if tag is None or _tag_of(row) == tag]
        if tag is None and len(rows) > 1:
            return Document(media_type=OCI_INDEX, digest=digest_of(content), content=content)
        if len(found) != 1 or not is_digest(found[0].get("digest")):
            raise self._failed(f"it has no image with the tag `{tag}`" if tag else "it has no image")
        return self._stored(str(found[0]["digest"]))

    def _stored(self, digest: str) -> Document:
        content = self.file(digest).read_bytes()
        if digest_of(content) != digest:
            raise other_bytes(self.name, digest, digest_of(content))
        return Document(media_type=media_type_of(parse_json(content), ""), digest=digest, content=content)

    def _read(self, digest: str) -> Iterator[bytes]:
        try:
            with self.file(digest).open("rb") as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise self._failed(
                f"the blob {digest} cannot be read: {(error.strerror or '').lower()}"
            ) from error

    def _failed(self, reason: str) -> RegistryFailed:
        return RegistryFailed(
            f"cannot use the image `{self.name}`: {reason}",
            where=str(self.path),
            hint="`skopeo copy docker://NAME oci:DIR:TAG` writes a layout",
        )


def _tag_of(row: Mapping[str, Any]) -> object:
    annotations = row.get("annotations")
    return annotations.get(TAG_ANNOTATION) if isinstance(annotations, dict) else None


def open_layout(text: str, root: Path) -> Layout:
    """The layout that `oci:DIR[:TAG]` names, seen from `root`. A directory of the whole name goes first."""
    named = text.removeprefix(LAYOUT)
    match = _TAG.fullmatch(named)
    if match is None or (root / named).is_dir():
        return Layout(path=root / named, tag=None)
    return Layout(path=root / match["path"], tag=match["tag"])
