"""An image as configuration and layers, whatever holds it: a registry, a layout, an archive."""

from __future__ import annotations

import json
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from envlock.errors import RegistryFailed
from envlock.resolve.image import OpenImage
from envlock.resolve.oci.media import BadImage, ImageConfig, parse_config
from envlock.resolve.oci.store import digest_of

_CHUNK_BYTES = 1 << 20
_MOST_DOCUMENT_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class LayeredImage:
    """`id` is the digest of the configuration; `layers` give the bytes of each, from the bottom up."""

    name: str
    id: str
    config: ImageConfig
    layers: tuple[Callable[[], Iterator[bytes]], ...]


def layered(image: OpenImage) -> LayeredImage:
    """An image of a registry or a layout."""
    store = image.store
    return LayeredImage(
        name=store.name,
        id=image.manifest.config.digest,
        config=image.config,
        layers=tuple(partial(store.chunks, layer) for layer in image.manifest.layers),
    )


@contextmanager
def open_saved(path: Path) -> Iterator[LayeredImage]:
    """The one image of an archive that `docker save` or `podman save` wrote. Raises RegistryFailed."""
    try:
        with tarfile.open(path) as archive:
            yield _saved(archive, path)
    except (OSError, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0].rstrip(":")
        raise _failed(path, f"it cannot be read: {reason[:1].lower()}{reason[1:]}") from error
    except BadImage as error:
        raise _failed(path, str(error)) from error


def _saved(archive: tarfile.TarFile, path: Path) -> LayeredImage:
    rows = _json(archive, "manifest.json")
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise BadImage("it holds no image, or several")
    config, layers = rows[0].get("Config"), rows[0].get("Layers")
    if (
        not isinstance(config, str)
        or not isinstance(layers, list)
        or not all(isinstance(x, str) for x in layers)
    ):
        raise BadImage("its manifest.json names no layers")
    content = _member(archive, config)
    return LayeredImage(
        name=str(path),
        id=digest_of(content),
        config=parse_config(content),
        layers=tuple(partial(_chunks, archive, name) for name in layers),
    )


def _json(archive: tarfile.TarFile, name: str) -> Any:
    try:
        return json.loads(_member(archive, name))
    except (ValueError, RecursionError) as error:
        raise BadImage(f"its {name} is no JSON") from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        info = archive.getmember(name)
        stream = archive.extractfile(info)
    except KeyError as error:
        raise BadImage(f"it has no {name}") from error
    if stream is None or info.size > _MOST_DOCUMENT_BYTES:
        raise BadImage(f"its {name} is no document")
    return stream.read()


def _chunks(archive: tarfile.TarFile, name: str) -> Iterator[bytes]:
    try:
        stream = archive.extractfile(name)
    except KeyError as error:
        raise BadImage(f"it has no {name}") from error
    while stream is not None and (chunk := stream.read(_CHUNK_BYTES)):
        yield chunk


def _failed(path: Path, reason: str) -> RegistryFailed:
    return RegistryFailed(
        f"cannot use the image `{path}`: {reason}",
        where=str(path),
        hint="`docker save NAME -o image.tar` writes one",
    )
