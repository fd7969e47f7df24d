"""Who asks for each locked distribution, and in what words.

A lock says who needs whom, not which versions: those words are in the METADATA of the wheels, which the
cache of whoever locked remembers. What is not at hand is a need without words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envlock.lock.graph import Graph
from envlock.lock.model import Lock
from envlock.manifest.model import Asked
from envlock.manifest.platforms import Platform
from envlock.resolve.graph import Markers, applies, marker_environment

RequiresDist: TypeAlias = Mapping[str, Sequence[str]]  # sha256 of a wheel -> its Requires-Dist


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One that asks for a distribution: a place in the manifest, or a locked distribution (`by`).

    `specifier` is what it says of the version (empty: anything), None where its words are not at hand.
    `is_constraint`: it does not ask for the distribution, but has a say in its version.
    """

    by: str | None
    origin: str | None
    specifier: str | None
    extras: tuple[str, ...] = ()
    is_constraint: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """Requirements and constraints of a manifest, what it asks of conda (match specifications), and what is
    known of the wheels."""

    requirements: Sequence[Asked] = ()
    constraints: Sequence[Asked] = ()
    conda: Sequence[str] = ()
    requires_dist: RequiresDist = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """`of` has who asks for each distribution: the manifest first, then the distributions by name.

    The nodes of `graph` are names and, where an extra needs something, `name[extra]`: what only an extra
    needs, is needed by who asks for the extra. `roots` are the nodes that the manifest asks for, by name.
    """

    of: Mapping[str, tuple[Need, ...]]
    graph: Graph
    roots: Mapping[str, frozenset[str]]


def needs_on(lock: Lock, platform: str, asking: Asking) -> Needs:
    """Who asks for what on one platform."""
    markers = marker_environment(Platform(platform), lock.python)
    locked = {row.name for row, _ in lock.on(platform)}
    walk = _Walk(lock, platform, asking, markers)
    found: dict[str, list[Need]] = {name: [] for name in locked}
    for name, need in (*_by_manifest(asking, markers), *((each.child, each.need) for each in walk.steps)):
        if name in found and need not in found[name]:
            found[name].append(need)
    return Needs(
        of={name: tuple(sorted(needs, key=_order)) for name, needs in found.items()},
        graph=Graph(walk.edges()),
        roots={name: nodes for name, nodes in _roots(asking, markers).items() if name in locked},
    )


def _roots(asking: Asking, markers: Markers) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for row in asking.requirements:
        if applies(row.requirement, markers):
            name = canonicalize_name(row.requirement.name)
            found[name] = found.get(name, frozenset()) | _nodes(row.requirement)
    return found


def _nodes(requirement: Requirement) -> frozenset[str]:
    """`x[a]` asks for `x` and for `x[a]`."""
    name = canonicalize_name(requirement.name)
    return frozenset({name, *(_node(name, extra) for extra in requirement.extras)})


def _node(name: str, extra: str) -> str:
    return f"{name}[{canonicalize_name(extra)}]" if extra else name


def _order(need: Need) -> tuple[bool, bool, str, str]:
    return need.by is not None, need.is_constraint, need.by or need.origin or "", need.specifier or ""


def _by_manifest(asking: Asking, markers: Markers) -> Iterator[tuple[NormalizedName, Need]]:
    rows = [(row, False) for row in asking.requirements] + [(row, True) for row in asking.constraints]
    for row, is_constraint in rows:
        if applies(row.requirement, markers):
            yield (
                canonicalize_name(row.requirement.name),
                _need(row.requirement, None, row.origin, is_constraint),
            )


def _need(requirement: Requirement, by: str | None, origin: str | None, is_constraint: bool = False) -> Need:
    return Need(
        by=by,
        origin=origin,
        specifier=str(requirement.specifier),
        extras=tuple(sorted(requirement.extras)),
        is_constraint=is_constraint,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One that asks for another: `node` is the name, or `name[extra]` where the extra does."""

    node: str
    child: str
    nodes: frozenset[str]
    need: Need


class _Walk:
    """Follow the requirements from what is asked for, extras included, as the resolver did."""

    def __init__(self, lock: Lock, platform: str, asking: Asking, markers: Markers) -> None:
        self._markers = markers
        self._rows = {row.name: (row, wheel) for row, wheel in lock.on(platform)}
        self._words = {
            name: tuple(_parsed(asking.requires_dist[wheel.sha256]))
            for name, (_, wheel) in self._rows.items()
            if wheel.sha256 in asking.requires_dist
        }
        self._asked = [row.requirement for row in asking.requirements if applies(row.requirement, markers)]
        followed = tuple(self._followed())
        self.steps = (*followed, *self._silent({(_name(step.node), step.child) for step in followed}))

    def edges(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {name: frozenset() for name in self._rows}
        for step in self.steps:
            found[step.node] = found.get(step.node, frozenset()) | step.nodes
        every = frozenset().union(found, *found.values())
        return {node: found.get(node, frozenset()) - {_name(node)} for node in every}

    def _silent(self, told: Collection[tuple[str, str]]) -> Iterator[_Step]:
        """What the lock says that one needs, and whose words are not at hand."""
        for name, (row, _) in self._rows.items():
            for child in row.requires:
                if child in self._rows and child != name and (name, child) not in told:
                    need = Need(by=name, origin=None, specifier=None)
                    yield _Step(node=name, child=child, nodes=frozenset({child}), need=need)

    def _followed(self) -> Iterator[_Step]:
        """All whose words are at hand; an extra counts where it is asked for."""
        waiting = [*((name, "") for name in sorted(self._rows)), *_extras(self._asked)]
        seen: set[tuple[str, str]] = set()
        while waiting:
            name, extra = waiting.pop()
            if (name, extra) not in seen and name in self._words:
                seen.add((name, extra))
                mine = self._asked_by(name, extra)
                waiting += _extras(mine)
                yield from (self._step(name, extra, each) for each in mine)

    def _asked_by(self, name: str, extra: str) -> list[Requirement]:
        """What a distribution, or one of its extras alone, asks of the locked ones."""
        return [
            each
            for each in self._words[name]
            if canonicalize_name(each.name) in self._rows
            and applies(each, self._markers, extra)
            and not (extra and applies(each, self._markers))
        ]

    def _step(self, name: str, extra: str, requirement: Requirement) -> _Step:
        return _Step(
            node=_node(name, extra),
            child=canonicalize_name(requirement.name),
            nodes=_nodes(requirement),
            need=_need(requirement, name, None),
        )


def _name(node: str) -> str:
    return node.partition("[")[0]


def _extras(requirements: Iterable[Requirement]) -> list[tuple[str, str]]:
    return [(canonicalize_name(row.name), extra) for row in requirements for extra in sorted(row.extras)]


def _parsed(texts: Iterable[str]) -> Iterator[Requirement]:
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement:  # of a wheel: the resolver has judged it
            continue
