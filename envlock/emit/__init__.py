"""A lock as files for other tools: `(Lock, EmitOptions) -> text`, pure, one module per format.

A new format is a module with an `EMITTER` and one line below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from envlock.emit.model import EmitOptions, Emitter
from envlock.verbs import make_verb

_HOMES = {
    "conda": ("conda", "EMITTER"),
    "conda-explicit": ("conda_explicit", "EMITTER"),
    "conda-explicit-md5": ("conda_explicit", "EMITTER_MD5"),
    "conda-lock": ("conda_lock", "EMITTER"),
    "docker": ("docker", "EMITTER"),
    "dockerignore": ("dockerignore", "EMITTER"),
    "pixi": ("pixi", "EMITTER"),
    "pylock": ("pylock", "EMITTER"),
    "requirements": ("requirements", "EMITTER"),
    "compose": ("compose", "EMITTER"),
    "devcontainer": ("devcontainer", "EMITTER"),
    "kubernetes": ("kubernetes", "EMITTER"),
    "slurm": ("slurm", "EMITTER"),
    "apptainer": ("apptainer", "EMITTER"),
    "github-actions": ("github_actions", "EMITTER"),
    "gitlab-ci": ("gitlab_ci", "EMITTER"),
}


class _Formats(Mapping[str, Emitter]):
    """The formats by name; a module is imported when its format is asked for."""

    def __getitem__(self, name: str) -> Emitter:
        module, attribute = _HOMES[name]
        found: Emitter = getattr(import_module(f"{__name__}.{module}"), attribute)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_HOMES)

    def __len__(self) -> int:
        return len(_HOMES)


FORMATS = _Formats()

__all__ = ["FORMATS", "EmitOptions", "Emitter"]

make_verb(__name__)  # `envlock.emit(…)`
