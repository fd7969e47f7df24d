"""Where index names point from here, for commands that start from a lockfile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from envlock import stack
from envlock.errors import ManifestInvalid
from envlock.manifest.sources import all_sources
from envlock.manifest.tables import Faults

_MANIFESTS = ("pyproject.toml", "envlock.toml", "requirements.txt")
_VARIANT = re.compile(r"envlock\.(?P<variant>[^.]+)\.lock")


def sources_beside(lock: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The sources of the manifest beside a lockfile, of the user and of the environment.

    A lock that travels alone has the latter two. Raises ManifestInvalid for a manifest with faults.
    """
    folder = lock.absolute().parent
    if any((folder / name).is_file() for name in _MANIFESTS):
        from envlock.manifest import read_manifest

        match = _VARIANT.fullmatch(lock.name)
        variant = match["variant"] if match else None
        default_python = stack.default_python()
        manifest = read_manifest(
            folder, variant=variant, environment=environment, default_python=default_python
        )
        return manifest.sources
    faults = Faults()
    found = all_sources({}, (), environment, faults)
    faults.raise_if_any(ManifestInvalid, "config.toml")
    return found
