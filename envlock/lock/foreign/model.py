"""What is read out of another tool's lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from envlock.manifest.platforms import Platform
from envlock.resolve.adopt import Missing
from envlock.resolve.conda.model import AdoptedPackage
from envlock.resolve.model import AdoptedPin


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is taken of a foreign lock: one platform and Python, the project's extras and groups.

    `groups` None: those that the tool installs by default. `project` None: the one at the lock's root.
    """

    platform: Platform
    python: str
    project: NormalizedName | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopted:
    """The pins of one platform, and what cannot be one: from git, a path, without a wheel or a hash.
    `conda` has its conda packages, `channels` the URLs or names of theirs."""

    pins: tuple[AdoptedPin, ...]
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    conda: tuple[AdoptedPackage, ...] = ()
    channels: tuple[str, ...] = ()


class ForeignLock(Protocol):
    """A lock of another tool, read. `requires_python` is what it says of Python, if anything."""

    @property
    def requires_python(self) -> SpecifierSet | None: ...

    def adopted(self, wanted: Wanted) -> Adopted:
        """The pins of one platform. Raises ForeignLockInvalid where the lock is for none such."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One format: what it is called, which files are of it, and how one is read.

    `fits` takes the name and the text of a file. `read` takes its path and text, and raises
    ForeignLockInvalid with all faults.
    """

    name: str
    fits: Callable[[str, str], bool]
    read: Callable[[Path, str], ForeignLock]
