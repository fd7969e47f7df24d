"""What stands beside a lockfile and is not in it: where index names point from here, the image's user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from envlock.api.manifests import manifest_of
from envlock.errors import ManifestInvalid
from envlock.lock.freshness import stale_because
from envlock.lock.model import Lock
from envlock.manifest import Manifest
from envlock.manifest.sources import all_sources
from envlock.manifest.tables import Faults

_MANIFESTS = ("pyproject.toml", "envlock.toml", "requirements.txt")
_OF_SCRIPT = ".envlock.lock"
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
    """The manifest of a lockfile: the script of `train.py.envlock.lock`, else the manifest in its folder, in
    the lock's variant. None where there is none."""
    folder = lock.absolute().parent
    script = folder / lock.name.removesuffix(_OF_SCRIPT)
    is_script = lock.name.endswith(f".py{_OF_SCRIPT}") and script.is_file()
    project = script if is_script else folder
    if not is_script and not any((folder / name).is_file() for name in _MANIFESTS):
        return None
    match = _VARIANT.fullmatch(lock.name)
    try:
        variant = match["variant"] if match else None
        return manifest_of(project, variant=variant, environment=environment)
    except ManifestInvalid as invalid:
        if not invalid.faults and _is_elsewhere(folder):
            return None
        raise


def _is_elsewhere(folder: Path) -> bool:
    """A pyproject.toml that asks for nothing: the lock beside it is of a manifest elsewhere."""
    return not any((folder / name).is_file() for name in _MANIFESTS if name != "pyproject.toml")


def stale_beside(path: Path, lock: Lock, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Why a lock is no longer that of the manifest beside it; empty where it is, or none is there."""
    manifest = manifest_beside(path, environment)
    if manifest is None or manifest.lockfile != path.resolve():
        return ()
    return stale_because(lock, manifest)
