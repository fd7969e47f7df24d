"""Why there are no pins: uv's explanation retold, with the requirements that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging.utils import NormalizedName, canonicalize_name

from envlock.errors import EnvlockError, NoSolution, NoWheel
from envlock.resolve.request import Request
from envlock.resolve.uv import Outcome, explanation, failure

_WORD = re.compile(r"[A-Za-z0-9][\w.-]*")
_FOUND_FOR = "with the following Python"
_PYTHON_TAG = re.compile(r"`cp3(\d+)`")
_WITHOUT_WHEEL = re.compile(
    r"Because (?:all versions of |only )?(?P<name>[\w.-]+?)(?:\[[^]]*\])?(?:\{[^}]*\})?"
    r"(?:==(?P<version>[^ ]+))? ha(?:s|ve) no (?:usable wheels|wheels with)"
)


def refusal(request: Request, outcome: Outcome, by_cuda: tuple[str, ...]) -> EnvlockError:
    """The error for a run of uv that gave no pins; `by_cuda` are constraints that `cuda` brought in."""
    failed = failure(outcome, where=request.where)
    if not isinstance(failed, NoSolution):
        return failed
    facts = (*failed.facts, *_askers(request, outcome, by_cuda))
    without = _WITHOUT_WHEEL.search(" ".join(outcome.stderr.split()))
    if without is None:
        return NoSolution(failed.message, where=request.where, hint=failed.hint, facts=facts)
    return _no_wheel(request, without, facts)


def mentioned(outcome: Outcome, names: Iterable[NormalizedName]) -> frozenset[NormalizedName]:
    """Those of `names` that uv speaks of."""
    message, causes, hints = explanation(outcome.stderr)
    words = _WORD.findall(" ".join((message, *causes, *hints)))
    return frozenset(map(canonicalize_name, words)).intersection(names)


def _askers(request: Request, outcome: Outcome, by_cuda: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    spoken = mentioned(outcome, request.names())
    for row in (*request.asked(), *request.constraints()):
        if canonicalize_name(row.requirement.name) in spoken:
            yield "asked by", f"{row.origin}: {row.requirement}"
    there = mentioned(outcome, request.provided)
    yield from (("from conda", f"{name} {request.provided[name]}") for name in sorted(there))
    if by_cuda:
        yield "asked by", f'{request.cuda_origin} = "{request.cuda}": {", ".join(by_cuda)}'


def _no_wheel(request: Request, without: re.Match[str], facts: tuple[tuple[str, str], ...]) -> NoWheel:
    name, version = without.group("name", "version")
    if "no usable wheels" in without.group():
        facts = (
            *(row for row in facts if row[0] != "uv says"),
            ("exists", "no wheel that fits, and a source distribution"),
        )
    shown = f"`{name}` {version}" if version else f"`{name}`"
    message = f"{shown} has no wheel for {request.spoken_target()}"
    hint = _python_hint(request, name, facts) or wheel_hint(request, name)
    return NoWheel(message, where=request.where, hint=hint, facts=facts)


def _python_hint(request: Request, name: str, facts: tuple[tuple[str, str], ...]) -> str | None:
    """Where only the Python is wrong: the newest one that the wheels are for."""
    said = next((text for label, text in facts if label == "uv says" and _FOUND_FOR in text), "")
    found = [int(minor) for minor in _PYTHON_TAG.findall(said.partition(_FOUND_FOR)[2])]
    if not found:
        return None
    key = f'`python = "3.{max(found)}"`'
    path = request.manifest.path
    if path.suffix not in (".txt", ".in"):
        return f"{key} in the manifest: `{name}` has wheels for it"
    return (
        f"`{name}` has wheels for Python 3.{max(found)}: "
        f'write an envlock.toml with {key} and `requirements-files = ["{path.name}"]`'
    )


def wheel_hint(request: Request, name: str) -> str:
    """What to do about a distribution that has no wheel."""
    if canonicalize_name(name) in request.manifest.allow_sdist:
        return f"`allow-sdist` builds nothing yet: build a wheel of `{name}` and name its index in `index-of`"
    return (
        f"ask for a version of `{name}` that has wheels, or for another `python`; "
        "or build one and name its index in `index-of`"
    )
