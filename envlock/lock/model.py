"""The lock as values. Names and hashes only: no URL, no host, no path of a host, no time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from envlock.lock.numerics import Reference

LOCK_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixup:
    """Where a RECORD does not tell the truth about a member (IDENTITY 2.4).

    `sha256` is the value that counts instead; None means that RECORD has a row without a member:
    the path must be absent.
    """

    place: str
    path: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """One wheel file. `size` and `unpacked` in bytes; `files` counts the entries of its digest."""

    file: str
    platforms: tuple[str, ...]
    sha256: str
    size: int
    unpacked: int
    files: int
    digest: str
    fixups: tuple[Fixup, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """A pinned distribution: PEP 503 name, version as in its `.dist-info`, index by name.

    `requires` holds the normalised names of the locked distributions that it needs.
    """

    name: str
    version: str
    index: str
    requires: tuple[str, ...]
    wheels: tuple[Wheel, ...]

    def wheel_for(self, platform: str) -> Wheel | None:
        return next((wheel for wheel in self.wheels if platform in wheel.platforms), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackage:
    """A pinned conda package: what its channel's repodata says of it, and what its archive holds.

    `subdir` is where the channel has it (`linux-64`, `noarch`), `platforms` are those of the lock that take
    it. `size` in bytes, `timestamp` in milliseconds since 1970. `depends` and `constrains` are match
    specifications as the record spells them. `distributions` are the Python distributions that it installs
    as (normalised name, version), `entry_points` rows of `name = module:attr` that the installer writes.
    `site_packages` is a Python's own word where `noarch: python` packages go (CEP 17). `link_scripts` names
    those that it would run (`post-link`), `clobbers` its paths that another package of one of its platforms
    has with other content, `links` where its links to folders lead, as `path -> target`, which its archive's
    list of paths does not say. `paths` is the paths digest (IDENTITY 3).
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    noarch: str | None
    platforms: tuple[str, ...]
    channel: str
    file: str
    sha256: str
    md5: str | None
    size: int
    timestamp: int | None
    depends: tuple[str, ...]
    constrains: tuple[str, ...]
    paths: str
    distributions: tuple[tuple[str, str], ...] = ()
    entry_points: tuple[str, ...] = ()
    site_packages: str | None = None
    link_scripts: tuple[str, ...] = ()
    clobbers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaLock:
    """How the conda packages were solved: `channels` by name, the first with the highest priority, and per
    platform the virtual packages, as name -> version or `version=build`."""

    channels: tuple[str, ...]
    virtual_packages: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """The PyTorch/CUDA stack of one platform, as resolved. None: not in this lock, or not known."""

    torch: str | None = None
    cuda: str | None = None
    variant: str | None = None
    cudnn: str | None = None
    nccl: str | None = None
    triton: str | None = None
    gpu_archs: tuple[str, ...] = ()
    driver: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageLock:
    """The base image: reference as in the manifest, index digest, and per platform its manifest
    digest and layer diff ids (all `sha256:…`)."""

    base: str
    digest: str | None
    platforms: Mapping[str, ImagePlatform]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltImage:
    """The image that `build oci` makes of the lock (all `sha256:…`).

    `id` is the digest of its configuration, one for all ways to compress; `diff_ids` those of its own
    layers, above the base's; `manifest` that of the compressed image. `format` is the version of the layers.
    """

    format: int
    id: str
    manifest: str
    diff_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePlatform:
    """The base on one platform, and what was built on it (None: not known yet)."""

    manifest: str
    diff_ids: tuple[str, ...]
    built: BuiltImage | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A whole lock. `runtime` is derived (see `envlock.lock.runtime`) and checked when read."""

    manifest: str
    python: str
    python_exact: str
    platforms: tuple[str, ...]
    glibc: str
    exclude_newer: str | None
    project: str | None
    stack: Mapping[str, Stack]
    settings: Mapping[str, str]
    distributions: tuple[Distribution, ...]
    image: ImageLock | None = None
    conda: CondaLock | None = None
    conda_packages: tuple[CondaPackage, ...] = ()
    numerics: tuple[Reference, ...] = ()

    def on(self, platform: str) -> Iterator[tuple[Distribution, Wheel]]:
        """Every distribution of `platform` with the one wheel that is locked for it, by name."""
        for distribution in self.distributions:
            wheel = distribution.wheel_for(platform)
            if wheel is not None:
                yield distribution, wheel

    def conda_on(self, platform: str) -> Iterator[CondaPackage]:
        """Every conda package of `platform`, by name."""
        return (package for package in self.conda_packages if platform in package.platforms)


def without_built(image: ImageLock) -> ImageLock:
    """The base as `envlock lock` notes it, before any image was built from it."""
    return replace(image, platforms={name: replace(row, built=None) for name, row in image.platforms.items()})
