"""What the facts say of a stack that a repository asks for in its own words: what fits, and what was never
published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.version import Version

from envlock.stack.builds import builds, default_variant, is_complete, torch_versions, versions_with
from envlock.stack.pythons import default_python, pythons
from envlock.stack.variants import CPU
from envlock.stack.why_not import no_such_build

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


def newest_torch(asked: SpecifierSet | None, cuda: str | None = None) -> str | None:
    """The newest release that is known and that `asked` admits, with a build for `cuda` where any has one.

    None: torch is not asked for, or no such release is known.
    """
    if asked is None:
        return None
    fitting = [str(version) for version in torch_versions() if _admits(asked, str(version))]
    built = [each for each in fitting if cuda is not None and each in versions_with(cuda)]
    return next(iter((built or fitting)[-1:]), None)


def _admits(asked: SpecifierSet, version: str) -> bool:
    """Whether the release `version` is asked for, as `2.1.0` or as `2.1.0+cu118`."""
    named = [clause.version for clause in asked if clause.operator == "==" and "+" in clause.version]
    spelled = next((each for each in named if each.partition("+")[0] == version), version)
    return asked.contains(spelled)


def python_choices(torch: str | None) -> tuple[str, ...]:
    """The series of Python (`3.11`) in the order in which to take them where several will do.

    First the one that `envlock lock` takes by itself, then others that have wheels of `torch`, newest
    first, then all that are known.
    """
    first = default_python(torch)
    mine = [] if torch is None else _series_of(torch)
    every = {".".join(each.split(".")[:2]) for each in pythons()}
    rest = sorted((each for each in every if each not in mine), key=Version, reverse=True)
    older = [each for each in rest if Version(each) < Version(first)]
    newer = [each for each in rest if Version(each) > Version(first)]
    return tuple(dict.fromkeys((first, *mine, *older, *newer)))


def _series_of(torch: str) -> list[str]:
    default = default_variant(torch)
    found = {each for build in builds(torch) if build.variant == default for each in build.pythons}
    known = [each for each in found if not each.endswith("t") and pythons(each)]
    return sorted(known, key=Version, reverse=True)


def doubts(asked: SpecifierSet | None, cuda: str | None) -> tuple[str, ...]:
    """What is to be said of torch with `cuda`, before anybody tries to lock it. None: no CUDA is named."""
    return tuple(_doubts(asked, cuda))


def _doubts(asked: SpecifierSet | None, cuda: str | None) -> Iterator[str]:
    if asked is None:
        return
    torch, oldest = newest_torch(asked), torch_versions()[0]
    if torch is None and _is_older(asked, oldest):
        had = "had" if cuda is None else f"had for {_spoken(cuda)}"
        yield (
            f"PyTorch {_text(asked)} is older than what is known here ({oldest} and later): whether it can "
            f"still be {had} is seen when it is locked"
        )
        return
    if torch is None or cuda is None or any(_admits(asked, each) for each in versions_with(cuda)):
        return
    if any(_admits(asked, str(each)) and not is_complete(str(each)) for each in torch_versions()):
        return
    fault = no_such_build(torch, cuda)
    exists = dict(fault.facts).get("exists")
    yield "; ".join(part for part in (fault.message, exists, fault.hint) if part)


def _is_older(asked: SpecifierSet, oldest: Version) -> bool:
    named = [clause.version.removesuffix(".*") for clause in asked if clause.operator != "!="]
    return bool(named) and all(Version(each) < oldest for each in named)


def _text(asked: SpecifierSet) -> str:
    """`1.13.1` where that is pinned, else the specifier."""
    text = str(asked)
    return text.lstrip("=") if len(asked) == 1 and text.startswith("==") else text


def _spoken(cuda: str) -> str:
    return "the CPU" if cuda == CPU else f"CUDA {cuda}"
