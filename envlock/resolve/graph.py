"""Who needs whom: the edges of a resolution, from METADATA and the markers of a platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envlock.manifest.platforms import Platform

Markers: TypeAlias = dict[str, str]

_SYSTEM_MARKERS: Mapping[Platform, tuple[str, str, str, str]] = {
    Platform.LINUX_64: ("posix", "linux", "Linux", "x86_64"),
    Platform.LINUX_AARCH64: ("posix", "linux", "Linux", "aarch64"),
    Platform.OSX_ARM64: ("posix", "darwin", "Darwin", "arm64"),
    Platform.WIN_64: ("nt", "win32", "Windows", "AMD64"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """The locked names that each reachable name needs, both sorted; what is not here is not needed."""

    requires: Mapping[NormalizedName, tuple[NormalizedName, ...]]


def marker_environment(platform: Platform, python: str) -> Markers:
    """The marker values of `platform`, as the resolver takes them.

    Release and version of the operating system are empty: a lock cannot know them. `3.11` counts as
    3.11.0, so a dependency that needs a later patch is never taken for granted.
    """
    os_name, sys_platform, system, machine = _SYSTEM_MARKERS[platform]
    full = python if python.count(".") > 1 else f"{python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": full,
        "python_version": ".".join(full.split(".")[:2]),
        "sys_platform": sys_platform,
    }


def applies(requirement: Requirement, markers: Markers, extra: str = "") -> bool:
    """Does the marker of `requirement` hold here, when `extra` is asked for ("": none)?"""
    return requirement.marker is None or requirement.marker.evaluate({**markers, "extra": extra})


def dependency_graph(
    roots: Iterable[Requirement],
    requires_dist: Mapping[NormalizedName, Iterable[str]],
    markers: Markers,
) -> Graph:
    """Follow `roots` through the METADATA of the resolved distributions, extras included.

    `requires_dist` has the Requires-Dist values by name; names that are not in it are skipped.
    """
    parsed = {name: tuple(map(Requirement, values)) for name, values in requires_dist.items()}
    edges: dict[NormalizedName, set[NormalizedName]] = {}
    seen: set[tuple[NormalizedName, str]] = set()
    waiting = [state for root in roots if applies(root, markers) for state in _states(root)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or name not in parsed:
            continue
        seen.add((name, extra))
        needed = [each for each in parsed[name] if applies(each, markers, extra)]
        edges.setdefault(name, set()).update(canonicalize_name(each.name) for each in needed)
        waiting.extend(state for each in needed for state in _states(each))
    return Graph(requires={name: _locked(name, edges[name], edges) for name in sorted(edges)})


def _locked(
    name: NormalizedName, needed: set[NormalizedName], locked: Mapping[NormalizedName, object]
) -> tuple[NormalizedName, ...]:
    """A name that asks for its own extras (`x[all]` = `x[a,b]`) does not need itself."""
    return tuple(sorted(each for each in needed if each in locked and each != name))


def _states(requirement: Requirement) -> Iterator[tuple[NormalizedName, str]]:
    """What a requirement switches on: the distribution, and each extra of it."""
    name = canonicalize_name(requirement.name)
    yield name, ""
    for extra in sorted(requirement.extras):
        yield name, extra
