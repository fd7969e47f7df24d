"""Projects written to disk, and what reading them says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envlock.errors import ManifestInvalid
from envlock.manifest import Manifest, read_manifest


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(folder: Path, text: str, *, variant: str | None = None, **files: str) -> Manifest:
    """Read `text` as envlock.toml; `files` are further files, `requirements_txt` for requirements.txt."""
    named = {name.replace("_", ".", 1): content for name, content in files.items()}
    return read_manifest(write(folder, {"envlock.toml": text, **named}), variant=variant)


def told(
    project: Path, *, variant: str | None = None, environment: Mapping[str, str] | None = None
) -> list[tuple[str, str, str | None]]:
    """Every fault of `project` as (where, message, hint)."""
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(project, variant=variant, environment=environment or {})
    return [(fault.where, fault.message, fault.hint) for fault in caught.value.faults]


def faults(folder: Path, text: str, **files: str) -> list[tuple[str, str, str | None]]:
    """Every fault of `text` as envlock.toml."""
    named = {name.replace("_", ".", 1): content for name, content in files.items()}
    return told(write(folder, {"envlock.toml": text, **named}))


def asked(manifest: Manifest) -> list[str]:
    return [str(row.requirement) for row in manifest.requirements]
