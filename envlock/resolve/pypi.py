"""Manifest -> pins, with uv or with pip-tools. One platform at a time; several run side by side.

1  plan     which build of torch, from which index, so that its CUDA is the one asked for
2  ask      the engine for all pins, again while something must be said that only the answer shows:
            a distribution that has to come from a named index, an index without upload times
3  choose   the one wheel per distribution that this platform takes
4  judge    the CUDA that came against the one asked for
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envlock import stack
from envlock.errors import NoSolution
from envlock.manifest.model import AUTO
from envlock.manifest.platforms import Platform
from envlock.resolve.choose import choose_wheels
from envlock.resolve.indexes import index_url
from envlock.resolve.model import DEFAULT_INDEX, PYTORCH_INDEX, Engine, Pin, PlatformResolution
from envlock.resolve.refusal import mentioned, refusal
from envlock.resolve.request import Request
from envlock.resolve.stack import TORCH, check_build, read_stack
from envlock.resolve.torch_build import Plan, Wish, needs_time_limit, plans
from envlock.resolve.uv_compile import Answer, Indexes, Question, ask

_TORCH = canonicalize_name(TORCH)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """What uv has to be told beside the manifest; it grows from one run to the next.

    `extra`: distributions asked for by name only so that their index can be said. `undated`: those
    that `exclude_newer` cannot judge, for want of upload times.
    """

    extra: frozenset[NormalizedName] = frozenset()
    undated: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settled:
    pins: Mapping[NormalizedName, Pin]
    told: _Told


def resolve_platforms(requests: Iterable[Request]) -> tuple[PlatformResolution, ...]:
    """Resolve the platforms side by side; the first failure, in their order, is raised."""
    wanted = tuple(requests)
    with ThreadPoolExecutor(max(1, len(wanted))) as pool:
        return tuple(pool.map(resolve_platform, wanted))


def resolve_platform(request: Request) -> PlatformResolution:
    """Resolve one platform. Raises NoSolution and its kin, SourceFailed, ToolFailed."""
    _refuse_unmet(request)
    if _TORCH in request.provided:
        return _resolution(request, _settle(request, Plan(), _Told()), ())
    if _TORCH in request.names() or request.cuda == AUTO:
        return _by_plans(request, _Told())
    settled = _settle(request, Plan(), _Told())
    if _TORCH in settled.pins:
        # torch comes by way of another distribution: ask for it by name, so that its index can be said.
        return _by_plans(request, _Told(extra=frozenset({_TORCH})))
    silent = request.platform is Platform.OSX_ARM64
    note = f"{request.platform}: nothing needs torch, so `cuda` decides nothing"
    return _resolution(request, settled, () if silent else (note,))


def _refuse_unmet(request: Request) -> None:
    """Raise NoSolution for requirements of what conda brings in another version."""
    unmet = request.unmet()
    if not unmet:
        return
    name = canonicalize_name(unmet[0].requirement.name)
    raise NoSolution(
        f"`{unmet[0].requirement}` is asked for, and conda brings {name} {request.provided[name]}"
        f" on {request.platform}",
        where=request.where,
        hint=f"ask for a `{name}` that fits in `packages` of [tool.envlock.conda], or change the requirement",
        facts=[("asked by", f"{row.origin}: {row.requirement}") for row in unmet],
    )


def _by_plans(request: Request, told: _Told) -> PlatformResolution:
    """Follow the plans in turn; where all fail, the best one's failure is told."""
    wish = _wish(request)
    failures: list[NoSolution] = []
    for plan in plans(wish):
        try:
            return _follow(request, plan, told, wish)
        except NoSolution as failed:
            failures.append(failed)
    raise failures[0]


def _follow(request: Request, plan: Plan, told: _Told, wish: Wish) -> PlatformResolution:
    settled = _settle(request, plan, told)
    resolution = _resolution(request, settled, _undated_notes(settled.told, wish))
    found = read_stack(resolution.versions, request.platform)
    check_build(found, request.cuda, platform=request.platform, where=request.cuda_origin)
    return resolution


