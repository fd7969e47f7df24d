"""Why a lock holds what it holds: who asked, what fixed each version, who owns the bytes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from envlock.lock.conda.needs import conda_needs
from envlock.lock.graph import Graph
from envlock.lock.holding import Hold, conda_fixed_by, fixed_by
from envlock.lock.model import CondaPackage, Distribution, Lock, Wheel
from envlock.lock.needs import Asking, Need, Needs, needs_on


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """One distribution or conda package on one platform. Sizes in bytes; of a conda package the lock does not
    know what it is when it is installed (None). `index` is its channel.

    `roots` are the names asked for that need it, `path` is a shortest way from one of them to it (both
    ends included), `needs` are all who ask, and `by` those of them that fixed the version.
    """

    name: str
    version: str
    index: str
    download: int
    installed: int | None
    roots: tuple[str, ...]
    path: tuple[str, ...]
    needs: tuple[Need, ...]
    hold: Hold
    by: tuple[Need, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How many there are, and their bytes; None where that is not known."""

    distributions: int
    download: int
    installed: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one root needs: `whole` with all that others need, too; `alone` what nothing else needs."""

    root: str
    whole: Measure
    alone: Measure


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """All distributions of a platform, or all its conda packages. `shared` is what more than one root needs;
    the shares of the roots `alone` and it are the whole. Shares: the largest first."""

    whole: Measure
    shares: tuple[Share, ...]
    shared: Measure
    distributions: tuple[Why, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformWhy:
    """One platform of a lock; `conda` is None where no conda package is locked."""

    platform: str
    wheels: Part
    conda: Part | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    name: str
    version: str
    index: str
    download: int
    installed: int | None


_Items = Mapping[str, _Item]
_FixedBy = Callable[[str, Sequence[Need]], tuple[Hold, tuple[Need, ...]]]


def explain_platform(lock: Lock, platform: str, asking: Asking) -> PlatformWhy:
    """Explain one platform. The roots are the names that `asking` has; without one, what nothing needs."""
    packages = {each.name: _package(each) for each in lock.conda_on(platform)}
    wheels = {row.name: _wheel(row, wheel) for row, wheel in lock.on(platform)}
    return PlatformWhy(
        platform=platform,
        wheels=_part(wheels, needs_on(lock, platform, asking), fixed_by),
        conda=_part(packages, conda_needs(lock, platform, asking), conda_fixed_by) if packages else None,
    )


def _wheel(row: Distribution, wheel: Wheel) -> _Item:
    sizes = {"download": wheel.size, "installed": wheel.unpacked}
    return _Item(name=row.name, version=row.version, index=row.index, **sizes)


def _package(package: CondaPackage) -> _Item:
    version = f"{package.version} {package.build}"
    return _Item(
        name=package.name, version=version, index=package.channel, download=package.size, installed=None
    )


def _part(items: _Items, needs: Needs, fixed: _FixedBy) -> Part:
    starts = _starts(needs)
    reached = {root: _names(needs.graph.reached(nodes)) for root, nodes in starts.items()}
    alone = {root: _alone(root, reached) for root in reached}
    shared = frozenset(items) - frozenset().union(*alone.values())
    shares = (
        Share(root=root, whole=_measure(names, items), alone=_measure(alone[root], items))
        for root, names in reached.items()
    )
    paths = _paths(needs.graph, frozenset().union(*starts.values()))
    return Part(
        whole=_measure(items, items),
        shares=tuple(sorted(shares, key=_largest_first)),
        shared=_measure(shared, items),
        distributions=tuple(
            _why(item, _found(name, reached), paths.get(name, (name,)), needs.of[name], fixed)
            for name, item in items.items()
        ),
    )


def _largest_first(share: Share) -> tuple[int, int, str]:
    return -(share.whole.installed or 0), -share.whole.download, share.root


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


def _measure(names: Iterable[str], items: _Items) -> Measure:
    some = [items[name] for name in names]
    installed = [item.installed for item in some if item.installed is not None]
    return Measure(
        distributions=len(some),
        download=sum(item.download for item in some),
        installed=sum(installed) if len(installed) == len(some) else None,
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
    item: _Item, roots: tuple[str, ...], path: tuple[str, ...], needs: tuple[Need, ...], fixed: _FixedBy
) -> Why:
    hold, by = fixed(item.version, needs)
    return Why(
        name=item.name,
        version=item.version,
        index=item.index,
        download=item.download,
        installed=item.installed,
        roots=roots,
        path=path,
        needs=needs,
        hold=hold,
        by=by,
    )
