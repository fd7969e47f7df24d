"""Resolution -> Lock: the same names and hashes, gathered over the platforms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from packaging.version import Version

from envlock.lock.conda.assemble import conda_lock, conda_packages
from envlock.lock.model import Distribution, ImageLock, Lock, Stack, Wheel
from envlock.lock.runtime import runtime_hash
from envlock.manifest.model import Manifest
from envlock.resolve.model import Chosen
from envlock.resolve.resolution import Resolution
from envlock.resolve.wheels.wheel import WheelIdentity


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """One distribution on one platform."""

    platform: str
    index: str
    requires: tuple[str, ...]
    identity: WheelIdentity

    @property
    def key(self) -> tuple[str, str, str]:
        return self.identity.name, self.identity.version, self.index


def assemble(
    manifest: Manifest,
    resolution: Resolution,
    *,
    python_exact: str,
    exclude_newer: str | None,
    image: ImageLock | None = None,
) -> Lock:
    """The lock of `manifest`. Everything is sorted: nothing depends on the order of answers."""
    platforms = tuple(sorted(manifest.platforms))
    return Lock(
        manifest=manifest.fingerprint,
        python=manifest.python,
        python_exact=python_exact,
        platforms=platforms,
        glibc=".".join(map(str, manifest.glibc)),
        exclude_newer=exclude_newer,
        project=manifest.project_name,
        stack=_stacks(resolution),
        settings=dict(sorted(manifest.settings.items())),
        distributions=_distributions(_rows(resolution)),
        image=image,
        conda=conda_lock(resolution.conda),
        conda_packages=conda_packages(resolution.conda),
    )


def _stacks(resolution: Resolution) -> dict[str, Stack]:
    """PyTorch comes as a wheel or from conda, so one of the two has a stack, or none."""
    found = {str(each.platform): each.stack for each in resolution.platforms}
    for platform, each in resolution.conda.platforms.items() if resolution.conda else ():
        if each.stack.torch is not None:
            found[platform] = each.stack
    return {platform: stack for platform, stack in found.items() if stack.torch is not None}


def carried(old: Lock | None, new: Lock) -> Lock:
    """The new lock with the numeric references of the old one that were recorded of the same runtime."""
    kept = tuple(
        each
        for each in (old.numerics if old is not None else ())
        if each.platform in new.platforms and each.runtime == runtime_hash(new, each.platform)
    )
    return replace(new, numerics=kept)


def _rows(resolution: Resolution) -> Iterator[_Row]:
    for resolved in resolution.platforms:
        for chosen in resolved.chosen:
            yield _Row(
                platform=resolved.platform,
                index=chosen.index,
                requires=resolved.graph.requires.get(chosen.name, ()),
                identity=_identity(resolution, chosen),
            )


def _identity(resolution: Resolution, chosen: Chosen) -> WheelIdentity:
    return resolution.identities[chosen.wheel.url]


def _distributions(rows: Iterable[_Row]) -> tuple[Distribution, ...]:
    """One distribution per name, version and index: a platform may take another one than the rest."""
    groups: dict[tuple[str, str, str], list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.key, []).append(row)
    ordered = sorted(groups, key=lambda key: (key[0], Version(key[1]), key[2]))
    return tuple(_distribution(*key, groups[key]) for key in ordered)


def _distribution(name: str, version: str, index: str, rows: list[_Row]) -> Distribution:
    wheels: dict[str, list[_Row]] = {}
    for row in rows:
        wheels.setdefault(row.identity.sha256, []).append(row)
    return Distribution(
        name=name,
        version=version,
        index=index,
        requires=tuple(sorted({each for row in rows for each in row.requires})),
        wheels=tuple(sorted(map(_wheel, wheels.values()), key=lambda wheel: (wheel.file, wheel.sha256))),
    )


def _wheel(rows: list[_Row]) -> Wheel:
    identity = rows[0].identity
    return Wheel(
        file=identity.file,
        platforms=tuple(sorted(row.platform for row in rows)),
        sha256=identity.sha256,
        size=identity.size,
        unpacked=identity.unpacked,
        files=identity.files,
        digest=identity.digest,
        fixups=identity.fixups,
    )
