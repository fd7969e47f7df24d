"""Conda packages of several platforms -> those of a lock."""

from __future__ import annotations

from dataclasses import replace

from envlock.lock.conda.writer import conda_order
from envlock.lock.model import CondaLock, CondaPackage
from envlock.resolve.conda.model import CondaResolution


def conda_lock(resolution: CondaResolution | None) -> CondaLock | None:
    if resolution is None:
        return None
    virtual = {platform: each.virtual for platform, each in sorted(resolution.platforms.items())}
    return CondaLock(channels=resolution.channels, virtual_packages=virtual)


def conda_packages(resolution: CondaResolution | None) -> tuple[CondaPackage, ...]:
    """Each package once: a `noarch` one serves all platforms that take it and see it alike."""
    taken: dict[CondaPackage, list[str]] = {}
    for platform, each in resolution.platforms.items() if resolution else ():
        for package in each.packages:
            taken.setdefault(replace(package, platforms=()), []).append(platform)
    merged = (replace(package, platforms=tuple(sorted(platforms))) for package, platforms in taken.items())
    return tuple(sorted(merged, key=conda_order))
