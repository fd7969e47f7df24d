"""Manifest -> pins, with uv. One platform at a time; several run side by side.

    1  plan     which build of torch, from which index, so that its CUDA is the one asked for
    2  ask      uv for all pins, again while something must be said that only the answer shows:
                a distribution that has to come from a named index, an index without upload times
    3  choose   the one wheel per distribution that this platform takes
    4  judge    the CUDA that came against the one asked for
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envlock import stack
from envlock.errors import EnvlockError, NoSolution, NoWheel
from envlock.manifest.model import AUTO, Asked, Manifest
from envlock.manifest.platforms import Platform
from envlock.resolve.graph import applies, marker_environment
from envlock.resolve.indexes import index_url
from envlock.resolve.model import DEFAULT_INDEX, PYTORCH_INDEX, Candidate, Chosen, Pin, PlatformResolution
from envlock.resolve.stack import TORCH, check_build, read_stack
from envlock.resolve.tags import best_wheel, series, supported_tags, tags_of
from envlock.resolve.torch_build import Plan, Wish, needs_time_limit, plans
from envlock.resolve.uv import Environment, explanation, failure
from envlock.resolve.uv_compile import Answer, Indexes, Question, Target, ask

_WITHOUT_WHEEL = re.compile(r"Because (?:all versions of )?([\w.-]+)(?:\[[^]]*\])?(?:==(\S+))? ha(?:s|ve) no "
                            r"(?:usable wheels|wheels with)")
_TORCH = canonicalize_name(TORCH)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to resolve, and the pins (name -> version) that stay where they still fit."""

    manifest: Manifest
    platform: Platform
    environment: Environment
    pinned: Mapping[str, str] = field(default_factory=dict)
    exclude_newer: str | None = None
    refresh: bool = False

    @property
    def target(self) -> Target:
        return Target(platform=self.platform, python=self.manifest.python, glibc=self.manifest.glibc)

    @property
    def cuda(self) -> str:
        return self.manifest.cuda[self.platform]

    @property
    def cuda_origin(self) -> str:
        """Where the manifest says `cuda`, as an error names it."""
        name = self.manifest.path.name
        return f"{name}, {'tool.envlock.cuda' if name == 'pyproject.toml' else 'cuda'}"

    def asked(self) -> tuple[Asked, ...]:
        """The requirements that hold on this platform."""
        markers = marker_environment(self.platform, self.manifest.python)
        return tuple(row for row in self.manifest.requirements if applies(row.requirement, markers))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """What uv has to be told beside the manifest; it grows from one run to the next."""

    extra: frozenset[NormalizedName] = frozenset()
    undated: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settled:
    pins: Mapping[NormalizedName, Pin]
    told: _Told


def resolve_platform(request: Request) -> PlatformResolution:
    """Resolve one platform. Raises NoSolution and its kin, SourceFailed, ToolFailed."""
    if _names_torch(request) or request.cuda == AUTO:
        return _by_plans(request)
    found = _settled(request, Plan())
    if _TORCH not in found.pins:
        note = f"{request.platform}: nothing needs torch, so `cuda` decides nothing"
        notes = () if request.platform is Platform.OSX_ARM64 else (note,)
        return _chosen(request, found, notes)
    # torch comes by way of another distribution: ask for it by name, so that its index can be said.
    return _by_plans(request, frozenset({_TORCH}))


def _names_torch(request: Request) -> bool:
    return any(canonicalize_name(row.requirement.name) == _TORCH for row in request.asked())


def _by_plans(request: Request, extra: frozenset[NormalizedName] = frozenset()) -> PlatformResolution:
    """Try each plan; of several failures the first one, of the best plan, is told."""
    wish = _wish(request)
    failures: list[NoSolution] = []
    for plan in plans(wish):
        try:
            return _follow(request, plan, _Told(extra=extra), wish)
        except NoSolution as failed:
            failures.append(failed)
    raise failures[0]


def _follow(request: Request, plan: Plan, told: _Told, wish: Wish) -> PlatformResolution:
    settled = _settled(request, plan, told)
    resolution = _chosen(request, settled, _undated_notes(settled, wish))
    found = read_stack(resolution.versions, request.platform)
    check_build(found, request.cuda, platform=request.platform, where=request.cuda_origin)
    return resolution


