"""The PyTorch/CUDA stack of a resolution: read from what was resolved, completed by the facts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.version import Version

from envlock import stack as facts
from envlock.errors import WrongBuild
from envlock.lock.model import Stack
from envlock.manifest.model import AUTO, CPU
from envlock.manifest.platforms import Platform

TORCH = "torch"
_TRITON = ("triton", "pytorch-triton", "triton-windows")
_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit")
_LOCAL_CUDA = re.compile(r"cu(\d\d)\d")


def read_stack(versions: Mapping[str, str], platform: Platform) -> Stack:
    """The stack among `versions` (by distribution name); an empty one where there is no torch.

    CUDA comes from the local version of torch (`+cu118`), else from the CUDA runtime that it pulls in,
    else from the facts: old wheels carry their libraries inside and say nothing.
    """
    if TORCH not in versions:
        return Stack()
    version = Version(versions[TORCH])
    variant = _variant(version, versions, platform)
    cuda = None if variant is None else _cuda(variant)
    build = _build(version.public, variant, platform)
    return Stack(
        torch=version.public,
        cuda=cuda,
        variant=variant,
        cudnn=_pin(versions, "nvidia-cudnn", variant) or (build.cudnn if build else None),
        nccl=_pin(versions, "nvidia-nccl", variant) or (build.nccl if build else None),
        triton=next((versions[name] for name in _TRITON if name in versions), None),
        gpu_archs=() if build is None else build.archs,
        driver=None if cuda is None else facts.driver_floor(cuda, platform),
    )


def _build(torch: str, variant: str | None, platform: Platform) -> facts.Build | None:
    """The facts are about builds for Linux x86_64."""
    if variant is None or platform is not Platform.LINUX_64:
        return None
    return facts.build(torch, variant)


def _variant(torch: Version, versions: Mapping[str, str], platform: Platform) -> str | None:
    """`cu124` or `cpu`, or None where neither the wheel nor what it needs tells."""
    if torch.local is not None:
        return torch.local
    if platform in (Platform.OSX_ARM64, Platform.WIN_64):
        return CPU
    runtime = _runtime(versions)
    if runtime is not None:
        return facts.variant_of(runtime)
    return _silent_variant(torch.public, platform)


def _runtime(versions: Mapping[str, str]) -> str | None:
    """Major and minor of the CUDA runtime among `versions`: of 12.4.127 it is 12.4."""
    pinned = (version for name, version in versions.items() if _RUNTIME.fullmatch(name))
    return next((".".join(version.split(".")[:2]) for version in pinned), None)


def _silent_variant(torch: str, platform: Platform) -> str | None:
    """A Linux wheel that pulls in no CUDA: on x86_64 the default one if the facts know that it carries its
    libraries inside, else a build of whoever made it; elsewhere a CPU build."""
    if platform is not Platform.LINUX_64:
        return CPU
    default = facts.default_variant(torch)
    build = None if default is None else facts.build(torch, default)
    return default if build is not None and build.bundled else None


def _cuda(variant: str) -> str | None:
    if variant == CPU:
        return CPU
    return facts.cuda_of(variant) if _LOCAL_CUDA.fullmatch(variant) else None


def _pin(versions: Mapping[str, str], stem: str, variant: str | None) -> str | None:
    """`nvidia-cudnn-cu12` where the variant is `cu124`; newer wheels have no suffix."""
    match = _LOCAL_CUDA.fullmatch(variant or "")
    names = (f"{stem}-cu{match.group(1)}", stem) if match else ()
    return next((versions[name] for name in names if name in versions), None)


def check_build(stack: Stack, asked: str, *, platform: Platform, where: str) -> None:
    """Raise WrongBuild where `stack` holds torch with another CUDA than `asked`."""
    if stack.torch is None or asked in (AUTO, stack.cuda):
        return
    message = f"{_spoken(asked)} is asked for on {platform}, and torch {stack.torch} {_came(stack)}"
    exists = _existing(stack.torch)
    hint = f"ask for a CUDA that torch {stack.torch} exists with, or for another torch"
    rows = [("asked by", f'{where} = "{asked}"'), ("came", _wheel(stack)), *exists]
    raise WrongBuild(message, where=where, hint=hint, facts=rows)


def _spoken(cuda: str) -> str:
    return "a CPU build" if cuda == CPU else f"CUDA {cuda}"


def _came(stack: Stack) -> str:
    match stack.cuda:
        case None:
            return "does not tell its CUDA"
        case "cpu":
            return "is a CPU build"
        case cuda:
            return f"is built for CUDA {cuda}"


def _wheel(stack: Stack) -> str:
    return f"torch {stack.torch}" if stack.variant is None else f"torch {stack.torch} ({stack.variant})"


def _existing(torch: str) -> list[tuple[str, str]]:
    builds = [_spoken_build(build.cuda, torch) for build in facts.builds(torch)]
    return [("exists", f"{torch} with {', '.join(builds)}")] if builds else []


def _spoken_build(cuda: str, torch: str) -> str:
    default = facts.default_variant(torch)
    return f"{cuda} (default)" if default is not None and facts.variant_of(cuda) == default else cuda
