"""What the user asks for: pyproject, envlock.toml, requirements files or a script become a Manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envlock.manifest.platforms import Platform

if TYPE_CHECKING:
    from envlock.manifest.location import find
    from envlock.manifest.model import AUTO, CPU, Asked, CondaRequest, ImageRequest, JobRequest, Manifest
    from envlock.manifest.read import read_manifest

__all__ = [
    "AUTO",
    "CPU",
    "Asked",
    "CondaRequest",
    "ImageRequest",
    "JobRequest",
    "Manifest",
    "Platform",
    "find",
    "read_manifest",
]

_HOMES = {"find": "location", "read_manifest": "read"}


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562): a command that only reads a lock does without requirements and
    markers, a fifth of its start-up time."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'model')}"), name)
