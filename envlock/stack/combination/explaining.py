"""A combination -> its explanation: published or not, runs or not, and what is nearest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.version import Version

from envlock.stack.builds import Build, build
from envlock.stack.code import LibraryCode
from envlock.stack.combination.existing import reasons_of
from envlock.stack.combination.libraries import Floor, floors_of, highest
from envlock.stack.combination.missing import why_not
from envlock.stack.combination.model import (
    Combination,
    Explanation,
    LockedStack,
    Real,
    Reason,
    Verdict,
    exactly,
    worst,
)
from envlock.stack.combination.nearest import nearest, real, will_run
from envlock.stack.combination.parsing import PYTORCH_IMAGE, TORCH
from envlock.stack.combination.releases import admitted_builds, lacks_nothing
from envlock.stack.combination.running import Code, code_of, host_reasons
from envlock.stack.combination.spoken import called, sources_of
from envlock.stack.combination.tags import image_reasons, with_image
from envlock.stack.variants import CPU


def explain(asked: Combination) -> Explanation:
    """Does a combination exist, and will it run where it is to run? Without a CUDA, the default wheel of a
    PyTorch is judged, unless what else is asked for is in another of its builds only."""
    whole, images = with_image(asked), image_reasons(asked)
    aside = [*images, *_others(asked)]
    if aside and whole.torch is None and whole.cuda is None:
        return _answer(asked, aside, whole)
    choice = _choice(whole)
    judged = [] if choice is None else [*reasons_of(whole, choice), *host_reasons(whole, code_of(choice))]
    return _answer(asked, [*images, *(judged or why_not(whole)), *_others(asked)], whole, choice)


def _answer(
    asked: Combination, reasons: Sequence[Reason], whole: Combination, choice: Build | None = None
) -> Explanation:
    verdict = worst(reasons)
    stands = verdict is Verdict.EXISTS and choice is not None
    lists_all = stands and asked.torch is None and asked.image is None
    found = _all_that_run(whole) if lists_all else [choice] if stands and choice is not None else None
    return Explanation(
        asked=asked,
        verdict=verdict,
        reasons=tuple(reasons),
        nearest=_nearest(whole) if found is None else tuple(real(each, whole) for each in found),
        lists_all=lists_all,
    )


def _nearest(asked: Combination) -> tuple[Real, ...]:
    """Nothing is near to an image or a requirement that is of another project."""
    is_pytorch = asked.image is not None and asked.image.repository == PYTORCH_IMAGE
    return nearest(asked) if is_pytorch or asked.names_stack or asked.names_host else ()


def _all_that_run(asked: Combination) -> list[Build]:
    """Every build that is what is asked for and runs; CPU builds only where they are asked for."""
    fitting = [each for each in lacks_nothing(asked, admitted_builds(asked)) if will_run(asked, each)]
    return [each for each in fitting if asked.cuda == CPU or each.cuda != CPU]


def _choice(asked: Combination) -> Build | None:
    """The build that is judged: the newest that is what is asked for, and runs where one does."""
    if asked.torch is not None and asked.torch.other_variant is not None:
        return None
    fitting = lacks_nothing(asked, admitted_builds(asked))
    if asked.cuda is None:
        fitting = tuple(each for each in fitting if each.cuda != CPU)
    if asked.cuda is None and asked.torch is not None:
        # the first of a release: its default wheel, unless that is not what else is asked for
        fitting = tuple({each.torch: each for each in reversed(fitting)}.values())[::-1]
        fitting = tuple(sorted(fitting, key=lambda each: Version(each.torch), reverse=True))
    running = (each for each in fitting if will_run(asked, each))
    return next(running, next(iter(fitting), None))


def _others(asked: Combination) -> Iterator[Reason]:
    for text in asked.other_requirements:
        name = Requirement(text).name
        yield Reason(
            about=name,
            verdict=Verdict.UNKNOWN,
            message=f"the facts are about torch, and say nothing of `{text}`",
            hint=f"`envlock lock` resolves it, and `envlock explain --why {name}` tells what came of it",
        )


# The lock at hand


def explain_locked(asked: Combination, stacks: Sequence[LockedStack]) -> Explanation:
    """Will locked stacks run under the driver and on the GPU that are asked about?"""
    codes = [_locked_code(stack) for stack in stacks]
    found = [reason for code in codes for reason in host_reasons(asked, code)]
    reasons = tuple(dict.fromkeys(found)) or (_nothing_locked(),)
    verdict = worst(reasons)
    if verdict is Verdict.WILL_NOT_RUN:
        reasons = (*reasons, *_newest(asked, stacks))
    return Explanation(
        asked=asked,
        verdict=verdict,
        reasons=reasons,
        nearest=() if verdict is Verdict.EXISTS else _in_place_of(asked, stacks),
    )


def _newest(asked: Combination, stacks: Iterable[LockedStack]) -> Iterator[Reason]:
    """The newest PyTorch that runs there, which may be far from the locked one."""
    found = next(iter(_all_that_run(replace(asked, torch=None))), None)
    locked = {(stack.torch, stack.variant) for stack in stacks}
    if found is not None and (found.torch, found.variant) not in locked:
        yield Reason(
            about="torch",
            verdict=Verdict.NOTE,
            message=f"the newest that is known to run there is {called(found)}",
            sources=sources_of([found]),
            hint=f'`requirements = ["torch=={found.torch}"]`, `cuda = "{found.cuda}"`, then `envlock lock`',
        )


def _in_place_of(asked: Combination, stacks: Iterable[LockedStack]) -> tuple[Real, ...]:
    """What is nearest to the locked PyTorch and runs."""
    torch = next((stack.torch for stack in stacks if stack.cuda != CPU), None)
    return () if torch is None else nearest(replace(asked, torch=exactly(torch)))


def _nothing_locked() -> Reason:
    message = "the lock holds no PyTorch: nothing in it is known to need a driver or a GPU"
    hint = "`envlock explain torch` with the same options tells which PyTorch runs there"
    return Reason(about="torch", verdict=Verdict.UNKNOWN, message=message, hint=hint)


def _locked_code(stack: LockedStack) -> Code:
    known = build(stack.torch, stack.variant) if stack.variant else None
    wheel = next((each for each in stack.wheels if each.name == TORCH), None)
    main = None if wheel is None else wheel.main
    sources = sources_of([known] if known is not None else [])
    return Code(
        called=f"the locked PyTorch {stack.torch} on {stack.platform}",
        cuda=stack.cuda,
        archs=stack.archs or (() if main is None else _of_kind("sm_", main.whole)),
        ptx=_ptx(main) if main is not None else known.ptx if known is not None else None,
        floor=stack.driver,
        sources=sources or (() if wheel is None else wheel.sources),
        glibc=highest(_floors(stack)),
        whole=f"the lock for {stack.platform}",
        wheels=stack.wheels,
    )


def _ptx(main: LibraryCode) -> str | None:
    """The oldest PTX that every part of the library has: it makes code for most GPUs."""
    return next((each for each in _of_kind("compute_", main.whole) if each[-1].isdigit()), None)


def _of_kind(prefix: str, codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(code for code in codes if code.startswith(prefix))


def _floors(stack: LockedStack) -> Iterator[Floor]:
    for wheel in stack.wheels:
        yield from floors_of(wheel)
    for version, file in stack.tags:
        yield Floor(version=version, by=f"the tag of {file}")
