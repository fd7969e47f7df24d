"""Which builds of PyTorch were published, and what is in them (`data/torch_builds.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from packaging.version import InvalidVersion, Version

from envlock.stack.facts import document
from envlock.stack.variants import cuda_order, variant_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One build of one release, for Linux x86_64. None or empty: not known, never guessed.

    `index` is "default" for the wheel that the default index has under the bare version, "pytorch"
    where only the PyTorch index has it. `bundled`: the CUDA libraries are inside the wheel, and it
    requires no `nvidia-…`. `archs` are those with machine code in the wheel. `glibc` is the oldest that does,
    by the wheel's tag or by its symbols (`glibc_by`). `triton` may be a range
    (`~=3.8.0`). `sources` are names of `[sources]` in the data file.
    """

    torch: str
    cuda: str
    variant: str
    index: str
    cudnn: str | None
    nccl: str | None
    triton: str | None
    cusparselt: str | None
    nvshmem: str | None
    cuda_runtime: str | None
    cuda_toolkit: str | None
    archs: tuple[str, ...]
    ptx: str | None
    glibc: str | None
    glibc_by: str
    glibc_sources: tuple[str, ...]
    pythons: tuple[str, ...]
    bundled: bool
    unadvertised: bool
    note: str | None
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One release. `default` is the variant of its default Linux x86_64 wheel; `partial`: it may have
    variants that the facts do not know."""

    torch: str
    default: str
    partial: bool
    requires_python: str


@cache
def _releases() -> Mapping[Version, Release]:
    rows = document("torch_builds")["release"]
    releases = sorted((_release(row) for row in rows), key=lambda release: Version(release.torch))
    return MappingProxyType({Version(release.torch): release for release in releases})


def _release(row: Mapping[str, Any]) -> Release:
    return Release(
        torch=row["torch"],
        default=row["default"],
        partial=row.get("partial", False),
        requires_python=row["requires_python"],
    )


@cache
def _builds() -> Mapping[Version, tuple[Build, ...]]:
    every = [_build(row) for row in document("torch_builds")["build"]]
    return MappingProxyType({version: _of(version, every) for version in _releases()})


def _of(version: Version, every: list[Build]) -> tuple[Build, ...]:
    mine = [build for build in every if Version(build.torch) == version]
    return tuple(sorted(mine, key=lambda build: cuda_order(build.cuda)))


def _build(row: Mapping[str, Any]) -> Build:
    return Build(
        torch=row["torch"],
        cuda=row["cuda"],
        variant=row["variant"],
        index=row["index"],
        cudnn=row.get("cudnn"),
        nccl=row.get("nccl"),
        triton=row.get("triton"),
        cusparselt=row.get("cusparselt"),
        nvshmem=row.get("nvshmem"),
        cuda_runtime=row.get("cuda_runtime"),
        cuda_toolkit=row.get("cuda_toolkit"),
        archs=tuple(row.get("archs", ())),
        ptx=row.get("ptx"),
        glibc=row.get("glibc", {}).get("floor"),
        glibc_by=row.get("glibc", {}).get("by", ""),
        glibc_sources=tuple(row.get("glibc", {}).get("src", ())),
        pythons=tuple(row.get("python", ())),
        bundled=row.get("bundled", False),
        unadvertised=row.get("unadvertised", False),
        note=row.get("note"),
        sources=tuple(row["src"]),
    )


def torch_versions() -> tuple[Version, ...]:
    """Every release that the facts know, ascending."""
    return tuple(_releases())


def release(torch: str) -> Release | None:
    """The release `torch`, written as it may be: `2.6`, `2.6.0`, `2.6.0+cu124`."""
    key = _key(torch)
    return None if key is None else _releases().get(key)


def is_complete(torch: str) -> bool:
    """Does a build of `torch` that the facts lack not exist?"""
    known = release(torch)
    return known is not None and not known.partial


def default_variant(torch: str) -> str | None:
    """The variant of the default Linux x86_64 wheel of `torch`: cu124 for 2.6.0."""
    known = release(torch)
    return None if known is None else known.default


def builds(torch: str | None = None) -> tuple[Build, ...]:
    """The builds of one release, or of all: releases ascending, CUDA ascending, `cpu` last."""
    if torch is None:
        return tuple(build for some in _builds().values() for build in some)
    key = _key(torch)
    return () if key is None else _builds().get(key, ())


def build(torch: str, variant: str) -> Build | None:
    """The build of `torch` for `variant` (`cu124`, `cpu`)."""
    return next((build for build in builds(torch) if build.variant == variant), None)


def gpu_archs(torch: str, variant: str) -> tuple[str, ...]:
    """The GPU architectures that a build has machine code for; empty where that is not known."""
    found = build(torch, variant)
    return () if found is None else found.archs


def versions_with(cuda: str) -> tuple[str, ...]:
    """The releases of PyTorch that were published for `cuda` (`12.4`, `cpu`), ascending."""
    variant = variant_of(cuda)
    return tuple(build.torch for build in builds() if build.variant == variant)


def cuda_versions_of(torch: str) -> tuple[str, ...]:
    """The CUDA that `torch` was published for, ascending, `cpu` last; see `default_variant`."""
    return tuple(build.cuda for build in builds(torch))


def _key(torch: str) -> Version | None:
    try:
        return Version(Version(torch).public)
    except InvalidVersion:
        return None
