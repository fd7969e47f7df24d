"""The conda part of a lock, wired: nothing of it is imported where the manifest asks for no conda."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envlock.errors import UsageFault
from envlock.resolve.model import CondaEngine, Event, OnEvent

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from envlock.api.locking import LockRequest
    from envlock.lock.foreign import ForeignLock
    from envlock.lock.model import CondaPackage, Lock
    from envlock.manifest import Manifest
    from envlock.resolve.conda.model import AdoptedPackage, CondaResolution
    from envlock.resolve.conda.resolve import Solver
    from envlock.resolve.resolution import Identities, Resolved


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaGiven:
    """From what the conda part of a lock is made: `foreign` is a lock to adopt."""

    request: LockRequest
    manifest: Manifest
    old: Lock | None
    foreign: ForeignLock | None
    environment: Mapping[str, str]


def conda_part(given: CondaGiven, on_event: OnEvent) -> CondaResolution | None:
    """Solve the conda packages, or take those of another tool's lock, and look into their archives."""
    from envlock.resolve.conda.resolve import CondaAsked, resolve_conda

    request, manifest = given.request, given.manifest

    counts, done = list[int](), itertools.count(1)
    return resolve_conda(
        CondaAsked(
            manifest=manifest,
            exclude_newer=request.exclude_newer or manifest.exclude_newer,
            pinned=_standing(request, given.old),
            adopted=_adopted(request, manifest, given.foreign),
            solver=_solver(given),
            cache=request.cache,
            whole=request.deep,
            on_solved=counts.append,
            on_progress=lambda _: on_event(Event(step="identify", done=next(done), total=counts[0])),
        )
    )


def _solver(given: CondaGiven) -> Solver | None:
    """None: py-rattler, which is the default."""
    if given.request.conda_engine is CondaEngine.RATTLER:
        return None
    from envlock.api.conda_engines import conda_lock_solver

    return conda_lock_solver(given.environment, given.request.cache)


def _adopted(
    request: LockRequest, manifest: Manifest, foreign: ForeignLock | None
) -> Mapping[str, tuple[AdoptedPackage, ...]] | None:
    if foreign is None or request.adopt is None:
        return None
    from envlock.api.adopting import adopted_on
    from envlock.api.conda_adopting import adopted_packages

    return adopted_packages(adopted_on(foreign, manifest), manifest, request.adopt)


def _standing(request: LockRequest, old: Lock | None) -> tuple[CondaPackage, ...]:
    if old is None or request.upgrade or request.adopt is not None:
        return ()
    return tuple(row for row in old.conda_packages if row.name not in request.upgrade_packages)


def provided_by(conda: CondaResolution | None, platform: str) -> dict[NormalizedName, str]:
    """The Python distributions that conda packages bring: no wheel is taken of them."""
    if conda is None:
        return {}
    from packaging.utils import canonicalize_name

    found = conda.platforms[platform].distributions
    return {canonicalize_name(name): version for name, version in found.items()}


def conda_python(conda: CondaResolution | None, *, asked: str | None) -> str | None:
    """The Python that conda installs, the newest where platforms differ; None without conda."""
    if conda is None:
        return None
    from packaging.version import Version

    packages = [row for each in conda.platforms.values() for row in each.packages if row.name == "python"]
    found = max((row.version for row in packages), key=Version, default=None)
    if found is not None and asked not in (None, found):
        raise UsageFault(
            f"`--python {asked}`: conda brings Python {found}",
            hint=f'write `python = "{asked}"` in the manifest, and the solver holds to it',
        )
    return found


def judge_providers(
    conda: CondaResolution | None, platforms: Iterable[Resolved], identities: Identities
) -> None:
    """Refuse one CUDA library from two providers. Raises FileClash."""
    if conda is None:
        return
    from envlock.resolve.conda.providers import refuse_two_providers

    for each in platforms:
        refuse_two_providers(conda.platforms[each.platform], _paths(each, identities))


def _paths(resolved: Resolved, identities: Identities) -> Mapping[str, list[str]]:
    from envlock.agent.identity import parse_entry_list

    return {
        chosen.name: [entry.path for entry in parse_entry_list(identities[chosen.wheel.url].entries)[2]]
        for chosen in resolved.chosen
    }
