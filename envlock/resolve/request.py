"""What is to be resolved for one platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envlock.manifest.model import Asked, Manifest
from envlock.manifest.platforms import Platform
from envlock.resolve.graph import applies, marker_environment
from envlock.resolve.model import Engine
from envlock.resolve.uv import Environment
from envlock.resolve.uv_compile import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A manifest for one platform, and the pins (name -> version) that stay where they still fit.

    `provided` are distributions (name -> version) that conda packages bring: they are as they are, and no
    wheel is taken of them. `exclude_newer` is RFC 3339; `refresh` asks the indexes anew for what uv has in
    its cache.
    """

    manifest: Manifest
    platform: Platform
    environment: Environment
    pinned: Mapping[str, str] = field(default_factory=dict)
    provided: Mapping[NormalizedName, str] = field(default_factory=dict)
    exclude_newer: str | None = None
    refresh: bool = False
    engine: Engine = Engine.UV

    @property
    def target(self) -> Target:
        return Target(platform=self.platform, python=self.manifest.python, glibc=self.manifest.glibc)

    @property
    def cuda(self) -> str:
        return self.manifest.cuda[self.platform]

    @property
    def where(self) -> str:
        return self.manifest.path.name

    @property
    def cuda_origin(self) -> str:
        """Where the manifest says `cuda`, as an error names it."""
        return f"{self.where}, {'tool.envlock.cuda' if self.where == 'pyproject.toml' else 'cuda'}"

    def asked(self) -> tuple[Asked, ...]:
        """The requirements that hold on this platform, less those that conda packages meet."""
        rows = self._holding(self.manifest.requirements)
        return tuple(row for row in rows if canonicalize_name(row.requirement.name) not in self.provided)

    def unmet(self) -> tuple[Asked, ...]:
        """Requirements and constraints that do not fit what conda packages bring."""
        rows = (*self._holding(self.manifest.requirements), *self.constraints())
        found = ((row, self.provided.get(canonicalize_name(row.requirement.name))) for row in rows)
        return tuple(
            row
            for row, version in found
            if version is not None and not row.requirement.specifier.contains(version, prereleases=True)
        )

    def constraints(self) -> tuple[Asked, ...]:
        return self._holding(self.manifest.constraints)

    def _holding(self, rows: tuple[Asked, ...]) -> tuple[Asked, ...]:
        markers = marker_environment(self.platform, self.manifest.python)
        return tuple(row for row in rows if applies(row.requirement, markers))

    def names(self) -> frozenset[NormalizedName]:
        return frozenset(canonicalize_name(row.requirement.name) for row in self.asked())

    def specifier(self, name: NormalizedName) -> SpecifierSet:
        """All that is asked of the version of `name`."""
        rows = self._about(name)
        return SpecifierSet(",".join(text for row in rows if (text := str(row.requirement.specifier))))

    def hashes(self, name: NormalizedName) -> frozenset[str]:
        """The sha256 values that the wheel of `name` must be among; none: any."""
        values = (value for row in self._about(name) for value in row.hashes)
        return frozenset(value.removeprefix("sha256:") for value in values)

    def _about(self, name: NormalizedName) -> tuple[Asked, ...]:
        rows = (*self.asked(), *self.constraints())
        return tuple(row for row in rows if canonicalize_name(row.requirement.name) == name)

    def spoken_target(self) -> str:
        """`linux-64 with Python 3.11, glibc 2.28`."""
        glibc = f", glibc {'.'.join(map(str, self.manifest.glibc))}" if self.platform.is_linux else ""
        return f"{self.platform} with Python {self.manifest.python}{glibc}"
