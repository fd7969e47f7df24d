"""A lock as files for other tools: `(Lock, EmitOptions) -> text`, pure, one module per format.

A new format is a module with an `EMITTER` and one line below.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from envlock.emit import conda, docker, pylock, requirements
from envlock.emit.model import EmitOptions, Emitter
from envlock.verbs import make_verb

FORMATS: Mapping[str, Emitter] = MappingProxyType(
    {
        "conda": conda.EMITTER,
        "docker": docker.EMITTER,
        "pylock": pylock.EMITTER,
        "requirements": requirements.EMITTER,
    }
)

__all__ = ["FORMATS", "EmitOptions", "Emitter"]

make_verb(__name__)  # `envlock.emit(…)`
