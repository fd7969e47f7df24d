"""The lock as values. Names and hashes only: no URL, no host, no path of a host, no time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
class ImagePlatform:
    manifest: str
    diff_ids: tuple[str, ...]


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

    def on(self, platform: str) -> Iterator[tuple[Distribution, Wheel]]:
        """Every distribution of `platform` with the one wheel that is locked for it, by name."""
        for distribution in self.distributions:
            wheel = distribution.wheel_for(platform)
            if wheel is not None:
                yield distribution, wheel
