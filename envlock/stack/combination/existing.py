"""What a build is of all that is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.stack.builds import Build
from envlock.stack.combination.model import Combination, Reason, Verdict
from envlock.stack.combination.releases import PINS, admitted_releases, axis_name, fit, is_default
from envlock.stack.combination.spoken import called, sources_of, variants_of


def reasons_of(asked: Combination, choice: Build) -> Iterator[Reason]:
    """Each thing that is asked for and that the build is, or may be."""
    default = ", the default wheel of that release" if is_default(choice) else ""
    unadvertised = "; the official matrix does not name it" if choice.unadvertised else ""
    told = f"{called(choice)} was published{default}{unadvertised}"
    others = f"there is {variants_of(choice.torch)}" if asked.cuda is None else None
    sources = sources_of([choice])
    yield Reason(about="torch", verdict=Verdict.EXISTS, message=told, sources=sources, hint=others)
    known = fit(asked, choice)
    for name in PINS:
        if name in known:
            yield _has(asked, choice, name) if known[name] else _may_have(choice, name)
    yield from _newer(asked, choice)


def _has(asked: Combination, choice: Build, name: str) -> Reason:
    has = asked.python if name == "python" else getattr(choice, name)
    verb = "has a wheel for" if name == "python" else "has"
    message = f"it {verb} {axis_name(name)} {has}"
    return Reason(about=name, verdict=Verdict.EXISTS, message=message, sources=sources_of([choice]))


def _may_have(choice: Build, name: str) -> Reason:
    thing = "for which Pythons it has wheels" if name == "python" else f"which {axis_name(name)} it has"
    message = f"{thing} is not in the facts"
    return Reason(about=name, verdict=Verdict.UNKNOWN, message=message, sources=sources_of([choice]))


def _newer(asked: Combination, choice: Build) -> Iterator[Reason]:
    """A range alone takes the newest release, which may not be the one that was found."""
    if asked.torch is None or asked.torch.exact is not None:
        return
    newest = admitted_releases(asked.torch)[-1]
    if newest != choice.torch:
        yield Reason(
            about="torch",
            verdict=Verdict.NOTE,
            message=f"`{asked.torch.text}` alone takes {newest}, which is not what else is asked for",
            hint=f"ask for `torch=={choice.torch}`",
        )
