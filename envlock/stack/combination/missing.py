"""Why nothing is what is asked for."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence

from packaging.version import Version

from envlock.stack.builds import Build, builds, is_complete, torch_versions
from envlock.stack.combination.model import Combination, Reason, TorchAsked, Verdict, fits
from envlock.stack.combination.releases import (
    PINS,
    admits,
    admitted_builds,
    admitted_releases,
    axis_name,
    fit,
    is_default,
    missed,
)
from envlock.stack.combination.spoken import (
    called,
    cuda_called,
    pythons_called,
    releases_with_cuda,
    runs,
    sources_of,
    variants_of,
)
from envlock.stack.facts import DATA_VERSION
from envlock.stack.sources import Source
from envlock.stack.variants import CPU


def why_not(asked: Combination) -> Iterator[Reason]:
    """Why nothing is what is asked for."""
    some = admitted_builds(asked)
    if asked.torch is not None and asked.torch.other_variant is not None:
        yield _other_variant(asked.torch)
        return
    if asked.torch is not None and not admitted_releases(asked.torch):
        yield _no_release(asked.torch)
        return
    if not some:
        yield _no_build(asked)
    closest = _closest(asked, some)
    for name in PINS:
        if closest is not None and fit(asked, closest).get(name) is False:
            yield _has_not(asked, closest, name)


def _other_variant(torch: TorchAsked) -> Reason:
    message = f"the facts are about builds for CUDA and the CPU, and say nothing of `{torch.other_variant}`"
    return Reason(about="torch", verdict=Verdict.UNKNOWN, message=message)


def _closest(asked: Combination, some: Sequence[Build]) -> Build | None:
    """The build to measure the rest of the question by: it misses least."""
    among = some or tuple(
        each for each in builds() if asked.torch is not None and admits(asked.torch, each.torch)
    )
    rows = sorted(among, key=lambda each: (Version(each.torch), is_default(each)), reverse=True)
    return min(rows, key=lambda each: (each.cuda == CPU, len(missed(asked, each))), default=None)


def _no_release(torch: TorchAsked) -> Reason:
    first, last = torch_versions()[0], torch_versions()[-1]
    known = f"the facts of {DATA_VERSION} have {first} to {last}"
    if not _lies_between(torch, first, last):
        message = f"whether there is a PyTorch for `{torch.text}` is not in the facts"
        return Reason(about="torch", verdict=Verdict.UNKNOWN, message=message, hint=known)
    message = f"no PyTorch that is `{torch.text}` was published by {DATA_VERSION}"
    return Reason(
        about="torch",
        verdict=Verdict.NEVER_PUBLISHED,
        message=message,
        sources=_neighbours(torch),
        hint=known,
    )


# Releases before those of the facts, and one after them: a range that admits one is not theirs to judge.
_BEYOND = ("0.4.1", *(f"1.{minor}.{patch}" for minor in range(14) for patch in range(3)), "99.0.0")


def _lies_between(torch: TorchAsked, first: Version, last: Version) -> bool:
    """Can the facts know that there is none? They have final releases from the first to the last."""
    if torch.exact is None:
        return not any(torch.specifier.contains(each, prereleases=True) for each in _BEYOND)
    version = Version(torch.exact)
    return not version.is_prerelease and not version.is_postrelease and first < version < last


def _neighbours(torch: TorchAsked) -> tuple[Source, ...]:
    """Who says which releases there are around the one that there is not."""
    place = bisect(torch_versions(), Version(torch.exact)) if torch.exact else len(torch_versions())
    around = map(str, torch_versions()[max(0, place - 1) : place + 1])
    return sources_of(each for version in around for each in builds(version) if is_default(each))


def _no_build(asked: Combination) -> Reason:
    """No build of that PyTorch for that CUDA; without a PyTorch, none at all for it."""
    cuda = asked.cuda or ""
    if asked.torch is None:
        message = f"no PyTorch is known to be built for {cuda_called(cuda)}"
        known = f"the facts of {DATA_VERSION} have {', '.join(_cudas())}"
        return Reason(about="cuda", verdict=Verdict.UNKNOWN, message=message, hint=known)
    releases = admitted_releases(asked.torch)
    complete = all(map(is_complete, releases))
    name = releases[0] if len(releases) == 1 else runs(releases)
    was = "was never built" if complete else "is not known to be built"
    exists = [f"there is {variants_of(releases[-1])}"] if len(releases) == 1 else []
    return Reason(
        about="cuda",
        verdict=Verdict.NEVER_PUBLISHED if complete else Verdict.UNKNOWN,
        message=f"PyTorch {name} {was} for {cuda_called(cuda)}",
        sources=sources_of(each for torch in releases for each in builds(torch)),
        hint=" · ".join([*exists, releases_with_cuda(cuda)]),
    )


def _cudas() -> list[str]:
    return sorted({each.cuda for each in builds() if each.cuda != CPU}, key=Version)


def _has_not(asked: Combination, closest: Build, name: str) -> Reason:
    wanted = getattr(asked, name)
    return Reason(
        about=name,
        verdict=Verdict.NEVER_PUBLISHED,
        message=_has_another(closest, name, wanted),
        sources=sources_of([closest]),
        hint=_where_it_is(name, wanted),
    )


def _has_another(closest: Build, name: str, wanted: str) -> str:
    if name == "python":
        return (
            f"{called(closest)} has no wheel for Python {wanted}, but for {pythons_called(closest.pythons)}"
        )
    if closest.cuda == CPU:
        return f"{called(closest)} has no {axis_name(name)}"
    return f"{called(closest)} has {axis_name(name)} {getattr(closest, name)}, not {wanted}"


def _where_it_is(name: str, wanted: str) -> str:
    if name == "python":
        found = runs(each.torch for each in builds() if wanted in each.pythons)
        return f"Python {wanted} with {found or 'no PyTorch that is known'}"
    rows = [each for each in builds() if (has := getattr(each, name)) and fits(wanted, has)]
    return (
        f"{axis_name(name)} {wanted} with {runs(each.torch for each in rows) or 'no PyTorch that is known'}"
    )
