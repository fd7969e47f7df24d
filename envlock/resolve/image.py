"""The base image of a manifest, pinned: what its name means today, to the digest of every layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envlock import stack
from envlock.errors import NoSuchImage
from envlock.lock.model import ImageLock, ImagePlatform, Lock
from envlock.manifest.model import Manifest
from envlock.resolve.oci.base import Base, broken, read_base
from envlock.resolve.oci.layout import open_layout
from envlock.resolve.oci.media import (
    INDEXES,
    BadImage,
    Document,
    ImageConfig,
    ImageManifest,
    parse_config,
    parse_manifest,
    platform_of,
    platforms_in,
)
from envlock.resolve.oci.reference import LAYOUT, parse_reference
from envlock.resolve.oci.store import ImageStore, read_small

_PYTORCH = "pytorch/pytorch"
_WHERE = "tool.envlock.image.base"
_SHOWN_TAGS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """How to reach images from here: `root` is the folder that `oci:DIR` starts at."""

    root: Path
    sources: Mapping[str, str]
    environment: Mapping[str, str]
    cache: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenImage:
    """An image of one platform, its documents read and checked."""

    store: ImageStore
    manifest: ImageManifest
    config: ImageConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedBase:
    """The base as the lock holds it, and the Python to the patch that it has; None where conda brings one,
    and the base need not have any."""

    image: ImageLock
    python_exact: str | None
    notes: tuple[str, ...] = field(default=())


def resolve_base(manifest: Manifest, finding: Finding) -> ResolvedBase | None:
    """Pin the manifest's base image for its platforms. None where it names none.

    Raises NoSuchImage for one that was never published (before any network), that lacks a platform, or
    whose Python is not the manifest's; RegistryFailed, HashMismatch.
    """
    base = manifest.image.base if manifest.image is not None else None
    if base is None:
        return None
    refuse_never_published(base, where=f"{manifest.path.name}, {_WHERE}")
    store = open_store(base, finding)
    document = top_document(store, base)
    platforms: dict[str, ImagePlatform] = {}
    pythons: dict[str, str] = {}
    for platform in sorted(manifest.platforms):
        image = open_platform(store, document, platform)
        if manifest.conda is None:
            found = read_base(store, image.manifest, image.config, finding.cache)
            pythons[platform] = _fitting_python(found, manifest, base)
        platforms[platform] = ImagePlatform(
            manifest=image.manifest.document.digest, diff_ids=image.config.diff_ids
        )
    return ResolvedBase(
        image=ImageLock(base=base, digest=document.digest, platforms=platforms),
        python_exact=pythons[min(pythons)] if pythons else None,
        notes=tuple(_notes(pythons)),
    )


def standing_base(manifest: Manifest, old: Lock | None) -> ResolvedBase | None:
    """What an earlier lock pinned, where it still fits. A layout on disk is read anew: that costs nothing."""
    base = manifest.image.base if manifest.image is not None else None
    if old is None or old.image is None or base is None or base.startswith(LAYOUT):
        return None
    fits = old.image.base == base and old.image.platforms.keys() == set(manifest.platforms)
    if fits and manifest.conda is not None:
        return ResolvedBase(image=old.image, python_exact=None)
    was_conda = bool(old.conda_packages)  # then the old lock does not tell what the base has
    if not fits or was_conda or not f"{old.python_exact}.".startswith(f"{manifest.python}."):
        return None
    return ResolvedBase(image=old.image, python_exact=old.python_exact)


def open_store(base: str, finding: Finding) -> ImageStore:
    """The registry or the layout that has an image. Touches no network."""
    if base.startswith(LAYOUT):
        return open_layout(base, finding.root)
    from envlock.resolve.oci.registry import Registry

    return Registry(parse_reference(base), sources=finding.sources, environment=finding.environment)


def top_document(store: ImageStore, base: str) -> Document:
    """What the name means: an index of several platforms, or the one manifest that there is."""
    return store.document("" if base.startswith(LAYOUT) else parse_reference(base).version)


def open_platform(store: ImageStore, document: Document, platform: str) -> OpenImage:
    """The image of one platform. Raises NoSuchImage where it has none for it."""
    try:
        chosen = document if document.media_type not in INDEXES else _of_platform(store, document, platform)
        manifest = parse_manifest(chosen)
        config = parse_config(read_small(store, manifest.config))
    except BadImage as error:
        raise broken(store.name, error) from error
    if platform_of(config) != platform:
        raise _no_platform(
            store.name, platform, [platform_of(config) or f"{config.os}/{config.architecture}"]
        )
    return OpenImage(store=store, manifest=manifest, config=config)


def _of_platform(store: ImageStore, index: Document, platform: str) -> Document:
    platforms = platforms_in(index)
    if platform not in platforms:
        raise _no_platform(store.name, platform, platforms)
    return store.document(platforms[platform].digest)


def _no_platform(name: str, platform: str, known: Iterable[str]) -> NoSuchImage:
    return NoSuchImage(
        f"the image `{name}` is not for {platform}",
        where=name,
        hint="name a base that is, or take the platform out of `platforms`",
        facts=[("it is for", ", ".join(sorted(known)) or "no platform that envlock knows")],
    )


def refuse_never_published(base: str, *, where: str) -> None:
    """Raise NoSuchImage for a tag of pytorch/pytorch that the stack facts know never existed."""
    if base.startswith(LAYOUT):
        return
    reference = parse_reference(base)
    tag = reference.tag
    if reference.repository != _PYTORCH or tag is None or not stack.never_published(tag):
        return
    nearest = list(_nearest(tag))
    raise NoSuchImage(
        f"`{_PYTORCH}:{tag}` was never published",
        where=where,
        hint=f'write `base = "{_PYTORCH}:{nearest[0]}"`' if nearest else "tags need X.Y.Z written whole",
        facts=[("published", ", ".join(nearest[:_SHOWN_TAGS]))] if nearest else (),
    )


def _nearest(tag: str) -> Iterator[str]:
    """Published tags of the same release, those that share most parts with `tag` first."""
    version, *wanted = tag.split("-")
    releases = [each for each in stack.torch_versions() if f"{each}.".startswith(f"{version}.")]
    tags = [each for release in releases for each in stack.image_tags(str(release))]
    yield from sorted(tags, key=lambda each: -len(set(each.split("-")[1:]) & set(wanted)))


def _fitting_python(found: Base, manifest: Manifest, base: str) -> str:
    """The exact Python of a base. Raises NoSuchImage where it is not what the manifest asks for."""
    if found.python is None or found.version is None:
        what = (
            "has no python3 on its PATH"
            if found.python is None
            else "does not tell the version of its Python"
        )
        raise NoSuchImage(f"the image `{base}` {what}", where=f"{manifest.path.name}, {_WHERE}", hint=_HINT)
    if not f"{found.version}.".startswith(f"{manifest.python}."):
        raise NoSuchImage(
            f"the image `{base}` has Python {found.version}, the manifest asks for {manifest.python}",
            where=f"{manifest.path.name}, {_WHERE}",
            hint=f'name a base with Python {manifest.python}, or set `python = "{found.series}"`',
        )
    return found.version


_HINT = "name a base with a Python, like `docker.io/library/python:3.11-slim-bookworm`"


def _notes(pythons: Mapping[str, str]) -> Iterator[str]:
    if len(set(pythons.values())) > 1:
        told = ", ".join(f"{version} on {platform}" for platform, version in pythons.items())
        yield f"the base image has different Pythons: {told}"
