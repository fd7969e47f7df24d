"""What holds a version where it is, by the words of those who ask for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from envlock.lock.needs import Need

_EXACT = re.compile(r"(?:==)?[0-9][A-Za-z0-9._!+-]*")
_BOUND = re.compile(r"[<=~!|*]")


class Hold(StrEnum):
    """What a version comes from.

    `PINNED`: somebody asks for exactly it. `HELD`: somebody admits nothing newer than some version, or
    leaves newer ones out. `FREE`: nobody does, the resolver took the newest that fitted. `UNKNOWN`: the
    words of somebody who asks for it are not at hand, and nobody else pins it.
    """

    PINNED = "pinned"
    HELD = "held"
    FREE = "free"
    UNKNOWN = "unknown"


def fixed_by(version: str, needs: Sequence[Need]) -> tuple[Hold, tuple[Need, ...]]:
    """What fixed the version of a distribution, and who of those that ask."""
    pinning = tuple(need for need in needs if any(map(_is_pin, _specifiers(need))))
    if pinning:
        return Hold.PINNED, pinning
    locked = Version(version)
    holding = tuple(need for need in needs if any(_holds(each, locked) for each in _specifiers(need)))
    if not needs or any(need.specifier is None for need in needs):
        return Hold.UNKNOWN, holding
    return (Hold.HELD, holding) if holding else (Hold.FREE, ())


def _specifiers(need: Need) -> SpecifierSet:
    return SpecifierSet(need.specifier or "")


def _is_pin(specifier: Specifier) -> bool:
    return specifier.operator in ("==", "===") and not specifier.version.endswith(".*")


def _holds(specifier: Specifier, locked: Version) -> bool:
    """May it be why nothing newer is locked? An exclusion of what is older, or of a preview, may not."""
    if specifier.operator == "!=":
        excluded = Version(specifier.version.removesuffix(".*"))
        return excluded > locked and not excluded.is_prerelease
    return specifier.operator in ("<", "<=", "~=") or specifier.version.endswith(".*")


def conda_fixed_by(_version: str, needs: Sequence[Need]) -> tuple[Hold, tuple[Need, ...]]:
    """What fixed the version of a conda package. In a match specification `1.2` alone is that version,
    `=1.2`, `1.2.*` and `<2` admit some; a build may follow."""
    pinning = tuple(need for need in needs if _EXACT.fullmatch(_conda_version(need)))
    if pinning:
        return Hold.PINNED, pinning
    holding = tuple(need for need in needs if _BOUND.search(_conda_version(need).replace(">=", ">")))
    if not needs:
        return Hold.UNKNOWN, ()
    return (Hold.HELD, holding) if holding else (Hold.FREE, ())


def _conda_version(need: Need) -> str:
    """The version of a match specification without its name; empty for any."""
    words = (need.specifier or "").split()
    return "" if not words or words[0] == "*" else words[0]
