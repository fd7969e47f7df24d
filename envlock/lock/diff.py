"""What differs between two locks, sorted by what it does: it changes the runtime hash, or it does not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from envlock.lock.conda.diff import CondaChange, conda_changes, conda_values, harmless_values
from envlock.lock.graph import Graph
from envlock.lock.model import Distribution, ImageLock, Lock, Stack, Wheel
from envlock.lock.numerics import Reference, spelled
from envlock.lock.runtime import conda_runtime_hash, runtime_hash

PYTHON, GLIBC = "python", "glibc"


class Kind(StrEnum):
    """What became of a distribution. All but the last change the runtime hash.

    `OTHER_WHEEL` is another file of the same version, as another Python takes; `OTHER_BYTES` is one file
    name with other content, which an index that keeps its promises never shows.
    """

    ADDED = "added"
    REMOVED = "removed"
    VERSION = "version"
    OTHER_WHEEL = "other-wheel"
    OTHER_BYTES = "other-bytes"
    SAME_FILES = "same-files"


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueChange:
    """A value with a name; None: not there."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """`requires` has the names that are on a platform of both locks."""

    version: str
    index: str
    requires: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelChange:
    """The wheel before and after, on the platforms that share both."""

    platforms: tuple[str, ...]
    old: Wheel | None
    new: Wheel | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DistributionChange:
    """One distribution, told once for all platforms on which the same became of it.

    `cause` is `python`, `glibc` or the name of a changed distribution without which, in each of the locks
    that have this one, nothing would need it. None: it stands for itself.
    """

    kind: Kind
    name: str
    platforms: tuple[str, ...]
    old: Pin | None
    new: Pin | None
    wheels: tuple[WheelChange, ...]
    cause: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformDiff:
    """The runtime hashes of a platform; None: not in that lock. `stack` has what differs of it.
    `old_conda` and `new_conda` are those of a conda prefix, where the lock has conda packages."""

    platform: str
    old: str | None
    new: str | None
    old_conda: str | None
    new_conda: str | None
    torch: str | None
    stack: tuple[ValueChange, ...]

    @property
    def is_shared(self) -> bool:
        return self.old is not None and self.new is not None

    @property
    def differs(self) -> bool:
        """Whether other files get installed, where both locks have the platform."""
        return self.is_shared and (self.old, self.old_conda) != (self.new, self.new_conda)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockDiff:
    """`python`, `settings`, `distributions` and `conda` explain the runtime hashes that differ; `values` and
    `same_files` leave them as they are. Distributions: causes first, those that others need later."""

    platforms: tuple[PlatformDiff, ...]
    python: ValueChange | None
    settings: tuple[ValueChange, ...]
    distributions: tuple[DistributionChange, ...]
    conda: tuple[CondaChange, ...]
    values: tuple[ValueChange, ...]
    same_files: tuple[DistributionChange, ...]

    @property
    def changes_runtime(self) -> bool:
        """Whether the hash of a platform that both locks have differs."""
        return any(platform.differs for platform in self.platforms)

    @property
    def is_empty(self) -> bool:
        kept = all(platform.is_shared and not platform.stack for platform in self.platforms)
        found = (self.python, self.settings, self.distributions, self.conda, self.values, self.same_files)
        return kept and not any(found)


def diff(old: Lock, new: Lock) -> LockDiff:
    """What differs between two locks. Distributions are compared on the platforms that both have."""
    shared = tuple(platform for platform in sorted(old.platforms) if platform in new.platforms)
    sides = _Side.of(old, shared), _Side.of(new, shared)
    changes = tuple(_changes(*sides, shared))
    runtime = [change for change in changes if change.kind is not Kind.SAME_FILES]
    return LockDiff(
        platforms=tuple(_platforms(old, new)),
        python=next(_values({PYTHON: old.python}, {PYTHON: new.python}), None),
        settings=tuple(_values(old.settings, new.settings)),
        distributions=_explained(runtime, *sides),
        conda=conda_changes(old, new, shared),
        values=(*_values(_others(old), _others(new)), *_values(*harmless_values(old, new, shared))),
        same_files=tuple(change for change in changes if change.kind is Kind.SAME_FILES),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """One of the two locks, on the platforms of both."""

    lock: Lock
    rows: Mapping[tuple[str, str], tuple[Distribution, Wheel]]  # by name and platform
    graph: Graph

    @classmethod
    def of(cls, lock: Lock, platforms: Iterable[str]) -> _Side:
        rows = {
            (row.name, platform): (row, wheel) for platform in platforms for row, wheel in lock.on(platform)
        }
        edges: dict[str, set[str]] = {name: set() for name, _ in rows}
        for row, _ in rows.values():
            edges[row.name].update(name for name in row.requires if name in edges and name != row.name)
        return cls(lock=lock, rows=rows, graph=Graph(edges))

    def pin(self, row: Distribution) -> Pin:
        requires = tuple(sorted(name for name in row.requires if name in self.graph.edges))
        return Pin(version=row.version, index=row.index, requires=requires)


# Values


def _values(old: Mapping[str, str | None], new: Mapping[str, str | None]) -> Iterator[ValueChange]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield ValueChange(name=name, old=old.get(name), new=new.get(name))


def _others(lock: Lock) -> dict[str, str | None]:
    """What a lock says that is in no runtime hash."""
    return {
        "manifest": lock.manifest,
        "python-exact": lock.python_exact,
        GLIBC: lock.glibc,
        "exclude-newer": lock.exclude_newer,
        "project": lock.project,
        **_image(lock.image),
        **conda_values(lock),
        **{f"numerics.{each.platform}.{each.class_name}": _results(each) for each in lock.numerics},
    }


def _results(reference: Reference) -> str:
    """A reference in short: other results give another text."""
    text = "".join(spelled(reference))
    return f"{len(reference.probes)} probes ({hashlib.sha256(text.encode()).hexdigest()[:12]})"


def _image(image: ImageLock | None) -> dict[str, str | None]:
    if image is None:
        return {}
    rows: dict[str, str | None] = {"image.base": image.base, "image.digest": image.digest}
    for name, platform in image.platforms.items():
        rows[f"image.{name}.manifest"] = platform.manifest
        rows[f"image.{name}.diff-ids"] = " ".join(platform.diff_ids)
        if platform.built is not None:
            rows[f"image.{name}.built"] = platform.built.id
    return rows


def _platforms(old: Lock, new: Lock) -> Iterator[PlatformDiff]:
    for platform in sorted({*old.platforms, *new.platforms}):
        before, after = (lock.stack.get(platform, Stack()) for lock in (old, new))
        shared = platform in old.platforms and platform in new.platforms
        yield PlatformDiff(
            platform=platform,
            old=runtime_hash(old, platform) if platform in old.platforms else None,
            new=runtime_hash(new, platform) if platform in new.platforms else None,
            old_conda=conda_runtime_hash(old, platform),
            new_conda=conda_runtime_hash(new, platform),
            torch=after.torch if after.torch == before.torch else None,
            stack=tuple(_stack_changes(before, after)) if shared else (),
        )


def _stack_changes(old: Stack, new: Stack) -> Iterator[ValueChange]:
    for field in fields(Stack):
        before, after = (_text(getattr(stack, field.name)) for stack in (old, new))
        if before != after:
            yield ValueChange(name=field.name.replace("_", "-"), old=before, new=after)


def _text(value: str | tuple[str, ...] | None) -> str | None:
    return value if value is None or isinstance(value, str) else " ".join(value) or None


# Distributions


def _changes(old: _Side, new: _Side, platforms: Iterable[str]) -> Iterator[DistributionChange]:
    """Every distribution that is not the same in both, by name; platforms with one story together."""
    groups: dict[tuple[object, ...], list[DistributionChange]] = {}
    order = {platform: place for place, platform in enumerate(platforms)}
    for name, platform in sorted({*old.rows, *new.rows}, key=lambda key: (key[0], order[key[1]])):
        change = _change(old, new, name, platform)
        if change is not None:
            groups.setdefault((change.kind, name, change.old, change.new), []).append(change)
    return (_merged(group) for group in groups.values())


def _change(old: _Side, new: _Side, name: str, platform: str) -> DistributionChange | None:
    before, after = old.rows.get((name, platform)), new.rows.get((name, platform))
    wheels = before and before[1], after and after[1]
    pins = before and old.pin(before[0]), after and new.pin(after[0])
    kind = _kind(*pins, *wheels)
    if kind is None:
        return None
    return DistributionChange(
        kind=kind,
        name=name,
        platforms=(platform,),
        old=pins[0],
        new=pins[1],
        wheels=(WheelChange(platforms=(platform,), old=wheels[0], new=wheels[1]),),
    )


def _kind(old: Pin | None, new: Pin | None, before: Wheel | None, after: Wheel | None) -> Kind | None:
    if old is None or before is None:
        return Kind.ADDED
    if new is None or after is None:
        return Kind.REMOVED
    if old.version != new.version:
        return Kind.VERSION
    if before.digest != after.digest:
        return Kind.OTHER_BYTES if before.file == after.file else Kind.OTHER_WHEEL
    same = old == new and replace(before, platforms=()) == replace(after, platforms=())
    return None if same else Kind.SAME_FILES


def _merged(group: list[DistributionChange]) -> DistributionChange:
    wheels: dict[tuple[str | None, str | None], list[WheelChange]] = {}
    for each in (wheel for change in group for wheel in change.wheels):
        wheels.setdefault((_sha256(each.old), _sha256(each.new)), []).append(each)
    return replace(
        group[0],
        platforms=tuple(platform for change in group for platform in change.platforms),
        wheels=tuple(
            replace(rows[0], platforms=tuple(platform for row in rows for platform in row.platforms))
            for rows in wheels.values()
        ),
    )


def _sha256(wheel: Wheel | None) -> str | None:
    return None if wheel is None else wheel.sha256


# Causes


def _explained(
    changes: Iterable[DistributionChange], old: _Side, new: _Side
) -> tuple[DistributionChange, ...]:
    """With causes; first what no other change is needed by, then by name."""
    changes = tuple(changes)
    names = {change.name for change in changes}
    needed = {name for name in names if _needed_by(name, old, new) & names}
    tagged = {each: _of_tags(each, old.lock, new.lock) for each in changes}
    standing = {each.name for each, cause in tagged.items() if cause is None}
    causes = _causes(names, standing, old, new)
    explained = (replace(each, cause=cause or causes.get(each.name)) for each, cause in tagged.items())
    return tuple(sorted(explained, key=lambda each: (each.name in needed, each.name, each.platforms)))


def _needed_by(name: str, old: _Side, new: _Side) -> set[str]:
    return {*old.graph.above(name), *new.graph.above(name)} - {name}


def _causes(names: set[str], standing: set[str], old: _Side, new: _Side) -> dict[str, str]:
    """The outermost distribution of `standing` that all ways to a changed one lead through, in both locks:
    what is another wheel for another Python stands below that Python, and nothing stands below it."""
    graphs = [side.graph for side in (old, new)]
    only = {name: [graph.only_through(name) for graph in graphs] for name in names}
    found = {}
    for name in names:
        places = [place for place, graph in enumerate(graphs) if name in graph.edges]
        gates = {gate for gate in standing if all(name in only[gate][place] for place in places)}
        outer = [gate for gate in gates if not any(_is_behind(gate, other, only, places) for other in gates)]
        if outer:
            found[name] = min(outer)
    return found


def _is_behind(name: str, gate: str, only: Mapping[str, list[frozenset[str]]], places: list[int]) -> bool:
    return all(name in only[gate][place] for place in places)


def _of_tags(change: DistributionChange, old: Lock, new: Lock) -> str | None:
    """`python` or `glibc` where the tags of the wheels say that it is for another one."""
    if change.kind is Kind.OTHER_WHEEL:
        tags = {part for wheel in change.wheels for part in _differing_tags(wheel)}
        if old.python != new.python and "interpreter" in tags:
            return PYTHON
        if old.glibc != new.glibc and tags == {"platform"} and _is_linux(change.platforms):
            return GLIBC
    return None


def _differing_tags(wheel: WheelChange) -> Iterator[str]:
    before, after = (_tags(each) for each in (wheel.old, wheel.new))
    if before[:2] != after[:2]:
        yield "interpreter"
    if before[2:] != after[2:]:
        yield "platform"


def _tags(wheel: Wheel | None) -> list[str]:
    """PEP 425: python tag, abi tag and platform tag end the name of a wheel file."""
    return [] if wheel is None else wheel.file.removesuffix(".whl").split("-")[-3:]


def _is_linux(platforms: Iterable[str]) -> bool:
    return all(platform.startswith("linux-") for platform in platforms)