def _resolution(request: Request, settled: _Settled, notes: tuple[str, ...]) -> PlatformResolution:
    chosen = choose_wheels(request, settled.pins)
    extra = settled.told.extra
    return PlatformResolution(platform=request.platform, chosen=chosen, extra=extra, notes=notes)


def _wish(request: Request) -> Wish:
    wish = Wish(
        platform=request.platform,
        cuda=request.cuda,
        specifier=request.specifier(_TORCH),
        where=request.cuda_origin,
        pinned=request.pinned.get(TORCH),
    )
    return replace(wish, newest=_newest_torch(request, wish)) if needs_time_limit(wish) else wish


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


def _settle(request: Request, plan: Plan, told: _Told) -> _Settled:
    """Ask until there is nothing more to tell. Each round tells at least one thing more."""
    routes = _routes(request, plan)
    while True:
        answer = _answered(request, _question(request, plan, routes, told))
        more = _to_tell(request, answer, routes, told)
        if more == told:
            break
        told = more
    if answer.pins is None:
        raise refusal(request, answer.outcome, plan.constraints)
    return _Settled(pins=answer.pins, told=told)


def _answered(request: Request, question: Question) -> Answer:
    if request.engine is Engine.UV:
        return ask(question, request.environment)
    from envlock.resolve import pip_tools

    return pip_tools.ask(question, request.environment)


def _routes(request: Request, plan: Plan) -> dict[NormalizedName, str]:
    """Which distribution has to come from which named index; what the manifest says comes first."""
    pytorch = stack.pytorch_index_distributions() if plan.index == PYTORCH_INDEX else ()
    routes = {canonicalize_name(name): PYTORCH_INDEX for name in pytorch}
    routes.update(request.manifest.index_of)
    return {name: index for name, index in routes.items() if index != DEFAULT_INDEX}


def _question(request: Request, plan: Plan, routes: Mapping[NormalizedName, str], told: _Told) -> Question:
    known = request.names() | told.extra
    used = {name: index for name, index in routes.items() if name in known - request.provided.keys()}
    sources = request.manifest.sources
    return Question(
        target=request.target,
        indexes=Indexes(
            default=sources.get(DEFAULT_INDEX),
            named={index: index_url(index, sources, plan.variant) for index in used.values()},
            routes=used,
        ),
        requirements=(*(str(row.requirement) for row in request.asked()), *sorted(told.extra)),
        constraints=(*(str(row.requirement) for row in request.constraints()), *plan.constraints),
        exclude_newer=request.exclude_newer,
        undated=told.undated,
        preferences={name: pin for name, pin in request.pinned.items() if name not in request.provided},
        provided=request.provided,
        refresh=request.refresh,
    )


def _to_tell(request: Request, answer: Answer, routes: Mapping[NormalizedName, str], told: _Told) -> _Told:
    """What the answer shows that uv was not told."""
    # A run may fail for want of what only a named index has.
    seen = mentioned(answer.outcome, routes) if answer.pins is None else frozenset(answer.pins)
    unrouted = (seen & routes.keys()) - request.names() - told.extra - request.provided.keys()
    if unrouted:
        return replace(told, extra=told.extra | unrouted)
    undated = answer.undated if answer.pins is None else frozenset[NormalizedName]()
    return replace(told, undated=told.undated | undated)


def _undated_notes(told: _Told, wish: Wish) -> tuple[str, ...]:
    if not told.undated:
        return ()
    names = ", ".join(f"`{name}`" for name in sorted(told.undated))
    held = "" if wish.newest is None else f"; torch is held at {wish.newest}, the newest of that day"
    return (f"{wish.platform}: no upload times for {names}, so `exclude-newer` passes them{held}",)
