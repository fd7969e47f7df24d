"""Two locks, and those between them: some changes of the one made in the other.

A change does not come alone where a requirement says so: what needs the new version moves with it, and what
the new version needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envlock.lock.model import Distribution, Lock
from envlock.manifest.platforms import Platform
from envlock.resolve.graph import applies, marker_environment
from envlock.resolve.tags import best_wheel, series, supported_tags

PYTHON = "python"
SETTING = "setting:"

RequiresDist: TypeAlias = Mapping[str, Sequence[str]]  # name -> Requires-Dist of its METADATA


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What differs between the locks: `python`, `setting:NAME`, or a distribution. None: not there."""

    name: str
    good: str | None
    bad: str | None

    @property
    def words(self) -> str:
        return f"{self.name} {self.good or 'absent'} → {self.bad or 'absent'}"


@dataclass(frozen=True)  # without slots, so that what is computed once can be kept
class Mixtures:
    """The locks between `good` and `bad` on a platform; `needs` has the requirements of each one's wheels."""

    good: Lock
    bad: Lock
    platform: Platform
    needs: tuple[RequiresDist, RequiresDist] = ({}, {})

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """All that differs, what causes others first: Python, settings, then distributions by name."""
        return tuple(each for each in (*self._values(), *self._distributions()) if each.good != each.bad)

    def _values(self) -> Iterator[Change]:
        yield Change(name=PYTHON, good=self.good.python, bad=self.bad.python)
        for name in sorted(self.good.settings.keys() | self.bad.settings.keys()):
            good, bad = (each.settings.get(name) for each in (self.good, self.bad))
            yield Change(name=SETTING + name, good=good, bad=bad)

    def _distributions(self) -> Iterator[Change]:
        good, bad = self._rows
        for name in sorted(good.keys() | bad.keys()):
            one, other = (self._wheel(side.get(name)) for side in (good, bad))
            yield Change(name=name, good=one, bad=other)

    def _wheel(self, row: Distribution | None) -> str | None:
        """Version, file and hash: another build of one version is a change."""
        wheel = row.wheel_for(self.platform) if row else None
        return f"{row.version} ({wheel.file}, {wheel.sha256[:12]})" if row and wheel else None

    @cached_property
    def _rows(self) -> tuple[Mapping[str, Distribution], Mapping[str, Distribution]]:
        good, bad = ({row.name: row for row, _ in lock.on(self.platform)} for lock in (self.good, self.bad))
        return good, bad

    def told(self, change: Change) -> Change:
        """The change in a person's words: versions; the wheel only where the version is the same."""
        if change.name == PYTHON or change.name.startswith(SETTING):
            return change
        good, bad = (side.get(change.name) for side in self._rows)
        if good and bad and good.version == bad.version:
            return change
        return replace(change, good=good.version if good else None, bad=bad.version if bad else None)

    def lock(self, moved: frozenset[str]) -> Lock:
        """The good lock with the changes `moved` made."""
        rows = {
            name: side[name] for name in sorted(self._either) if name in (side := self._side(name, moved))
        }
        taken = [each.removeprefix(SETTING) for each in moved if each.startswith(SETTING)]
        settings = {name: value for name, value in self.good.settings.items() if name not in taken}
        settings |= {name: self.bad.settings[name] for name in taken if name in self.bad.settings}
        base = self.bad if PYTHON in moved else self.good
        return replace(
            base,
            settings=settings,
            project=self.good.project,
            distributions=tuple(rows.values()),
            numerics=(),
        )

    def _side(self, name: str, moved: frozenset[str]) -> Mapping[str, Distribution]:
        return self._rows[1 if name in moved else 0]

    def closed(self, moved: frozenset[str]) -> frozenset[str]:
        """`moved` and what must move with it, so that every requirement that either lock keeps is kept."""
        names = {each.name for each in self.changes}
        while (
            more := {each for pair in self._broken(moved) if moved & {*pair} for each in pair} & names - moved
        ):
            moved |= more
        return moved

    def _broken(self, moved: frozenset[str]) -> Iterator[tuple[str, str]]:
        """(who asks, for what) where a mixture does not give what is asked for."""
        rows = {row.name: row for row in self.lock(moved).distributions}
        python = (self.bad if PYTHON in moved else self.good).python
        tags = supported_tags(self.platform, series(python), _glibc(self.good, self.bad))
        markers = marker_environment(self.platform, python)
        for name, row in rows.items():
            wheel = row.wheel_for(self.platform)
            if wheel is not None and best_wheel([wheel.file], tags) is None:
                yield PYTHON, name
            for need in self._asked(name, name in moved):
                child = canonicalize_name(need.name)
                if child in self._either and applies(need, markers) and not _gives(rows.get(child), need):
                    yield name, child

    @cached_property
    def _either(self) -> frozenset[str]:
        return frozenset(self._rows[0].keys() | self._rows[1].keys())

    def _asked(self, name: str, is_moved: bool) -> Iterator[Requirement]:
        for text in self.needs[1 if is_moved else 0].get(name, ()):
            try:
                yield Requirement(text)
            except InvalidRequirement:  # of a wheel: the resolver has judged it
                continue


def _gives(row: Distribution | None, need: Requirement) -> bool:
    return row is not None and need.specifier.contains(row.version, prereleases=True)


def _glibc(good: Lock, bad: Lock) -> tuple[int, int]:
    """The newer of both: either lock's wheels count as fitting."""
    return max(series(good.glibc), series(bad.glibc))
