"""A foreign lock with conda packages by platform, whichever format it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign.model import Adopted, Wanted
from envlock.resolve.adopt import Missing
from envlock.resolve.conda.model import AdoptedPackage
from envlock.resolve.model import AdoptedPin


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaForeignLock:
    """`conda` and `pins` by platform. `channels` are the URLs or names that the file gives, first first."""

    file: str
    channels: tuple[str, ...]
    conda: Mapping[str, tuple[AdoptedPackage, ...]]
    pins: Mapping[str, tuple[AdoptedPin, ...]] = field(default_factory=dict)
    missing: Mapping[str, tuple[Missing, ...]] = field(default_factory=dict)

    @property
    def requires_python(self) -> SpecifierSet | None:
        """The series of the locked Python, the same on all platforms or nothing."""
        found = {
            f"{version.major}.{version.minor}"
            for packages in self.conda.values()
            for each in packages
            if each.name == "python" and (version := _version(each.version)) is not None
        }
        return SpecifierSet(f"=={found.pop()}.*") if len(found) == 1 else None

    def adopted(self, wanted: Wanted) -> Adopted:
        if wanted.platform not in self.conda:
            raise ForeignLockInvalid(
                f"`{self.file}` is not for {wanted.platform}",
                where=self.file,
                hint="ask for a platform that it is for",
                facts=[("it is for", ", ".join(sorted(self.conda)))],
            )
        return Adopted(
            pins=self.pins.get(wanted.platform, ()),
            missing=self.missing.get(wanted.platform, ()),
            conda=self.conda[wanted.platform],
            channels=self.channels,
        )


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
