"""Which builds a combination admits, and what of it a build is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from packaging.version import Version

from envlock.stack.builds import Build, builds, default_variant, torch_versions
from envlock.stack.combination.model import Combination, TorchAsked, fits
from envlock.stack.variants import CPU

Fit: TypeAlias = bool | None  # None: the facts cannot tell

PINS = ("cudnn", "nccl", "python")


def admits(torch: TorchAsked, version: str) -> bool:
    """Does the requirement admit this release? A local version in it is about the CUDA, not the release."""
    if torch.exact is not None:
        return version == torch.exact
    return torch.specifier.contains(version, prereleases=True)


def admitted_releases(torch: TorchAsked) -> tuple[str, ...]:
    """The releases that a requirement admits and the facts know, ascending."""
    return tuple(text for text in map(str, torch_versions()) if admits(torch, text))


def admitted_builds(asked: Combination) -> tuple[Build, ...]:
    """The builds of the PyTorch and the CUDA that are asked for, the newest release first, its default
    wheel before its others."""
    found = [
        build for build in builds() if _torch(asked, build) is not False and _cuda(asked, build) is not False
    ]
    return tuple(sorted(found, key=_newest_first, reverse=True))


def _newest_first(build: Build) -> tuple[Version, bool, Version]:
    cuda = Version("0" if build.cuda == CPU else build.cuda)
    return Version(build.torch), is_default(build), cuda


def is_default(build: Build) -> bool:
    """Is it the wheel that the default index has under the bare version?"""
    return build.variant == default_variant(build.torch)


def fit(asked: Combination, build: Build) -> Mapping[str, Fit]:
    """For each thing that is asked for, whether the build is that."""
    return {name: answer(asked, build) for name, answer in AXES.items() if _is_asked(asked, name)}


def missed(asked: Combination, build: Build) -> frozenset[str]:
    """What is asked for and the build is known not to be."""
    return frozenset(name for name, answer in fit(asked, build).items() if answer is False)


def lacks_nothing(asked: Combination, some: Iterable[Build]) -> tuple[Build, ...]:
    """Those of the builds that are known or may be what is asked for; where none is known, those that may."""
    fitting = [build for build in some if not missed(asked, build)]
    known = [build for build in fitting if None not in fit(asked, build).values()]
    return tuple(known or fitting)


def _is_asked(asked: Combination, name: str) -> bool:
    return getattr(asked, name) is not None


def _torch(asked: Combination, build: Build) -> Fit:
    return None if asked.torch is None else admits(asked.torch, build.torch)


def _cuda(asked: Combination, build: Build) -> Fit:
    return None if asked.cuda is None else fits(asked.cuda, build.cuda)


def _cudnn(asked: Combination, build: Build) -> Fit:
    return _pin(asked.cudnn, build.cudnn, build)


def _nccl(asked: Combination, build: Build) -> Fit:
    return _pin(asked.nccl, build.nccl, build)


def _python(asked: Combination, build: Build) -> Fit:
    return asked.python in build.pythons if asked.python and build.pythons else None


def _pin(asked: str | None, has: str | None, build: Build) -> Fit:
    if asked is None or (has is None and build.cuda != CPU):
        return None
    return has is not None and fits(asked, has)


Axis: TypeAlias = Callable[[Combination, Build], Fit]
AXES: Mapping[str, Axis] = {
    "torch": _torch,
    "cuda": _cuda,
    "cudnn": _cudnn,
    "nccl": _nccl,
    "python": _python,
}


def axis_name(name: str) -> str:
    """An axis as it is said."""
    return {"cudnn": "cuDNN", "nccl": "NCCL", "python": "Python", "cuda": "CUDA", "torch": "PyTorch"}[name]
