"""A lock as a file for another tool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.api.sources import manifest_beside, sources_beside
from envlock.emit import FORMATS, EmitOptions
from envlock.errors import UsageFault
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.manifest.model import ImageRequest, JobRequest, Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class EmitRequest:
    """`platform` None: the only one of the lock. `environment` is the user's."""

    format: str
    lock: Path
    environment: Mapping[str, str]
    platform: str | None = None
    wheelhouse: Path | None = None


def emit(request: EmitRequest) -> str:
    """The text of the file. Formats that need URLs ask the indexes where the locked wheels are.

    Raises UsageFault, LockfileInvalid, SourceFailed.
    """
    lock = read_lock(request.lock)
    emitter = FORMATS[request.format]
    every = emitter.every_platform and request.platform is None
    platform = lock.platforms[0] if every else choose_platform(lock.platforms, request.platform)
    sources = sources_beside(request.lock, request.environment)
    manifest = manifest_beside(request.lock, request.environment)
    locations = None
    if emitter.needs_locations and request.wheelhouse is None:
        platforms = lock.platforms if emitter.every_platform else (platform,)
        locations = _locations(lock, platforms, sources, request.environment)
    return emitter.render(
        lock,
        EmitOptions(
            platform=platform,
            locations=locations,
            wheelhouse=request.wheelhouse,
            sources=sources,
            image=_image(manifest),
            job=manifest.job if manifest is not None else JobRequest(),
        ),
    )


def _locations(
    lock: Lock, platforms: Iterable[str], sources: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """sha256 -> URL of every wheel of `platforms`."""
    from envlock.manifest.platforms import Platform
    from envlock.resolve.locate import locate

    found: dict[str, str] = {}
    for platform in platforms:
        if any(lock.on(platform)):
            rows = locate(lock, Platform(platform), sources, environment)
            found |= {sha256: location.url for sha256, location in rows.items()}
    return found


def image_beside(lock: Path, environment: Mapping[str, str]) -> ImageRequest:
    """What the manifest beside a lockfile says of the image; the defaults where there is none."""
    return _image(manifest_beside(lock, environment))


def _image(manifest: Manifest | None) -> ImageRequest:
    return manifest.image if manifest is not None and manifest.image is not None else ImageRequest()


def choose_platform(locked: tuple[str, ...], asked: str | None) -> str:
    """The platform that was asked for, else the only one. Raises UsageFault."""
    if asked is None and len(locked) == 1:
        return locked[0]
    if asked in locked:
        return asked
    choices = ", ".join(locked)
    if asked is None:
        raise UsageFault(f"the lock has several platforms: {choices}", hint="`--platform NAME` chooses one")
    raise UsageFault(f"the lock has no platform `{asked}`, it has {choices}")
