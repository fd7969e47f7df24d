"""An image into a registry: what is there already is not sent, what another repository has is mounted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from envlock.image.config import config_descriptor
from envlock.image.oci import Builder, Image, Layer
from envlock.resolve.model import Event, OnEvent
from envlock.resolve.oci.media import OCI_LAYER_GZIP, Descriptor
from envlock.resolve.oci.store import checked

if TYPE_CHECKING:
    from envlock.resolve.oci.registry import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class _Blob:
    descriptor: Descriptor
    content: Callable[[], Iterator[bytes]]


def push(builder: Builder, image: Image, target: Registry, on_event: OnEvent) -> None:
    """Send base, layers, configuration, then the manifest: a tag never points at what is not whole.

    Raises RegistryFailed, HashMismatch.
    """
    blobs = tuple(_blobs(builder, image))
    for number, blob in enumerate(blobs):
        on_event(Event(step="push", done=number, total=len(blobs)))
        digest = blob.descriptor.digest
        if not target.has_blob(digest) and not _mounted(image, target, digest):
            target.upload(blob.descriptor, blob.content())
    target.put(image.manifest, target.reference.version)


def _blobs(builder: Builder, image: Image) -> Iterator[_Blob]:
    store = image.base.store
    for layer in image.base.manifest.layers:
        yield _Blob(descriptor=layer, content=partial(store.chunks, layer))
    for made, found in image.layers:
        blob = Descriptor(media_type=OCI_LAYER_GZIP, digest=found.digest, size=found.size)
        yield _Blob(descriptor=blob, content=partial(_packed, builder, made, blob))
    yield _Blob(descriptor=config_descriptor(image.config), content=lambda: iter([image.config]))


def _packed(builder: Builder, layer: Layer, blob: Descriptor) -> Iterator[bytes]:
    """What was measured a moment ago, made again on the way; it is held against its digest."""
    return checked(builder.packed(layer), blob, layer.what)


def _mounted(image: Image, target: Registry, digest: str) -> bool:
    """Was it taken over from the base's repository, in the same registry?"""
    from envlock.resolve.oci.registry import Registry

    base = image.base.store
    if not isinstance(base, Registry) or base.reference.registry != target.reference.registry:
        return False
    is_base = any(layer.digest == digest for layer in image.base.manifest.layers)
    return is_base and target.mount(digest, base.reference.repository)
