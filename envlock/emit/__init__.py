"""A lock as files for other tools: `(Lock, EmitOptions) -> text`, pure, one module per format.

A new format is a module with an `EMITTER` and one line below.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from envlock.emit import (
    apptainer,
    compose,
    conda,
    conda_explicit,
    conda_lock,
    devcontainer,
    docker,
    dockerignore,
    github_actions,
    gitlab_ci,
    kubernetes,
    pixi,
    pylock,
    requirements,
    slurm,
)
from envlock.emit.model import EmitOptions, Emitter
from envlock.verbs import make_verb

FORMATS: Mapping[str, Emitter] = MappingProxyType(
    {
        "conda": conda.EMITTER,
        "conda-explicit": conda_explicit.EMITTER,
        "conda-explicit-md5": conda_explicit.EMITTER_MD5,
        "conda-lock": conda_lock.EMITTER,
        "docker": docker.EMITTER,
        "dockerignore": dockerignore.EMITTER,
        "pixi": pixi.EMITTER,
        "pylock": pylock.EMITTER,
        "requirements": requirements.EMITTER,
        "compose": compose.EMITTER,
        "devcontainer": devcontainer.EMITTER,
        "kubernetes": kubernetes.EMITTER,
        "slurm": slurm.EMITTER,
        "apptainer": apptainer.EMITTER,
        "github-actions": github_actions.EMITTER,
        "gitlab-ci": gitlab_ci.EMITTER,
    }
)

__all__ = ["FORMATS", "EmitOptions", "Emitter"]

make_verb(__name__)  # `envlock.emit(…)`
