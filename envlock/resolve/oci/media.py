"""Manifests, indexes and configurations as values; every document that is read is untrusted.

OCI image specification 1.1 and docker's schema 2, which differ in media types only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from envlock.resolve.oci.reference import is_digest

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFESTS: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT: Final = ", ".join((OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST))

# conda's names of platforms -> (os, architecture) of the image specification.
IMAGE_PLATFORMS: Final = {
    "linux-64": ("linux", "amd64"),
    "linux-aarch64": ("linux", "arm64"),
    "osx-arm64": ("darwin", "arm64"),
    "win-64": ("windows", "amd64"),
}


class BadImage(ValueError):
    """A document that is no manifest, index or configuration; the message is a clause: `it …`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """A blob by its digest; `size` in bytes."""

    media_type: str
    digest: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A manifest or an index with its exact bytes: only those have the digest."""

    media_type: str
    digest: str
    content: bytes

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.content))


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageManifest:
    """The manifest of one platform: layers from the bottom up."""

    document: Document
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageConfig:
    """The configuration of an image; `environment` as `NAME=value` says, `raw` with all else."""

    raw: Mapping[str, Any]
    architecture: str
    os: str
    diff_ids: tuple[str, ...]
    environment: Mapping[str, str]


def parse_json(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadImage("it is no JSON") from error
    if not isinstance(document, dict):
        raise BadImage("it is no JSON object")
    return document


def media_type_of(document: Mapping[str, Any], said: str) -> str:
    """The media type of a document: its own word, else that of the server, else told by its keys."""
    own = document.get("mediaType")
    if isinstance(own, str) and own in INDEXES | MANIFESTS:
        return own
    if said in INDEXES | MANIFESTS:
        return said
    return OCI_INDEX if "manifests" in document else OCI_MANIFEST


def parse_manifest(document: Document) -> ImageManifest:
    """Raises BadImage."""
    value = parse_json(document.content)
    if value.get("schemaVersion") != 2:
        raise BadImage("it has another schema than version 2")
    layers = value.get("layers")
    if not isinstance(layers, list):
        raise BadImage("it has no layers")
    return ImageManifest(
        document=document,
        config=_descriptor(value.get("config")),
        layers=tuple(map(_descriptor, layers)),
    )


def parse_config(content: bytes) -> ImageConfig:
    """Raises BadImage."""
    value = parse_json(content)
    rootfs = value.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or not all(map(is_digest, diff_ids)):
        raise BadImage("its configuration has no diff ids")
    return ImageConfig(
        raw=value,
        architecture=str(value.get("architecture") or ""),
        os=str(value.get("os") or ""),
        diff_ids=tuple(diff_ids),
        environment=_environment(value.get("config")),
    )


def platforms_in(index: Document) -> dict[str, Descriptor]:
    """conda platform -> manifest, of those that have a name there; the first of a platform counts.

    Attestations have the platform `unknown/unknown` and are no images. Raises BadImage.
    """
    rows = parse_json(index.content).get("manifests")
    if not isinstance(rows, list):
        raise BadImage("it has no manifests")
    found: dict[str, Descriptor] = {}
    for row in rows:
        platform = row.get("platform") if isinstance(row, dict) else None
        name = _conda_name(platform if isinstance(platform, dict) else {})
        if name is not None:
            found.setdefault(name, _descriptor(row))
    return found


def platform_of(config: ImageConfig) -> str | None:
    """conda's name of an image's platform."""
    return _conda_name({"os": config.os, "architecture": config.architecture})


def _conda_name(platform: Mapping[str, Any]) -> str | None:
    wanted = platform.get("os"), platform.get("architecture")
    return next((name for name, pair in IMAGE_PLATFORMS.items() if pair == wanted), None)


def descriptors_in(index: Document) -> tuple[Descriptor, ...]:
    rows = parse_json(index.content).get("manifests")
    return tuple(map(_descriptor, rows)) if isinstance(rows, list) else ()


def _descriptor(value: Any) -> Descriptor:
    if not isinstance(value, dict):
        raise BadImage("a descriptor in it is no JSON object")
    digest, size = value.get("digest"), value.get("size")
    if not is_digest(digest):
        raise BadImage("a descriptor in it has no sha256 digest")
    if type(size) is not int or size < 0:
        raise BadImage("a descriptor in it has no size")
    return Descriptor(media_type=str(value.get("mediaType") or ""), digest=str(digest), size=size)


def _environment(config: Any) -> dict[str, str]:
    rows = (config.get("Env") or []) if isinstance(config, dict) else []
    if not isinstance(rows, list):
        raise BadImage("its configuration has an `Env` that is no list")
    pairs = (str(row).partition("=") for row in rows)
    return {name: value for name, equals, value in pairs if name and equals}
