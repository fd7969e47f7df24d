"""How builds, releases and Pythons are said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from envlock.stack.builds import Build, builds, torch_versions
from envlock.stack.combination.model import fits
from envlock.stack.combination.releases import is_default
from envlock.stack.sources import Source, sources
from envlock.stack.variants import CPU

FILE = "torch_builds"


def called(build: Build) -> str:
    """`PyTorch 2.6.0 for CUDA 12.4`, `PyTorch 2.6.0 for the CPU`."""
    return f"PyTorch {build.torch} for {cuda_called(build.cuda)}"


def cuda_called(cuda: str) -> str:
    return "the CPU" if cuda == CPU else f"CUDA {cuda}"


def variants_of(torch: str) -> str:
    """`2.6.0 with 11.8, 12.4 (default), 12.6, cpu`."""
    return f"{torch} with {', '.join(_marked(build) for build in builds(torch))}"


def _marked(build: Build) -> str:
    if is_default(build):
        return f"{build.cuda} (default)"
    return f"{build.cuda} (not advertised)" if build.unadvertised else build.cuda


def releases_with_cuda(cuda: str) -> str:
    """`CUDA 12.1 with 2.1.0 to 2.5.1`."""
    found = runs(build.torch for build in builds() if fits(cuda, build.cuda))
    return f"{'CPU builds' if cuda == CPU else f'CUDA {cuda}'} with {found or 'no PyTorch'}"


def any_of(names: Sequence[str]) -> str:
    """`11.8, 12.4 or 12.6`; empty where there is none.

    >>> any_of(["11.8", "12.4", "12.6"]), any_of(["11.8"])
    ('11.8, 12.4 or 12.6', '11.8')
    """
    return " or ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def runs(versions: Iterable[str]) -> str:
    """`2.1.0 to 2.5.1, 2.7.0` for releases of which the first ones follow each other."""
    order = [str(version) for version in torch_versions()]
    places = sorted({order.index(version) for version in versions})
    return ", ".join(_run([order[place] for place in run]) for run in _following(places))


def _following(places: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for place in places:
        if run and place != run[-1] + 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _run(versions: Sequence[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"


def pythons_called(pythons: Sequence[str]) -> str:
    """`3.9 to 3.13, 3.13t`; free-threaded ones last.

    >>> pythons_called(("3.9", "3.10", "3.11", "3.13", "3.13t"))
    '3.9 to 3.11, 3.13, 3.13t'
    """
    minors = sorted(int(each.removeprefix("3.")) for each in pythons if not each.endswith("t"))
    ends = [(f"3.{run[0]}", f"3.{run[-1]}") for run in _following(minors)]
    joined = [first if first == last else f"{first} to {last}" for first, last in ends]
    return ", ".join([*joined, *(each for each in pythons if each.endswith("t"))])


def sources_of(some: Iterable[Build]) -> tuple[Source, ...]:
    """Who says that these builds exist, and what is in them; first who says it of most."""
    return sources(FILE, (name for name, _ in Counter(chain(*(each.sources for each in some))).most_common()))
