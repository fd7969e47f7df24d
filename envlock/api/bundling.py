"""All that a lock needs in one archive, and an environment made from it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from envlock.agent.host import platform_name
from envlock.api.sources import manifest_beside, sources_beside
from envlock.api.syncing import RepairOutcome, SyncOrder, SyncOutcome, repair, sync
from envlock.api.verifying import locked_platform
from envlock.audit.bundle.gather import Gathering, gather
from envlock.audit.bundle.index import PATH
from envlock.audit.bundle.model import Bundle, Row
from envlock.audit.bundle.read import open_bundle, unpack
from envlock.audit.bundle.verify import Verified
from envlock.audit.bundle.verify import verify_bundle as verify_opened
from envlock.audit.bundle.wanted import conda_of, conda_row, wheel_row
from envlock.audit.bundle.write import require_space, write_bundle
from envlock.audit.evidence.sbom import lock_sbom
from envlock.errors import DiskFailed, GoneFromIndex, NoWheel, UsageFault
from envlock.install.model import Supply
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest.model import Manifest
from envlock.resolve.image import OpenImage
from envlock.resolve.model import Event, OnEvent, no_events

__all__ = [
    "BundleOrder",
    "BundleResult",
    "Verified",
    "bundle",
    "repair_bundle",
    "sync_bundle",
    "verify_bundle",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleOrder:
    """What is bundled and where it goes: `output` is an archive (`….tar`) or a folder.

    `platforms` empty: all of the lock. `image`: with the base image, where the lock has one. `environment`
    is the user's, `cache` envlock's cache directory, where downloads are kept and taken up again. `sbom`:
    with a bill of materials of each platform, which the version of the library that writes it decides, too.
    """

    lock: Path
    output: Path
    environment: Mapping[str, str]
    cache: Path
    platforms: tuple[str, ...] = ()
    wheelhouse: Path | None = None
    image: bool = True
    sbom: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleResult:
    """What was written. `size` in bytes; the counts are of files that the lock names."""

    output: Path
    platforms: tuple[str, ...]
    runtime: Mapping[str, str]
    files: int
    size: int
    wheels: int
    conda_packages: int
    has_image: bool


def bundle(order: BundleOrder, on_event: OnEvent = no_events) -> BundleResult:
    """Fetch all that a lock names, and write it into one archive: equal bytes for equal locks.

    Raises LockfileInvalid, UsageFault, GoneFromIndex, HashMismatch, SourceFailed, DiskFailed, and ToolMissing
    where a bill of materials is asked for and its library is not installed.
    """
    lock = read_lock(order.lock)
    platforms = _platforms(lock, order.platforms)
    supply = Supply(
        sources=sources_beside(order.lock, order.environment),
        environment=order.environment,
        wheelhouse=order.wheelhouse,
    )
    data = order.lock.read_bytes()
    asked = Gathering(
        lock=lock,
        lock_name=order.lock.name,
        lock_bytes=data,
        platforms=platforms,
        supply=supply,
        cache=order.cache,
        manifest=_manifest_files(manifest_beside(order.lock, order.environment)),
        images=_images(order, lock, platforms),
        sbom={f"{name}.cdx.json": lock_sbom(lock, data, name) for name in platforms if order.sbom},
    )
    _judge_name(order.lock)
    require_space(order.output, _at_least(lock, platforms))
    items = gather(asked, on_event)
    size = write_bundle(items, order.output, on_event)
    return BundleResult(
        output=order.output,
        platforms=platforms,
        runtime={platform: runtime_hash(lock, platform) for platform in platforms},
        files=len(items),
        size=size,
        wheels=sum(item.row.kind == "wheel" for item in items),
        conda_packages=sum(item.row.kind == "conda" for item in items),
        has_image=bool(asked.images),
    )


def verify_bundle(path: Path, on_event: OnEvent = no_events) -> Verified:
    """Hold every file of a bundle against the lock inside. Raises BundleInvalid, LockfileInvalid."""
    return verify_opened(open_bundle(path), on_event)


def sync_bundle(
    path: Path, order: SyncOrder, on_event: OnEvent = no_events, *, own_lock: bool = True
) -> SyncOutcome:
    """Make an environment from a bundle alone, by the lock in it; without `own_lock` by that of `order`.

    Raises what `sync` raises, BundleInvalid, and GoneFromIndex where the bundle lacks a file of the lock.
    """
    with _supplied(path, order, on_event, own_lock=own_lock) as supplied:
        return sync(supplied, on_event)


def repair_bundle(
    path: Path, order: SyncOrder, on_event: OnEvent = no_events, *, own_lock: bool = True
) -> RepairOutcome:
    """Put back what differs, from a bundle alone. Raises as `sync_bundle` does."""
    with _supplied(path, order, on_event, own_lock=own_lock) as supplied:
        return repair(supplied, on_event)


@contextmanager
def _supplied(path: Path, order: SyncOrder, on_event: OnEvent, *, own_lock: bool) -> Iterator[SyncOrder]:
    """The order with a wheelhouse of what it needs, unpacked beside the environment while it is made."""
    opened = open_bundle(path)
    lock = opened.lock if own_lock else read_lock(order.lock)
    platform = locked_platform(lock, platform_name())
    if own_lock:
        _judge_platform(opened, platform)
    rows = _found(opened, list(_needed(lock, platform, order)))
    parent = next(each for each in order.venv.absolute().parents if each.is_dir())
    unpacked = sum(wheel.unpacked for _, wheel in lock.on(platform))
    require_space(order.venv, unpacked + (0 if path.is_dir() else sum(row.size for row in rows)))
    on_event(Event(step="unpack the bundle", total=len(rows)))
    try:
        with tempfile.TemporaryDirectory(prefix=".envlock-bundle-", dir=parent) as name:
            house = Path(name)
            unpack(opened, rows, house)
            if own_lock:
                content = b"".join(opened.places[opened.index.lock].chunks())
                (house / "envlock.lock").write_bytes(content)
                order = replace(order, lock=house / "envlock.lock")
            yield replace(order, wheelhouse=house)
    except PermissionError as error:
        raise DiskFailed(
            f"cannot write beside `{order.venv}`: {(error.strerror or str(error)).lower()}",
            where=str(parent),
            hint="make the folder writable, or name another place for the environment",
        ) from error


def _needed(lock: Lock, platform: str, order: SyncOrder) -> Iterator[Row]:
    yield from (wheel_row(wheel) for _, wheel in lock.on(platform))
    if order.conda or (order.venv / "conda-meta").is_dir():
        yield from (conda_row(package) for package in lock.conda_on(platform))


def _found(opened: Bundle, needed: list[Row]) -> list[Row]:
    """The files in the bundle that have the hashes that are needed, under the names of the lock."""
    there = {row.sha256: row for row in opened.index.files if row.path in opened.places}
    absent = [row for row in needed if row.sha256 not in there]
    if absent:
        more = f" ({len(absent)} files are missing)" if len(absent) > 1 else ""
        raise GoneFromIndex(
            f"`{absent[0].path}` of the lock is not in the bundle{more}",
            where=str(opened.path),
            hint="make the bundle anew: `envlock bundle -o FILE`",
            facts=[("missing", f"{row.path}, sha256 {row.sha256}") for row in absent],
        )
    return [there[row.sha256] for row in needed]


def _judge_platform(opened: Bundle, platform: str) -> None:
    if platform not in opened.index.platforms:
        raise NoWheel(
            f"the bundle is not for {platform}",
            where=str(opened.path),
            hint=f"make one that is: `envlock bundle --platform {platform} -o FILE`",
            facts=[("it is for", ", ".join(opened.index.platforms))],
        )


def _platforms(lock: Lock, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Those that were asked for, else all, in the order of the lock. Raises UsageFault."""
    for platform in asked:
        if platform not in lock.platforms:
            known = ", ".join(lock.platforms)
            raise UsageFault(f"the lock has no platform `{platform}`, it has {known}")
    return tuple(each for each in lock.platforms if each in asked or not asked)


