"""What a resolution is made of, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from packaging.utils import NormalizedName

from envlock.manifest.platforms import Platform


class CondaEngine(StrEnum):
    """Who decides the conda packages of a lock."""

    RATTLER = "rattler"
    CONDA_LOCK = "conda-lock"


class Engine(StrEnum):
    """Who decides the versions: uv, or pip's own resolver."""

    UV = "uv"
    PIP_TOOLS = "pip-tools"


DEFAULT_INDEX = "default"
PYTORCH_INDEX = "pytorch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A wheel file as its index lists it; hash and size (bytes) where the index tells."""

    file: str
    url: str
    sha256: str | None
    size: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One distribution as the resolver decided it, with every wheel that would fit, on a named index."""

    name: NormalizedName
    version: str
    index: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptedPin:
    """One distribution as the lock of another tool holds it, on one platform.

    `sha256` has the hashes that its wheel must be among; `index_url` is where that tool took it from, as
    it says (None: it does not). `origin` reads like `uv.lock, torch` or `requirements.txt:3`.
    """

    name: NormalizedName
    version: str
    sha256: frozenset[str]
    index_url: str | None
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A pin with the one wheel that a platform takes."""

    name: NormalizedName
    version: str
    index: str
    wheel: Candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformResolution:
    """What one platform takes, sorted by name. `extra` was asked of the resolver by us, only to say
    which index it comes from: it stays only where something needs it."""

    platform: Platform
    chosen: tuple[Chosen, ...]
    extra: frozenset[NormalizedName] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def versions(self) -> Mapping[str, str]:
        return {each.name: each.version for each in self.chosen}


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Where a locked wheel can be had from here, and the name of its index; `index_url` is that of a named
    one, which serves no other file."""

    url: str
    index: str
    index_url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A step of work that is under way: for a progress line, never for a decision."""

    step: str
    done: int = 0
    total: int = 0


OnEvent: TypeAlias = Callable[[Event], None]


def no_events(_event: Event) -> None:
    """Listen to nothing."""
