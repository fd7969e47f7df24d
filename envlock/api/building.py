"""A lock as a container image, without a daemon."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from envlock.api.sources import manifest_beside, sources_beside
from envlock.emit.pins import refuse_half
from envlock.errors import UsageFault
from envlock.image.conda_layers import CondaPrefix, conda_packages
from envlock.image.config import Purpose
from envlock.image.layer_cache import LayerCache
from envlock.image.oci import Builder, BuildRequest, Image, check_base, fits, image_of_lock
from envlock.image.wheel_files import WheelFiles
from envlock.install.inode import disk_failed
from envlock.install.model import Supply
from envlock.lock.file import read_lock, write_lock
from envlock.lock.model import BuiltImage, CondaPackage, Lock
from envlock.manifest.platforms import Platform
from envlock.resolve.image import Finding, OpenImage, open_platform, open_store
from envlock.resolve.model import OnEvent, no_events
from envlock.resolve.oci.base import read_base
from envlock.resolve.oci.reference import parse_reference

_DEFAULT_USER = "app"


@dataclass(frozen=True, kw_only=True, slots=True)
class OciOrder:
    """What is to be built, and where it goes.

    `output` is a folder for an OCI layout, or a `.tar` file for `docker load`; `push` a reference;
    `digest_only` makes nothing but the digests, and notes them in the lock. `environment` is the user's.
    """

    lock: Path
    environment: Mapping[str, str]
    cache: Path
    platform: str | None = None
    output: Path | None = None
    push: str | None = None
    tag: str | None = None
    digest_only: bool = False
    wheelhouse: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OciResult:
    """The image by its digests; `noted`: the lock was changed; `not_run`: conda packages with a script that
    conda would run after linking. Sizes in bytes."""

    platform: str
    built: BuiltImage
    layers: int
    size: int
    noted: bool
    not_run: tuple[str, ...] = ()


def build_oci(order: OciOrder, on_event: OnEvent = no_events) -> OciResult:
    """Make the image of a lock. Raises LockfileInvalid, NoSuchImage, SourceFailed, DiskFailed, UsageFault."""
    lock = read_lock(order.lock)
    platform = _platform(lock, order.platform)
    packages = conda_packages(lock, platform)
    if not packages:
        refuse_half(lock, platform, "an image")
    with _linked(order, packages) as conda:
        builder = Builder(request=_request(order, lock, platform, conda), on_event=on_event)
        image = _made(order, builder, on_event)
    return OciResult(
        platform=platform,
        built=image.built,
        layers=len(image.base.manifest.layers) + len(image.layers),
        size=sum(each.size for each in image.base.manifest.layers) + sum(m.size for _, m in image.layers),
        noted=order.digest_only and _note(order.lock, lock, platform, image.built),
        not_run=tuple(package.name for package in packages if package.link_scripts),
    )


@contextmanager
def _linked(order: OciOrder, packages: tuple[CondaPackage, ...]) -> Iterator[CondaPrefix | None]:
    """The conda prefix of an image, in a folder of envlock's cache that is gone afterwards."""
    if not packages:
        yield None
        return
    try:
        order.cache.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="conda-prefix-", dir=order.cache)
    except OSError as error:
        raise disk_failed(order.cache, error) from error
    with folder as name:
        yield CondaPrefix(
            packages=packages, supply=_supply(order), archives=order.cache, folder=Path(name) / "prefix"
        )


def _made(order: OciOrder, builder: Builder, on_event: OnEvent) -> Image:
    from envlock.image.output import write_archive, write_layout

    if order.output is not None and order.output.suffix == ".tar":
        return write_archive(builder, order.output, order.tag)
    if order.output is not None:
        return write_layout(builder, order.output, order.tag)
    image = builder.image(keep_wheels=order.push is not None)
    if order.push is not None:
        from envlock.image.push import push
        from envlock.resolve.oci.registry import Registry

        sources = sources_beside(order.lock, order.environment)
        reference = parse_reference(order.push)
        # What is pushed goes to the registry itself: a mirror is for reading.
        others = {name: url for name, url in sources.items() if name != reference.registry}
        push(builder, image, Registry(reference, sources=others, environment=order.environment), on_event)
    return image


def _request(order: OciOrder, lock: Lock, platform: str, conda: CondaPrefix | None) -> BuildRequest:
    base = open_base(order.lock, lock, platform, order.environment)
    found = read_base(base.store, base.manifest, base.config, order.cache)
    if conda is None:
        fits(lock, found)
    if order.digest_only:
        lock = _without(lock, platform)
    return BuildRequest(
        purpose=Purpose(lock=lock, platform=platform, user=_user(order), is_conda=conda is not None),
        base=base,
        found=found,
        files=WheelFiles(lock=lock, platform=Platform(platform), supply=_supply(order), cache=order.cache),
        cache=LayerCache(directory=order.cache),
        conda=conda,
    )


def _supply(order: OciOrder) -> Supply:
    return Supply(
        sources=sources_beside(order.lock, order.environment),
        environment=order.environment,
        wheelhouse=order.wheelhouse,
    )


def open_base(path: Path, lock: Lock, platform: str, environment: Mapping[str, str]) -> OpenImage:
    """The locked base image, by its digest. Raises NoSuchImage, HashMismatch, RegistryFailed."""
    image = image_of_lock(lock, platform)
    base, digest = image.base, image.platforms[platform].manifest
    sources = sources_beside(path, environment)
    store = open_store(base, Finding(root=path.absolute().parent, sources=sources, environment=environment))
    opened = open_platform(store, store.document(digest), platform)
    check_base(lock, platform, opened)
    return opened


def _user(order: OciOrder) -> str:
    manifest = manifest_beside(order.lock, order.environment)
    return manifest.image.user if manifest is not None and manifest.image is not None else _DEFAULT_USER


def _without(lock: Lock, platform: str) -> Lock:
    """The lock with nothing noted: `--digest-only` notes anew."""
    return _with(lock, platform, None)


def _note(path: Path, lock: Lock, platform: str, built: BuiltImage) -> bool:
    return write_lock(path, _with(lock, platform, built))


def _with(lock: Lock, platform: str, built: BuiltImage | None) -> Lock:
    image = image_of_lock(lock, platform)
    mine = replace(image.platforms[platform], built=built)
    return replace(lock, image=replace(image, platforms={**image.platforms, platform: mine}))


def _platform(lock: Lock, asked: str | None) -> str:
    """The platform asked for, else the only one, else the one of linux-64."""
    known = [name for name in lock.platforms if name.startswith("linux-")]
    if asked is None and len(known) == 1:
        return known[0]
    if asked in known:
        return str(asked)
    choices = ", ".join(known) or "none for Linux"
    if asked is None:
        raise UsageFault(f"the lock has several platforms: {choices}", hint="`--platform NAME` chooses one")
    raise UsageFault(f"the lock has no platform `{asked}` that an image can be of, it has {choices}")