def _judge_name(lock: Path) -> None:
    if not PATH.admits(lock.name):
        raise UsageFault(f"a lockfile in a bundle cannot be called `{lock.name}`", hint="rename it")


def _images(order: BundleOrder, lock: Lock, platforms: Iterable[str]) -> dict[str, OpenImage]:
    if lock.image is None or not order.image:
        return {}
    from envlock.api.building import open_base

    known = [platform for platform in platforms if platform in lock.image.platforms]
    return {platform: open_base(order.lock, lock, platform, order.environment) for platform in known}


def _manifest_files(manifest: Manifest | None) -> dict[str, bytes]:
    """The manifest and the requirements files that it reads, by their path beside the lock."""
    if manifest is None:
        return {}
    asked = (*manifest.requirements, *manifest.constraints)
    named = {manifest.root / each.origin.rpartition(":")[0] for each in asked if ":" in each.origin}
    files = {path.resolve() for path in (manifest.path, *named) if path.is_file()}
    root = manifest.root.resolve()
    below = {path.relative_to(root).as_posix(): path for path in files if path.is_relative_to(root)}
    return {name: path.read_bytes() for name, path in sorted(below.items()) if PATH.admits(name)}


def _at_least(lock: Lock, platforms: Iterable[str]) -> int:
    """Bytes of what is locked: known before anything is fetched."""
    wheels = {wheel.sha256: wheel.size for platform in platforms for _, wheel in lock.on(platform)}
    archives = {each.sha256: each.size for each in conda_of(lock, platforms).values()}
    return sum(wheels.values()) + sum(archives.values())