def _wish(request: Request) -> Wish:
    wish = Wish(
        platform=request.platform,
        cuda=request.cuda,
        specifier=_torch_specifier(request),
        where=request.cuda_origin,
        pinned=request.pinned.get(TORCH),
    )
    return replace(wish, newest=_newest_torch(request, wish)) if needs_time_limit(wish) else wish


def _torch_specifier(request: Request) -> SpecifierSet:
    rows = (*request.asked(), *request.manifest.constraints)
    specifiers = [row.requirement.specifier for row in rows if canonicalize_name(row.requirement.name) == _TORCH]
    return SpecifierSet(",".join(str(specifier) for specifier in specifiers if str(specifier)))


def _newest_torch(request: Request, wish: Wish) -> Version | None:
    """The newest torch that the default index had at `exclude-newer`, or None: no such limit.

    The PyTorch index gives no upload times, so by itself it would not hold the date.
    """
    if request.exclude_newer is None:
        return None
    question = Question(
        target=request.target,
        indexes=Indexes(default=request.manifest.sources.get(DEFAULT_INDEX)),
        requirements=(f"torch{wish.specifier}",),
        exclude_newer=request.exclude_newer,
        with_dependencies=False,
    )
    pins = ask(question, request.environment).pins or {}
    return Version(pins[_TORCH].version) if _TORCH in pins else None


def _settled(request: Request, plan: Plan, told: _Told | None = None) -> _Settled:
    """Ask until there is nothing more to tell. Each round tells at least one thing more."""
    told = told or _Told()
    routes = _routes(request, plan)
    while True:
        answer = ask(_question(request, plan, routes, told), request.environment)
        more = _to_tell(request, answer, routes, told)
        if more == told:
            break
        told = more
    if answer.pins is None:
        raise _refusal(request, answer)
    return _Settled(pins=answer.pins, told=told)


def _routes(request: Request, plan: Plan) -> dict[NormalizedName, str]:
    """Which distribution has to come from which named index; what the manifest says comes first."""
    pytorch = stack.pytorch_index_distributions() if plan.index == PYTORCH_INDEX else ()
    routes = {canonicalize_name(name): PYTORCH_INDEX for name in pytorch}
    routes.update(request.manifest.index_of)
    return {name: index for name, index in routes.items() if index != DEFAULT_INDEX}


def _question(
    request: Request, plan: Plan, routes: Mapping[NormalizedName, str], told: _Told
) -> Question:
    asked = request.asked()
    known = {canonicalize_name(row.requirement.name) for row in asked} | told.extra
    used = {name: index for name, index in routes.items() if name in known}
    return Question(
        target=request.target,
        indexes=Indexes(
            default=request.manifest.sources.get(DEFAULT_INDEX),
            named={index: index_url(index, request.manifest.sources, plan.variant) for index in used.values()},
            routes=used,
        ),
        requirements=(*(str(row.requirement) for row in asked), *sorted(told.extra)),
        constraints=(*(str(row.requirement) for row in request.manifest.constraints), *plan.constraints),
        exclude_newer=request.exclude_newer,
        undated=told.undated,
        preferences=request.pinned,
        refresh=request.refresh,
    )


def _to_tell(
    request: Request, answer: Answer, routes: Mapping[NormalizedName, str], told: _Told
) -> _Told:
    """What the answer shows that uv was not told."""
    known = {canonicalize_name(row.requirement.name) for row in request.asked()} | told.extra
    seen = _mentioned(answer, routes) if answer.pins is None else frozenset(answer.pins)
    unrouted = (seen & routes.keys()) - known
    if unrouted:
        return replace(told, extra=told.extra | unrouted)
    undated = answer.undated if answer.pins is None else frozenset()
    return replace(told, undated=told.undated | undated)


