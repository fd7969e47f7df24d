"""Who asks for each locked conda package: their words are in the lock, as the channel's records have them."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.lock.conda.consistency import spec_name
from envlock.lock.graph import Graph
from envlock.lock.model import Lock
from envlock.lock.needs import Asking, Need, Needs

ORIGIN = "conda.packages"


def conda_needs(lock: Lock, platform: str, asking: Asking) -> Needs:
    """Who asks for what among the conda packages of one platform; nodes are names."""
    packages = {package.name: package for package in lock.conda_on(platform)}
    found: dict[str, list[Need]] = {name: [] for name in packages}
    edges: dict[str, set[str]] = {name: set() for name in packages}
    for name, need in _asked(asking):
        if name in found:
            found[name].append(need)
    for package in packages.values():
        for spec in package.depends:
            name = spec_name(spec)
            if name in found and name != package.name:
                found[name].append(Need(by=package.name, origin=None, specifier=_rest(spec)))
                edges[package.name].add(name)
    roots = {name: frozenset({name}) for name, _ in _asked(asking) if name in found}
    return Needs(of={name: tuple(needs) for name, needs in found.items()}, graph=Graph(edges), roots=roots)


def _asked(asking: Asking) -> Iterator[tuple[str, Need]]:
    for spec in asking.conda:
        yield spec_name(spec), Need(by=None, origin=ORIGIN, specifier=_rest(spec))


def _rest(spec: str) -> str:
    """A match specification without its channel and name.

    >>> _rest("numpy >=1.22,<3"), _rest("conda-forge::python=3.11"), _rest("six")
    ('>=1.22,<3', '=3.11', '')
    """
    bare = spec.partition("[")[0].rpartition("::")[2]
    return bare[len(spec_name(bare)) :].strip()
