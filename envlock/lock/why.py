"""Why a lock holds what it holds: who asked, what fixed each version, who owns the bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from envlock.lock.graph import Graph
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.lock.needs import Asking, Need, Needs, needs_on


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """One distribution on one platform. Sizes in bytes.

    `roots` are the names asked for that need it, `path` is a shortest way from one of them to it (both
    ends included), `needs` are all who ask, and `by` those of them that fixed the version.
    """

    name: str
    version: str
    index: str
    download: int
    installed: int
    roots: tuple[str, ...]
    path: tuple[str, ...]
    needs: tuple[Need, ...]
    hold: Hold
    by: tuple[Need, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How many distributions, and their bytes."""

    distributions: int
    download: int
    installed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one root needs: `whole` with all that others need, too; `alone` what nothing else needs."""

    root: str
    whole: Measure
    alone: Measure


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformWhy:
    """One platform of a lock. `shared` is what more than one root needs; the shares of the roots `alone`
    and it are the whole. Shares: the largest first."""

    platform: str
    whole: Measure
    shares: tuple[Share, ...]
    shared: Measure
    distributions: tuple[Why, ...]


def explain_platform(lock: Lock, platform: str, asking: Asking) -> PlatformWhy:
    """Explain one platform. The roots are the names that `asking` has; without one, what nothing needs."""
    rows = {row.name: (row, wheel) for row, wheel in lock.on(platform)}
    needs = needs_on(lock, platform, asking)
    starts = _starts(needs)
    reached = {root: _names(needs.graph.reached(nodes)) for root, nodes in starts.items()}
    alone = {root: _alone(root, reached) for root in reached}
    shared = frozenset(rows) - frozenset().union(*alone.values())
    shares = (
        Share(root=root, whole=_measure(names, rows), alone=_measure(alone[root], rows))
        for root, names in reached.items()
    )
    paths = _paths(needs.graph, frozenset().union(*starts.values()))
    return PlatformWhy(
        platform=platform,
        whole=_measure(rows, rows),
        shares=tuple(sorted(shares, key=lambda each: (-each.whole.installed, each.root))),
        shared=_measure(shared, rows),
        distributions=tuple(
            _why(row, wheel, _found(name, reached), paths.get(name, (name,)), needs.of[name])
            for name, (row, wheel) in rows.items()
        ),
    )


_Rows = Mapping[str, tuple[Distribution, Wheel]]


def _starts(needs: Needs) -> Mapping[str, frozenset[str]]:
    """What the manifest asks for, and what nothing else needs of that which it does not reach."""
    covered = needs.graph.reached(frozenset().union(*needs.roots.values()))
    loose = [name for name in needs.graph.roots if name not in covered]
    others = {name.partition("[")[0]: frozenset[str]() for name in loose}
    for name in loose:
        others[name.partition("[")[0]] |= {name}
    return {**needs.roots, **others}


def _names(nodes: Iterable[str]) -> frozenset[str]:
    return frozenset(node for node in nodes if "[" not in node)


def _alone(root: str, reached: Mapping[str, frozenset[str]]) -> frozenset[str]:
    others = (names for other, names in reached.items() if other != root)
    return reached[root] - frozenset().union(*others)


def _measure(names: Iterable[str], rows: _Rows) -> Measure:
    wheels = [rows[name][1] for name in names]
    return Measure(
        distributions=len(wheels),
        download=sum(wheel.size for wheel in wheels),
        installed=sum(wheel.unpacked for wheel in wheels),
    )


def _found(name: str, reached: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    return tuple(sorted(root for root, names in reached.items() if name in names))


def _paths(graph: Graph, roots: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """A shortest way to each name from a root; of several, the first by name."""
    paths: dict[str, tuple[str, ...]] = {root: (root,) for root in roots}
    level = sorted(paths)
    while level:
        found = {
            child: (*paths[name], child)
            for name in reversed(level)
            for child in graph.edges[name]
            if child not in paths
        }
        paths |= found
        level = sorted(found)
    return paths


def _why(
    row: Distribution, wheel: Wheel, roots: tuple[str, ...], path: tuple[str, ...], needs: tuple[Need, ...]
) -> Why:
    hold, by = fixed_by(row.version, needs)
    return Why(
        name=row.name,
        version=row.version,
        index=row.index,
        download=wheel.size,
        installed=wheel.unpacked,
        roots=roots,
        path=path,
        needs=needs,
        hold=hold,
        by=by,
    )


def fixed_by(version: str, needs: Sequence[Need]) -> tuple[Hold, tuple[Need, ...]]:
    """What fixed a version, and who of those that ask."""
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
