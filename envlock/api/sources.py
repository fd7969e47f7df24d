"""What stands beside a lockfile and is not in it: where index names point from here, the image's user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from envlock import stack
from envlock.errors import ManifestInvalid
from envlock.manifest import Manifest, read_manifest
from envlock.manifest.sources import all_sources
from envlock.manifest.tables import Faults

_MANIFESTS = ("pyproject.toml", "envlock.toml", "requirements.txt")
_VARIANT = re.compile(r"envlock\.(?P<variant>[^.]+)\.lock")


def sources_beside(lock: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The sources of the manifest beside a lockfile, of the user and of the environment.

    A lock that travels alone has the latter two. Raises ManifestInvalid for a manifest with faults.
    """
    manifest = manifest_beside(lock, environment)
    if manifest is not None:
        return manifest.sources
    faults = Faults()
    found = all_sources({}, (), environment, faults)
    faults.raise_if_any(ManifestInvalid, "config.toml")
    return found


def manifest_beside(lock: Path, environment: Mapping[str, str]) -> Manifest | None:
    """The manifest in the folder of a lockfile, in the lock's variant; None where there is none."""
    folder = lock.absolute().parent
    if not any((folder / name).is_file() for name in _MANIFESTS):
        return None
    match = _VARIANT.fullmatch(lock.name)
    return read_manifest(
        folder,
        variant=match["variant"] if match else None,
        environment=environment,
        default_python=stack.default_python(),
    )
