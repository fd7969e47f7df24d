"""What the user asks for, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envlock.manifest.platforms import Platform

AUTO = "auto"
CPU = "cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One requirement or constraint with the place that asks for it.

    `origin` reads like `pyproject.toml, project.dependencies` or `requirements.txt:3`; `hashes`
    are `sha256:…` values that the wheel taken must be among (empty: any).
    """

    requirement: Requirement
    origin: str
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaRequest:
    channels: tuple[str, ...]
    packages: tuple[str, ...]
    virtual_packages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRequest:
    """The image around the environment. `apt` rows are `NAME=VERSION`; `code` is a folder that is copied into
    the user's home, `.` for all of the project."""

    base: str | None = None
    user: str = "app"
    apt: tuple[str, ...] = ()
    code: str | None = None
    entrypoint: tuple[str, ...] = ()
    jupyter: bool = False
    ssh: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """How the environment is to run: one task per node, each with all limits.

    `gpus` None: one where the stack has CUDA. `memory` is like `32GiB`, `time` like `24:00:00`. `volumes`
    lead from a path of the host or the name of a volume to a path in the container, with `:ro` for reading
    only.
    """

    image: str | None = None
    command: tuple[str, ...] = ()
    gpus: int | None = None
    cpus: int | None = None
    memory: str | None = None
    nodes: int = 1
    time: str | None = None
    volumes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A manifest, read and checked. Paths are absolute; everything else is host-free.

    `cuda` has a toolkit version ("12.4"), "cpu" or "auto" for every platform. `python` is kept as
    written ("3.11" or "3.11.7"). `exclude_newer` is RFC 3339 in UTC. `sources` is where names point
    from this host: it is in no lock and in no fingerprint. `extras` and `groups` (None: not said) are in
    `requirements` already; the lock of another tool is read by them. `python_because` says why it is this
    Python and how to take another, where nobody named it.
    """

    path: Path
    root: Path
    lockfile: Path
    variant: str | None
    project_name: NormalizedName | None
    python: str
    cuda: Mapping[Platform, str]
    platforms: tuple[Platform, ...]
    glibc: tuple[int, int]
    requirements: tuple[Asked, ...]
    constraints: tuple[Asked, ...]
    exclude_newer: str | None
    settings: Mapping[str, str]
    index_of: Mapping[NormalizedName, str]
    sources: Mapping[str, str] = field(hash=False, compare=False)
    conda: CondaRequest | None = None
    image: ImageRequest | None = None
    job: JobRequest = field(default_factory=JobRequest)
    allow_sdist: tuple[NormalizedName, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    python_because: str | None = None
    fingerprint: str = ""
