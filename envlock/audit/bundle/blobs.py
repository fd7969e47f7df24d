"""The blobs of base images, fetched once and kept by their digest.

{cache}/image-blobs-v1/{sha256[:2]}/{sha256}
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from envlock.audit.bundle.model import Item
from envlock.audit.bundle.wanted import blob_row
from envlock.errors import DiskFailed
from envlock.resolve.image import OpenImage
from envlock.resolve.model import Event, OnEvent
from envlock.resolve.oci.layout import Layout
from envlock.resolve.oci.media import Descriptor
from envlock.resolve.oci.store import ImageStore

STEP = "fetch the base image"


def image_items(images: Mapping[str, OpenImage], cache: Path, on_event: OnEvent) -> Iterator[Item]:
    """Manifest, configuration and layers of each base, every digest checked. Raises RegistryFailed,
    HashMismatch, DiskFailed."""
    blobs = {
        blob.digest: (image.store, blob)
        for image in images.values()
        for blob in (image.manifest.config, *image.manifest.layers)
    }
    for image in images.values():
        yield Item(row=blob_row(image.manifest.document.descriptor), content=image.manifest.document.content)
    for done, (store, blob) in enumerate(blobs.values()):
        on_event(Event(step=STEP, done=done, total=len(blobs)))
        yield Item(row=blob_row(blob), content=_file(store, blob, cache))


def _file(store: ImageStore, blob: Descriptor, cache: Path) -> Path:
    if isinstance(store, Layout):
        return store.file(blob.digest)  # hashed on its way into the bundle
    sha256 = blob.digest.removeprefix("sha256:")
    path = cache / "image-blobs-v1" / sha256[:2] / sha256
    if not (path.is_file() and path.stat().st_size == blob.size):
        _keep(store, blob, path)
    return path


def _keep(store: ImageStore, blob: Descriptor, path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as stream:
            for chunk in store.chunks(blob):
                stream.write(chunk)
        part.replace(path)
    except OSError as error:
        raise DiskFailed(
            f"cannot keep a layer of `{store.name}`: {(error.strerror or str(error)).lower()}",
            where=str(path.parent),
            hint="free some space, or let ENVLOCK_CACHE_DIR name another folder",
        ) from error
    finally:
        part.unlink(missing_ok=True)