def _mentioned(answer: Answer, names: Iterable[NormalizedName]) -> frozenset[NormalizedName]:
    """Of `names` those in uv's explanation: it may fail for want of what only a named index has."""
    words = {canonicalize_name(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*", answer.outcome.stderr)}
    return frozenset(words.intersection(names))


def _undated_notes(settled: _Settled, wish: Wish) -> tuple[str, ...]:
    if not settled.told.undated:
        return ()
    names = ", ".join(f"`{name}`" for name in sorted(settled.told.undated))
    held = "" if wish.newest is None else f"; torch is held at {wish.newest}, the newest of that day"
    return (f"{wish.platform}: no upload times for {names}, so `exclude-newer` passes them{held}",)


def _refusal(request: Request, answer: Answer) -> EnvlockError:
    """Why there are no pins, with the requirements that uv speaks of."""
    name = request.manifest.path.name
    failed = failure(answer.outcome, where=name)
    if not isinstance(failed, NoSolution):
        return failed
    facts = (*failed.facts, *_askers(request, answer))
    without = _WITHOUT_WHEEL.search(" ".join(answer.outcome.stderr.split()))
    if without:
        return _no_wheel(request, without.group(1), without.group(2), answer)
    return NoSolution(failed.message, where=name, hint=failed.hint, facts=facts)


def _askers(request: Request, answer: Answer) -> Iterable[tuple[str, str]]:
    spoken = _mentioned(answer, [canonicalize_name(row.requirement.name) for row in request.asked()])
    for row in (*request.asked(), *request.manifest.constraints):
        if canonicalize_name(row.requirement.name) in spoken:
            yield "asked by", f"{row.origin}: {row.requirement}"


def _no_wheel(request: Request, name: str, version: str | None, answer: Answer) -> NoWheel:
    shown = f"`{name}` {version}" if version else f"`{name}`"
    _, causes, hints = explanation(answer.outcome.stderr)
    facts = (*(("because", text) for text in causes), *(("uv says", text) for text in hints))
    message = f"{shown} has no wheel for {_spoken_target(request)}"
    return NoWheel(message, where=request.manifest.path.name, hint=_wheel_hint(request, name),
                   facts=(*facts, *_askers(request, answer)))


def _spoken_target(request: Request) -> str:
    glibc = f", glibc {'.'.join(map(str, request.manifest.glibc))}" if request.platform.is_linux else ""
    return f"{request.platform} with Python {request.manifest.python}{glibc}"


def _wheel_hint(request: Request, name: str) -> str:
    if canonicalize_name(name) in request.manifest.allow_sdist:
        return f"build the wheel of `{name}` once, serve it from an index of yours, name that in `index-of`"
    return f"ask for a version of `{name}` that has wheels, or build one and name its index in `index-of`"


def _chosen(request: Request, settled: _Settled, notes: tuple[str, ...]) -> PlatformResolution:
    hashes = _wanted_hashes(request)
    tags = supported_tags(request.platform, series(request.manifest.python), request.manifest.glibc)
    rows = []
    for name in sorted(settled.pins):
        pin = settled.pins[name]
        wheel = _choose(request, pin, hashes.get(name, frozenset()), tags)
        rows.append(Chosen(name=name, version=pin.version, index=pin.index, wheel=wheel))
    extra = settled.told.extra
    return PlatformResolution(platform=request.platform, chosen=tuple(rows), extra=extra, notes=notes)


def _wanted_hashes(request: Request) -> dict[NormalizedName, frozenset[str]]:
    """The sha256 values that the manifest restricts a distribution to."""
    wanted: dict[NormalizedName, frozenset[str]] = {}
    for row in (*request.asked(), *request.manifest.constraints):
        if row.hashes:
            name = canonicalize_name(row.requirement.name)
            wanted[name] = wanted.get(name, frozenset()) | {value.partition(":")[2] for value in row.hashes}
    return wanted


def _choose(request: Request, pin: Pin, hashes: frozenset[str], tags: tuple[Tag, ...]) -> Candidate:
    """The wheel that installers would take; among those with a hash that the manifest names, if any."""
    allowed = {each.file: each for each in pin.candidates if not hashes or each.sha256 in hashes}
    file = best_wheel(allowed, tags)
    if file is not None:
        return allowed[file]
    there = ("exists", ", ".join(tags_of(each.file for each in pin.candidates)) or "no wheel")
    if hashes and pin.candidates:
        message = f"no wheel of `{pin.name}` {pin.version} for {_spoken_target(request)} has a hash of the manifest"
        hint = f"write the hashes of `{pin.name}` {pin.version} anew, or ask for the version they belong to"
        raise NoWheel(message, where=request.manifest.path.name, hint=hint, facts=[there])
    message = f"`{pin.name}` {pin.version} has no wheel for {_spoken_target(request)}"
    raise NoWheel(message, where=request.manifest.path.name, hint=_wheel_hint(request, pin.name), facts=[there])
