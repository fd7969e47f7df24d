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
    base: str | None
    user: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A manifest, read and checked. Paths are absolute; everything else is host-free.

    `cuda` has a toolkit version ("12.4"), "cpu" or "auto" for every platform. `python` is kept as
    written ("3.11" or "3.11.7"). `exclude_newer` is RFC 3339 in UTC. `sources` is where names point
    from this host: it is in no lock and in no fingerprint. `extras` and `groups` (None: not said) are in
    `requirements` already; the lock of another tool is read by them.
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
    allow_sdist: tuple[NormalizedName, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
