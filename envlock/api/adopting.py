"""The lock of another tool, adopted: its pins on each platform, and the manifest where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envlock import stack
from envlock.api.conda_adopting import conda_differences, with_conda
from envlock.api.manifests import manifest_of
from envlock.errors import ForeignLockInvalid, ManifestInvalid
from envlock.lock.foreign import Adopted, ForeignLock, Wanted
from envlock.lock.model import Lock
from envlock.manifest import AUTO, Asked, Manifest, Platform
from envlock.manifest.fingerprint import fingerprint
from envlock.manifest.pythons import lowest
from envlock.manifest.sources import all_sources
from envlock.manifest.tables import Faults
from envlock.resolve.adopt import cannot_adopt, resolve_adopted
from envlock.resolve.model import AdoptedPin, PlatformResolution
from envlock.resolve.request import Request


def adopting_manifest(
    project: Path, source: Path, foreign: ForeignLock, *, variant: str | None, environment: Mapping[str, str]
) -> Manifest:
    """The manifest of `project`; where there is none, one that asks for the pins and nothing else.

    Raises ManifestInvalid, ForeignLockInvalid.
    """
    try:
        return manifest_of(project, variant=variant, environment=environment)
    except ManifestInvalid as invalid:
        if invalid.faults or variant is not None or not project.is_dir():
            raise
        return _made_up(project, source, foreign, environment)


def _made_up(project: Path, source: Path, foreign: ForeignLock, environment: Mapping[str, str]) -> Manifest:
    requires = foreign.requires_python
    python = (lowest(requires) if requires is not None else None) or stack.default_python()
    faults = Faults()
    sources = all_sources({}, (), environment, faults)
    faults.raise_if_any(ManifestInvalid, "config.toml")
    root = project.resolve()
    adopted = foreign.adopted(Wanted(platform=Platform.LINUX_64, python=python))
    manifest = Manifest(
        path=source.resolve(),
        root=root,
        lockfile=root / "envlock.lock",
        variant=None,
        project_name=None,
        python=python,
        cuda={Platform.LINUX_64: AUTO},
        platforms=(Platform.LINUX_64,),
        glibc=(2, 28),
        requirements=tuple(map(_asked, adopted.pins)),
        constraints=(),
        exclude_newer=None,
        settings={},
        index_of={},
        sources=sources,
        notes=(f"no manifest here: locking {source.name} for {Platform.LINUX_64} with Python {python}",),
    )
    manifest = with_conda(manifest, adopted)
    return replace(manifest, fingerprint=fingerprint(manifest))


def _asked(pin: AdoptedPin) -> Asked:
    return Asked(requirement=Requirement(f"{pin.name}=={pin.version}"), origin=pin.origin)


def adopted_on(foreign: ForeignLock, manifest: Manifest) -> Mapping[Platform, Adopted]:
    """What `foreign` pins on each platform of the manifest. Raises ForeignLockInvalid."""
    return {
        platform: foreign.adopted(
            Wanted(
                platform=platform,
                python=manifest.python,
                project=manifest.project_name,
                extras=manifest.extras,
                groups=manifest.groups,
            )
        )
        for platform in manifest.platforms
    }


def adopt(foreign: ForeignLock, requests: Sequence[Request]) -> tuple[PlatformResolution, ...]:
    """The wheels of the pins, platform by platform.

    Raises CannotAdopt with all that cannot be, ForeignLockInvalid where the pins are not what the manifest
    asks for, and what `resolve_adopted` raises.
    """
    found = adopted_on(foreign, requests[0].manifest)
    missing = [each for adopted in found.values() for each in adopted.missing]
    if missing:
        raise cannot_adopt(missing)
    _refuse_stale(found, requests)
    with ThreadPoolExecutor(len(requests)) as pool:
        pins = [found[request.platform].pins for request in requests]
        resolutions = tuple(pool.map(resolve_adopted, requests, pins))
    return tuple(replace(each, notes=found[each.platform].notes) for each in resolutions)


def _refuse_stale(found: Mapping[Platform, Adopted], requests: Sequence[Request]) -> None:
    """A foreign lock that is older than the manifest must not pass for it."""
    faults = Faults()
    for request in requests:
        pinned = {pin.name: pin for pin in found[request.platform].pins}
        for asked in request.asked():
            _judge(asked, pinned.get(canonicalize_name(asked.requirement.name)), faults)
    subject = "the lock to adopt"
    faults.raise_if_any(ForeignLockInvalid, subject, "lock anew with the tool that made it")


def _judge(asked: Asked, pin: AdoptedPin | None, faults: Faults) -> None:
    if pin is None:
        faults.add(asked.origin, f"`{asked.requirement}` is asked for, and not pinned")
    elif not asked.requirement.specifier.contains(pin.version, prereleases=True):
        faults.add(asked.origin, f"`{asked.requirement}` is asked for, {pin.version} is pinned")


def differs_from(lock: Lock, foreign: ForeignLock, manifest: Manifest) -> tuple[str, ...]:
    """Where a lock has other pins than the foreign lock that it was adopted from, offline."""
    reasons: dict[str, None] = {}
    for platform, adopted in adopted_on(foreign, manifest).items():
        locked = {row.name: row.version for row, _ in lock.on(platform)}
        pinned = {str(pin.name): pin.version for pin in adopted.pins}
        for name in sorted({*locked, *pinned}):
            if locked.get(name) != pinned.get(name):
                row = f"{name}: {_spoken(pinned.get(name))} there, {_spoken(locked.get(name))} in the lock"
                reasons[row] = None
        reasons |= dict.fromkeys(conda_differences(lock, platform, adopted))
    return tuple(reasons)


def _spoken(version: str | None) -> str:
    return version or "none"
