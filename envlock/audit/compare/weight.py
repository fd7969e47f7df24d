"""Bytes by who brings them: wheels, conda packages and the base image, and CUDA that comes twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envlock.audit.compare.model import BASE, Route, Share, Weight
from envlock.lock.model import Lock

# NVIDIA's libraries on the indexes: wheels `nvidia-cublas-cu12`, conda packages `libcublas`, `cuda-cudart`.
_CUDA = re.compile(
    r"(nvidia-.+|cuda-.+|cudatoolkit|cudnn|nccl|lib(cu(blas|fft|rand|solver|sparse|dnn|file)\w*|nv\w+|npp))(-.*)?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseSeen:
    """The base image: bytes of its compressed layers, and its variables (`CUDA_VERSION` gives CUDA away).
    `reason` says why it could not be looked at, and nothing else is known then."""

    name: str
    download: int = 0
    environment: Mapping[str, str] | None = None
    reason: str | None = None


def weight_of(lock: Lock, platform: str, route: Route, base: BaseSeen | None) -> Weight:
    """What a route downloads and lays down, by owner, the heaviest first."""
    has_base = route in (Route.DOCKER, Route.OCI)
    shares = [
        *_wheels(lock, platform),
        *(_conda(lock, platform) if route in (Route.CONDA, Route.OCI) else ()),
    ]
    seen = base if has_base else None
    shares += [_of_base(seen)] if seen is not None and seen.reason is None else []
    return Weight(
        shares=tuple(sorted(shares, key=lambda share: (-share.download, share.owner))),
        unknown=tuple(_unknown(lock, platform, route, seen)),
        cuda_twice=_twice(shares, seen),
    )


def _wheels(lock: Lock, platform: str) -> Iterator[Share]:
    for row, wheel in lock.on(platform):
        yield Share(
            owner=row.name, download=wheel.size, unpacked=wheel.unpacked, is_cuda=is_cuda_name(row.name)
        )


def _conda(lock: Lock, platform: str) -> Iterator[Share]:
    for package in lock.conda_on(platform):
        yield Share(
            owner=f"conda:{package.name}",
            download=package.size,
            unpacked=None,
            is_cuda=is_cuda_name(package.name),
        )


def is_cuda_name(name: str) -> bool:
    """Is it one of NVIDIA's own libraries, by the name of its package?

    >>> [is_cuda_name(name) for name in ("nvidia-cublas-cu12", "libcublas", "cuda-version", "torch")]
    [True, True, False, False]
    """
    return name != "cuda-version" and _CUDA.fullmatch(name) is not None


def _of_base(base: BaseSeen) -> Share:
    return Share(owner=BASE, download=base.download, unpacked=None, is_cuda=_has_cuda(base))


def _has_cuda(base: BaseSeen) -> bool:
    return bool({"CUDA_VERSION", "NV_CUDA_CUDART_VERSION"} & set(base.environment or ()))


def _twice(shares: list[Share], base: BaseSeen | None) -> str | None:
    """Who brings CUDA beside the wheels. Wheels load their own, so the other copy is dead weight at best."""
    cuda = [share for share in shares if share.is_cuda]
    if not any(share.owner.startswith("nvidia-") for share in cuda):
        return None
    if base is not None and _has_cuda(base):
        return f"base image {base.name}"
    conda = [share.owner for share in cuda if share.owner.startswith("conda:")]
    return ", ".join(conda) or None


def _unknown(lock: Lock, platform: str, route: Route, base: BaseSeen | None) -> Iterator[str]:
    if route is Route.VENV:
        yield "the interpreter is the host's and counts as nothing"
    elif route is Route.CONDA and not any(lock.conda_on(platform)):
        yield "Python and what conda adds to it are solved anew, and not in the lock"
    if any(lock.conda_on(platform)) and route in (Route.CONDA, Route.OCI):
        yield "the lock has no unpacked size of conda packages"
    if base is not None:
        yield base.reason or "the base image's layers count compressed; unpacked they are larger"
