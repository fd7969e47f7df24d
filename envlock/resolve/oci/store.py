"""What every place that holds images can do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from envlock.errors import HashMismatch
from envlock.resolve.oci.media import Descriptor, Document


class ImageStore(Protocol):
    """A registry's repository, a layout or an archive; `name` is how messages call the image."""

    @property
    def name(self) -> str: ...

    def document(self, version: str) -> Document:
        """The manifest or index of a tag or digest; of a digest, checked."""
        ...

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        """The bytes of a blob. Its size and digest are checked: the end is reached only where both hold."""
        ...


def checked(chunks: Iterable[bytes], blob: Descriptor, name: str) -> Iterator[bytes]:
    """Pass bytes on; raise HashMismatch before the end where they are not those of `blob`."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > blob.size:
            break
        digest.update(chunk)
        yield chunk
    found = f"sha256:{digest.hexdigest()}"
    if size != blob.size or found != blob.digest:
        raise other_bytes(
            name, blob.digest, f"{size} bytes instead of {blob.size}" if size != blob.size else found
        )


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def other_bytes(name: str, wanted: str, found: str) -> HashMismatch:
    return HashMismatch(
        f"a part of the image `{name}` is not what its digest says",
        where=name,
        hint="run the command again; if it stays so, the registry or a mirror before it is at fault",
        facts=[("expected", wanted), ("found", found)],
    )


def read_small(store: ImageStore, blob: Descriptor, most_bytes: int = 16 << 20) -> bytes:
    """A blob that is a document. Raises HashMismatch also for one that is larger than any."""
    if blob.size > most_bytes:
        raise other_bytes(store.name, f"a document of at most {most_bytes} bytes", f"{blob.size} bytes")
    return b"".join(store.chunks(blob))
