"""One lock, several routes: the values that a comparison is made of. Sizes in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from envlock.report import Report

BASE = "base image"  # as an owner of bytes


class Route(StrEnum):
    """A way from the lock to an environment."""

    VENV = "venv"
    CONDA = "conda"
    DOCKER = "docker"
    OCI = "oci"


class Depth(StrEnum):
    """How far a part is pinned."""

    BYTES = "bytes"  # by hash: other bytes are refused, or found by `verify`
    VERSION = "version"  # by name and version: other bytes under it are not noticed
    HOST = "host"  # the host's own, whatever it is; `verify` judges whether it will do
    ABSENT = "absent"  # the lock asks for none


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """How far a route pins one part of an environment, in a word and in a sentence."""

    part: str
    depth: Depth
    how: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What a route needs of its host. `here`: is it there (None: cannot be told from here)?"""

    what: str
    here: bool | None
    seen: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one owner brings. `unpacked` None: only its archives' size is known."""

    owner: str
    download: int
    unpacked: int | None
    is_cuda: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """What a route downloads and lays down, as locked. `unknown` says what the figures leave out, and why;
    `cuda_twice` names the second provider of CUDA (None: there is none, or it cannot be told)."""

    shares: tuple[Share, ...]
    unknown: tuple[str, ...] = ()
    cuda_twice: str | None = None

    @property
    def download(self) -> int:
        return sum(share.download for share in self.shares)

    @property
    def unpacked(self) -> int:
        """Of those whose unpacked size is known."""
        return sum(share.unpacked or 0 for share in self.shares)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One file that two builds of one lock do not share. `kind` is what sort of file it is."""

    path: str
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuild:
    """Two builds held against each other. `same_digest` None: the route's result has no digest of its own;
    `times_only` counts files with the same content and another modification time (None: not looked at)."""

    first: str | None
    second: str | None
    changes: tuple[Change, ...]
    times_only: int | None

    @property
    def same_digest(self) -> bool | None:
        return None if self.first is None else self.first == self.second


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """`cold` with empty caches of envlock and uv (downloads included), `warm` with what the first run left;
    neither includes `verify`. `disk` is what the result takes on this disk, or in the daemon's."""

    cold: float
    warm: float
    verify: float
    disk: int
    report: Report
    rebuild: Rebuild


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Why a route was not measured. `exit_status` 0: it was never possible here; else that of the failure."""

    message: str
    hint: str | None = None
    exit_status: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One route, planned and perhaps measured."""

    route: Route
    pins: tuple[Pin, ...]
    weight: Weight
    needs: tuple[Need, ...]
    fault: Fault | None = None
    measured: Measured | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """Where and when it was measured. `load` is the one-minute load average at the start; `date` is UTC."""

    cpu: str
    cores: int
    memory: int
    kernel: str
    load: float
    date: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All routes of one lock on one platform. `host` None: planned, nothing was measured."""

    project: str | None
    platform: str
    runtime: str
    routes: tuple[Compared, ...]
    host: Host | None = None
