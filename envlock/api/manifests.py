"""The manifest, with the Python to take where it asks for none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envlock import stack
from envlock.manifest import Manifest, read_manifest


def manifest_of(project: Path, *, variant: str | None, environment: Mapping[str, str]) -> Manifest:
    """Read a manifest. Where nothing asks for a Python, it is the newest that the asked torch is built for.

    Raises ManifestInvalid.
    """
    default = stack.default_python()
    found = read_manifest(project, variant=variant, environment=environment, default_python=default)
    if found.python != default or (torch := _asked_torch(found)) is None:
        return found
    default = stack.default_python(torch)
    return read_manifest(project, variant=variant, environment=environment, default_python=default)


def _asked_torch(manifest: Manifest) -> str | None:
    """The newest torch that the requirements admit; None where none is asked for, or none is known."""
    rows = [row.requirement for row in (*manifest.requirements, *manifest.constraints)]
    asked = [row.specifier for row in rows if row.name.lower() == "torch"]
    fitting = [str(each) for each in stack.torch_versions() if all(spec.contains(each) for spec in asked)]
    return fitting[-1] if asked and fitting else None
