"""The real combinations that are nearest to one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from packaging.version import InvalidVersion, Version

from envlock.manifest.platforms import Platform
from envlock.stack.builds import Build, builds, torch_versions
from envlock.stack.combination.model import Combination, Real, Verdict, worst
from envlock.stack.combination.releases import admits, fit, is_default
from envlock.stack.combination.running import code_of, host_reasons
from envlock.stack.drivers import driver_floor, toolkit_driver
from envlock.stack.gpus import find_gpu
from envlock.stack.images import image_tags
from envlock.stack.variants import CPU
from envlock.stack.why_not import cuda_distance

MOST = 4

# What one would rather keep. PyTorch itself is the last thing to give up, a patch of NCCL the first.
_WEIGHT = {"torch": 10, "python": 6, "cuda": 5, "cudnn": 2, "nccl": 1}

Sifted = Callable[[Build], bool]


def nearest(asked: Combination) -> tuple[Real, ...]:
    """Real combinations, the nearest first: the best for each choice of what to give up.

    All run on the driver and the GPU that are asked about; where an image is, all have one.
    """
    ranked = sorted(filter(partial(_is_choice, asked), builds()), key=partial(_rank, asked))
    return tuple(real(build, asked) for build in _best_of_each(asked, ranked))[:MOST]


def _is_choice(asked: Combination, build: Build) -> bool:
    if build.cuda == CPU and asked.cuda != CPU:
        return False
    if asked.image is not None and not _tags(build):
        return False
    return will_run(asked, build)


def will_run(asked: Combination, build: Build) -> bool:
    """Is it known to run on the driver and the GPU that are asked about? One that is not known counts for
    nothing."""
    known = replace(asked, gpu=None) if _is_unknown_gpu(asked) else asked
    reasons = host_reasons(known, code_of(build))
    return not reasons or worst(reasons) is Verdict.EXISTS


def _is_unknown_gpu(asked: Combination) -> bool:
    return asked.gpu is not None and find_gpu(asked.gpu) is None


def _best_of_each(asked: Combination, ranked: Iterable[Build]) -> Iterable[Build]:
    """One for each set of things that it misses; none that misses more than another and gains nothing."""
    taken: list[tuple[frozenset[str], float]] = []
    for build in ranked:
        gap, far = _given_up(asked, build), torch_distance(asked, build.torch)
        if not any(other <= gap and near <= far for other, near in taken):
            taken.append((gap, far))
            yield build


def _rank(asked: Combination, build: Build) -> tuple[object, ...]:
    weight = sum(_WEIGHT[name] for name in _given_up(asked, build))
    apart = cuda_distance(build.torch, build.cuda, asked.cuda) if asked.cuda else ()
    newest = -Version(build.torch).major, -Version(build.torch).minor, -Version(build.torch).micro
    cuda = float(build.cuda) if build.cuda != CPU else 0
    return weight, torch_distance(asked, build.torch), apart, newest, not is_default(build), -cuda


def _given_up(asked: Combination, build: Build) -> frozenset[str]:
    """What is asked for and the build is not known to be."""
    return frozenset(name for name, answer in fit(asked, build).items() if not answer)


def torch_distance(asked: Combination, torch: str) -> float:
    """How many releases lie between this one and what is asked for."""
    order = [str(version) for version in torch_versions()]
    if asked.torch is None:
        return 0
    fitting: list[float] = [order.index(each) for each in order if admits(asked.torch, each)]
    wanted = fitting or [_place(asked.torch.exact)]
    return min(abs(place - order.index(torch)) for place in wanted)


def _place(version: str | None) -> float:
    """Where a release would stand that the facts do not know: nearer to the one before it, a preview nearer
    to its release; at the end where none is named."""
    try:
        wanted = Version(version or "")
    except InvalidVersion:
        return len(torch_versions())
    before = 0.25 if wanted.is_prerelease else 0.75
    return sum(each < wanted for each in torch_versions()) - before


# As values


def real(build: Build, asked: Combination) -> Real:
    """A build with all that is known of it; images of the flavour that is asked for come first."""
    flavour = "devel" if asked.image is not None and "devel" in asked.image.tag else "runtime"
    return Real(
        torch=build.torch,
        cuda=build.cuda,
        variant=build.variant,
        is_default=is_default(build),
        cudnn=build.cudnn,
        nccl=build.nccl,
        triton=build.triton,
        pythons=build.pythons,
        images=tuple(sorted(_tags(build), key=lambda tag: not tag.endswith(flavour))),
        driver=driver_floor(build.cuda, Platform.LINUX_64),
        toolkit_driver=toolkit_driver(build.cuda),
        archs=build.archs,
        manifest={"requirements": [f"torch=={build.torch}"], "cuda": build.cuda},
    )


def _tags(build: Build) -> tuple[str, ...]:
    marker = f"{build.torch}-cuda{build.cuda}-"
    return tuple(tag for tag in image_tags(build.torch) if tag.startswith(marker))
