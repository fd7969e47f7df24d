"""A lock as files for other tools: `(Lock, EmitOptions) -> text`, pure, one module per format.

A new format is a module with an `EMITTER` and one line below.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from envlock.emit import conda, conda_explicit, conda_lock, docker, pixi, pylock, requirements
from envlock.emit.model import EmitOptions, Emitter
from envlock.verbs import make_verb

FORMATS: Mapping[str, Emitter] = MappingProxyType(
    {
        "conda": conda.EMITTER,
        "conda-explicit": conda_explicit.EMITTER,
        "conda-explicit-md5": conda_explicit.EMITTER_MD5,
        "conda-lock": conda_lock.EMITTER,
        "docker": docker.EMITTER,
        "pixi": pixi.EMITTER,
        "pylock": pylock.EMITTER,
        "requirements": requirements.EMITTER,
    }
)

__all__ = ["FORMATS", "EmitOptions", "Emitter"]

make_verb(__name__)  # `envlock.emit(…)`
