"""What sync and repair are asked, and what came of it, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from envlock.agent.facts import Facts
from envlock.agent.target import Answers
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.resolve.uv import Environment
from envlock.resolve.wheels.entries import EntryCache


@dataclass(frozen=True, kw_only=True, slots=True)
class Supply:
    """Where locked wheels come from on this host: their named indexes, or a folder of wheels.

    `environment` is the user's: uv's cache, proxies and credentials count.
    """

    sources: Mapping[str, str]
    environment: Environment
    wheelhouse: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncRequest:
    """`python` is an interpreter or a version for a venv that is still to be made; `link_mode` is uv's;
    `answers` is what the interpreter of the venv said in this run."""

    lock: Lock
    platform: Platform
    venv: Path
    supply: Supply
    cache: EntryCache | None = None
    python: str | None = None
    link_mode: str | None = None
    answers: Answers = field(default_factory=Answers)


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncResult:
    """`installed` and `removed` read `six==1.17.0`. `differing` are distributions whose dist-info is still
    not what the lock says: `--repair` is for them."""

    venv: Path
    python: str
    created: bool
    installed: tuple[str, ...]
    removed: tuple[str, ...]
    differing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairRequest:
    """`facts` are those of `venv` at level content (or warm), observed just now; `answers` is what its
    interpreter said then."""

    lock: Lock
    platform: Platform
    venv: Path
    facts: Facts
    supply: Supply
    cache: EntryCache
    answers: Answers = field(default_factory=Answers)


class Kind(StrEnum):
    """What was restored."""

    FILE = "file"
    SCRIPT = "script"
    RECORD = "record"
    BYTECODE = "bytecode"
    DISTRIBUTION = "distribution"


@dataclass(frozen=True, kw_only=True, slots=True)
class Repaired:
    """One thing restored; `path` relative to the venv, for a distribution that of its dist-info. Bytecode is
    removed, all else written anew.

    `poisoned` is the file of uv's cache that holds the same wrong bytes: uv would install them again.
    """

    kind: Kind
    distribution: str
    path: str
    poisoned: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """Something that differs and is not ours to touch; `reason` is the predicate of "`path` …"."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairResult:
    repaired: tuple[Repaired, ...]
    left: tuple[Left, ...]

    @property
    def poisoned(self) -> tuple[Path, ...]:
        """Files of uv's cache that hold wrong bytes, each once."""
        return tuple(sorted({each.poisoned for each in self.repaired if each.poisoned is not None}))


OnRepaired = Callable[[Repaired], None]
