"""What a conda resolution is made of, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from envlock.agent.conda.paths import PathRow
from envlock.lock.model import CondaPackage, Stack
from envlock.manifest.model import CondaRequest
from envlock.manifest.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaWish:
    """What one platform asks of conda. `specs` are match specifications; `virtual` the virtual packages, as
    name -> version or `version=build`; `pinned` archives (by sha256) that stay where they still fit;
    `adopted` all that may come, from another tool's lock (None: there is none)."""

    request: CondaRequest
    platform: Platform
    specs: tuple[str, ...]
    virtual: Mapping[str, str]
    cuda: str
    cuda_origin: str
    where: str
    exclude_newer: str | None = None
    pinned: tuple[CondaPackage, ...] = ()
    adopted: tuple[AdoptedPackage, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record of a channel's repodata, as the solver took it. `url` is where its archive lies from here;
    `size` in bytes, `timestamp` in milliseconds since 1970."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    noarch: str | None
    channel: str
    file: str
    url: str
    sha256: str
    md5: str | None
    size: int
    timestamp: int | None
    depends: tuple[str, ...]
    constrains: tuple[str, ...]
    site_packages: str | None

    @property
    def spoken(self) -> str:
        return f"{self.name} {self.version} {self.build}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptedPackage:
    """A conda package as another tool's lock has it. None: that format does not say. `origin` reads like
    `conda-lock.yml, numpy`."""

    name: str
    version: str
    build: str | None
    origin: str
    subdir: str | None = None
    channel_url: str | None = None
    sha256: str | None = None
    md5: str | None = None

    @property
    def spec(self) -> str:
        """The match specification that no other version and build fits."""
        return f"{self.name} =={self.version}{f' {self.build}' if self.build else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """What an archive says of itself: the rows of `info/paths.json`, entry points of `info/link.json`, and
    where its links to folders lead, as `path -> target`."""

    rows: tuple[PathRow, ...]
    entry_points: tuple[str, ...]
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPlatform:
    """One platform, solved and looked at; packages by name, archives by sha256. `distributions` are what
    they bring of Python, as normalised name -> version."""

    platform: Platform
    virtual: Mapping[str, str]
    packages: tuple[CondaPackage, ...]
    archives: Mapping[str, Archive]
    stack: Stack
    notes: tuple[str, ...] = ()

    @property
    def distributions(self) -> Mapping[str, str]:
        found = {name: version for package in self.packages for name, version in package.distributions}
        return found if self.stack.torch is None else {"torch": self.stack.torch, **found}


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaResolution:
    """All platforms, with channels by name."""

    channels: tuple[str, ...]
    platforms: Mapping[str, CondaPlatform] = field(default_factory=dict)
