"""The configuration of an image: the base's, with the environment on top. Its digest is the image id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from envlock.image.place import PREFIX, USER_ID
from envlock.image.splice import Measured
from envlock.lock.model import Lock
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.resolve.oci.base import DEFAULT_PATH
from envlock.resolve.oci.media import (
    DOCKER_LAYER_GZIP,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Document,
    ImageConfig,
    ImageManifest,
)
from envlock.resolve.oci.store import digest_of

_NEVER: Final = "1970-01-01T00:00:00Z"
# Docker's names of layers in the words of OCI: the bytes are the same.
_OCI_NAMES: Final = {
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": OCI_LAYER,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """What an image is of: one platform of a lock, and the user who works in it. `is_conda`: its environment
    is a conda prefix."""

    lock: Lock
    platform: str
    user: str
    is_conda: bool = False

    @property
    def runtime(self) -> str:
        found = conda_runtime_hash(self.lock, self.platform) if self.is_conda else None
        return found or runtime_hash(self.lock, self.platform)


def config_bytes(purpose: Purpose, base: ImageConfig, layers: Iterable[tuple[str, Measured]]) -> bytes:
    """The configuration. `layers` are ours, each with the word that the history has for it."""
    rows = tuple(layers)
    raw = dict(base.raw)
    raw.update(
        {
            "architecture": base.architecture,
            "os": base.os,
            "created": _NEVER,
            "config": _config(purpose, base),
            "rootfs": {
                "type": "layers",
                "diff_ids": [*base.diff_ids, *(layer.diff_id for _, layer in rows)],
            },
            "history": [*_history(base), *(_row(f"envlock: {what}") for what, _ in rows)],
        }
    )
    for name in ("container", "container_config", "docker_version", "author", "id", "parent"):
        raw.pop(name, None)
    return _json(raw)


def _history(base: ImageConfig) -> list[Any]:
    """The base's, where it tells of all layers of the base."""
    rows = base.raw.get("history")
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if sum(not row.get("empty_layer") for row in known) == len(base.diff_ids):
        return known
    return [_row("base image") for _ in base.diff_ids]


def _row(what: str) -> dict[str, str]:
    return {"created": _NEVER, "created_by": what}


def _config(purpose: Purpose, base: ImageConfig) -> dict[str, Any]:
    found = base.raw.get("config")
    config = dict(found) if isinstance(found, dict) else {}
    environment = {**base.environment, **_environment(purpose, base.environment)}
    config.update(
        {
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "User": f"{USER_ID}:{USER_ID}",
            "WorkingDir": f"/home/{purpose.user}",
            "Cmd": ["python"],
            "Labels": {**(config.get("Labels") or {}), **_labels(purpose)},
        }
    )
    for name in ("Image", "Hostname", "Domainname", "OnBuild"):
        config.pop(name, None)
    return config


def _environment(purpose: Purpose, base: Mapping[str, str]) -> dict[str, str]:
    """PATH and VIRTUAL_ENV or CONDA_PREFIX, what the NVIDIA container toolkit asks for, the locked settings.

    Never `CUDA_VERSION`: alone, without `NVIDIA_REQUIRE_CUDA`, it means an image of the toolkit's old kind.
    """
    path = base.get("PATH") or DEFAULT_PATH
    kind = "CONDA_PREFIX" if purpose.is_conda else "VIRTUAL_ENV"
    found = {"PATH": f"{PREFIX}/bin:{path}", kind: PREFIX}
    stack = purpose.lock.stack.get(purpose.platform)
    if stack is not None and stack.cuda not in (None, "cpu"):
        found |= {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    return found | dict(sorted(purpose.lock.settings.items()))


def _labels(purpose: Purpose) -> dict[str, str]:
    """Ours, and the two of the OCI image specification that name the base."""
    lock, image = purpose.lock, purpose.lock.image
    labels = {
        "envlock.manifest": lock.manifest,
        "envlock.platform": purpose.platform,
        "envlock.runtime": purpose.runtime,
    }
    if image is not None:
        labels["org.opencontainers.image.base.name"] = image.base
        labels["org.opencontainers.image.base.digest"] = image.platforms[purpose.platform].manifest
    return labels


def manifest_of(config: bytes, base: ImageManifest, layers: Iterable[Measured]) -> Document:
    """The manifest of the compressed image: the base's layers as they are, then ours."""
    ours = [
        Descriptor(media_type=OCI_LAYER_GZIP, digest=each.digest, size=each.size).to_json() for each in layers
    ]
    below = [{**each.to_json(), "mediaType": _oci_name(each.media_type)} for each in base.layers]
    content = _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config_descriptor(config).to_json(),
            "layers": [*below, *ours],
        }
    )
    return Document(media_type=OCI_MANIFEST, digest=digest_of(content), content=content)


def config_descriptor(config: bytes) -> Descriptor:
    return Descriptor(media_type=OCI_CONFIG, digest=digest_of(config), size=len(config))


def _oci_name(media_type: str) -> str:
    return _OCI_NAMES.get(media_type, media_type)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
