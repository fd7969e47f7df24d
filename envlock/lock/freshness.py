"""Is a lock still that of its manifest? Decided offline, from two values."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.lock.model import Distribution, Lock
from envlock.manifest.model import Asked, Manifest


def stale_because(lock: Lock, manifest: Manifest) -> tuple[str, ...]:
    """Why `lock` is not that of `manifest`; empty while it is fresh.

    The manifest's fingerprint decides. The reasons name what can be told from the two; where that is
    nothing, that the manifest has changed.
    """
    if lock.manifest == manifest.fingerprint:
        return ()
    return tuple(_reasons(lock, manifest)) or ("the manifest has changed since the lock was made",)


def _reasons(lock: Lock, manifest: Manifest) -> Iterator[str]:
    yield from _values(lock, manifest)
    yield from _platforms(lock, manifest)
    yield from _settings(lock, manifest)
    yield from _conda(lock, manifest)
    yield from _requirements(lock, manifest)


def _values(lock: Lock, manifest: Manifest) -> Iterator[str]:
    rows = (
        ("python", lock.python, manifest.python),
        ("glibc", lock.glibc, ".".join(map(str, manifest.glibc))),
        ("exclude-newer", lock.exclude_newer, manifest.exclude_newer),
        ("the project", lock.project, manifest.project_name),
        (
            "the image base",
            lock.image.base if lock.image else None,
            manifest.image.base if manifest.image else None,
        ),
    )
    for name, locked, asked in rows:
        if locked != asked:
            yield f"{name} is {_spoken(asked)} in the manifest, {_spoken(locked)} in the lock"


def _spoken(value: str | None) -> str:
    return "not set" if value is None else f"`{value}`"


def _platforms(lock: Lock, manifest: Manifest) -> Iterator[str]:
    for platform in sorted({*lock.platforms, *manifest.platforms}):
        if platform not in lock.platforms:
            yield f"platform {platform} is not locked"
        elif platform not in manifest.platforms:
            yield f"platform {platform} is locked, and not asked for"


def _settings(lock: Lock, manifest: Manifest) -> Iterator[str]:
    for name in sorted({*lock.settings, *manifest.settings}):
        asked, locked = manifest.settings.get(name), lock.settings.get(name)
        if asked != locked:
            yield f"setting `{name}` is {_spoken(asked)} in the manifest, {_spoken(locked)} in the lock"


def _conda(lock: Lock, manifest: Manifest) -> Iterator[str]:
    if (lock.conda is None) is not (manifest.conda is None):
        yield f"conda packages are {'locked, and not' if lock.conda else 'not locked, and'} asked for"
    if lock.conda is None or manifest.conda is None:
        return
    if lock.conda.channels != manifest.conda.channels:
        asked, locked = (" ".join(each.channels) for each in (manifest.conda, lock.conda))
        yield f"the conda channels are {_spoken(asked)} in the manifest, {_spoken(locked)} in the lock"
    for platform, virtual in sorted(lock.conda.virtual_packages.items()):
        for name, version in sorted(manifest.conda.virtual_packages.items()):
            if name in virtual and virtual[name] != version:
                yield f"{name} is {_spoken(version)} in the manifest, {_spoken(virtual[name])} for {platform}"


def _requirements(lock: Lock, manifest: Manifest) -> Iterator[str]:
    locked: dict[str, list[Distribution]] = {}
    for distribution in lock.distributions:
        locked.setdefault(distribution.name, []).append(distribution)
    for asked in manifest.requirements:
        yield from _requirement(asked, locked)


def _requirement(asked: Asked, locked: dict[str, list[Distribution]]) -> Iterator[str]:
    from packaging.utils import canonicalize_name  # late: a fresh lock does not come here

    requirement = asked.requirement
    rows = locked.get(canonicalize_name(requirement.name), [])
    if not rows and requirement.marker is None:
        yield f"`{requirement}` is not locked (asked by {asked.origin})"
    for row in rows:
        if requirement.marker is None and not requirement.specifier.contains(row.version, prereleases=True):
            yield f"`{requirement}` is asked by {asked.origin}, {row.version} is locked"
