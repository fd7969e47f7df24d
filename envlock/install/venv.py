"""`sync`: a virtual environment that holds what the lock says, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

from envlock.agent.facts import Facts
from envlock.agent.target import Target
from envlock.errors import NoInterpreter, NoWheel, SourceFailed, UsageFault
from envlock.install import unfinished
from envlock.install.interpreter import check_python, is_missing, make_venv, open_venv, remove_venv
from envlock.install.model import SyncRequest, SyncResult
from envlock.install.roots import differing, keep_entry_lists, locked_in_site, observe_roots
from envlock.install.unfinished import Note
from envlock.install.uv_pip import Changes, Installer, locations_of
from envlock.resolve.model import Event, Location, OnEvent, no_events

# uv leaves these alone too: a venv may have been made with them.
_SEEDS = frozenset({"pip", "setuptools", "uv", "wheel"})
_NOTHING = Changes(installed=(), removed=())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What a venv lacks, holds in another build, and holds besides; the project itself is no stranger."""

    missing: tuple[str, ...]
    anew: tuple[str, ...]
    extra: tuple[str, ...]
    has_project: bool

    @property
    def is_done(self) -> bool:
        return not (self.missing or self.anew or self.extra)


def sync(request: SyncRequest, on_event: OnEvent = no_events) -> SyncResult:
    """Make `request.venv` what the lock says. One that is so already needs no network.

    A venv that is made here and cannot be completed is removed again; one that was there is changed only
    after all wheels have been fetched and their hashes hold. Raises UsageFault where something else
    stands there or conda brings a part of the lock, NoInterpreter, SourceFailed, ToolFailed.
    """
    request = replace(request, venv=Path(os.path.abspath(request.venv)))  # noqa: PTH100 - links stay
    _check_platform(request)
    if request.lock.conda_packages:
        from envlock.emit.pins import refuse_half

        refuse_half(request.lock, request.platform, "a virtual environment")
    place = unfinished.beside(request.venv)
    if is_to_be_made(request.venv, place):
        return _create(request, place, on_event)
    return _change(request, on_event)


def sync_wheels(
    request: SyncRequest, locations: Mapping[str, Location], others: Set[Path], on_event: OnEvent
) -> SyncResult:
    """Make the wheels in a conda prefix what the lock says; `others`, the files that conda packages brought,
    are left alone."""
    return _change(request, on_event, locations, others)


def is_to_be_made(venv: Path, place: Path) -> bool:
    """Is it missing, or is a run at work that makes it? The note is looked for last: what stands there may
    be half made by a run that has begun between two looks. Raises UsageFault."""
    try:
        return is_missing(venv) or place.exists()
    except UsageFault:
        if place.exists() or (venv / "pyvenv.cfg").is_file():
            return True
        raise


def _create(request: SyncRequest, place: Path, on_event: OnEvent) -> SyncResult:
    """Make the venv and fill it. One that was never made whole is made anew; one that another run has made
    meanwhile is changed."""
    locations = _locations(request, on_event)
    with unfinished.at_work(place) as note:
        if note.left == unfinished.MAKING:
            remove_venv(request.venv)
        if not is_missing(request.venv):
            return _change(request, on_event, locations)
        on_event(Event(step="make the environment"))
        note.write(unfinished.MAKING)
        try:
            make_venv(request)
        except BaseException:
            note.text = ""  # it is gone again
            raise
        try:
            note.write(unfinished.MADE)
            return replace(_change(request, on_event, locations), created=True)
        except NoInterpreter as wrong:  # of an environment that is gone again
            remove_venv(request.venv)
            note.text = ""
            wrong.hint = f"name a Python {request.lock.python}: `envlock sync --python PATH`"
            raise
        except BaseException:
            remove_venv(request.venv)
            note.text = ""
            raise


def _change(
    request: SyncRequest,
    on_event: OnEvent,
    locations: Mapping[str, Location] | None = None,
    others: Set[Path] = frozenset(),
) -> SyncResult:
    """Bring an environment that is there to what the lock says."""
    target = open_venv(request.venv, request.answers)
    check_python(target, request.lock, request.platform, request.venv)
    place = request.venv / unfinished.NAME
    facts = _observed(request)
    if not place.exists() and _plan_of(facts, request).is_done:
        return _result_of(facts, request, target, _NOTHING, created=False)
    found = _locations(request, on_event) if locations is None else locations
    with unfinished.at_work(place) as note:
        unfinished.clear_up(note, request.venv, [Path(site) for site in target.layout.sites], others)
        changes = _noted(request, note, found, on_event)
    return _result(request, target, changes, created=False)


def _noted(request: SyncRequest, note: Note, locations: Mapping[str, Location], on_event: OnEvent) -> Changes:
    """Plan anew, as another run may have been at work, and fill what is noted first."""
    facts = _observed(request)
    plan = _plan_of(facts, request)
    changing = [item for name, item in locked_in_site(facts).items() if name in (*plan.anew, *plan.extra)]
    names = (*plan.missing, *plan.anew, *plan.extra)
    if plan.is_done:
        return _NOTHING
    note.write(unfinished.begun(request.venv, names, changing))
    try:
        return _fill(request, plan, locations, on_event)
    except SourceFailed:  # uv fetches all before it changes anything
        note.text = ""
        raise


def _locations(request: SyncRequest, on_event: OnEvent) -> Mapping[str, Location]:
    on_event(Event(step="look the wheels up"))
    return locations_of(request.lock, request.platform, request.supply)


def _observed(request: SyncRequest) -> Facts:
    return observe_roots(request.venv, request.lock, request.platform, request.answers)


def _plan_of(facts: Facts, request: SyncRequest) -> _Plan:
    """uv compares names and versions; a build under the locked version that differs must be named to it."""
    present = locked_in_site(facts).keys()
    locked = {distribution.name for distribution, _ in request.lock.on(request.platform)}
    project = request.lock.project
    return _Plan(
        missing=tuple(sorted(locked - present)),
        anew=tuple(differing(facts, request.lock, request.platform)),
        extra=tuple(sorted(present - locked - _SEEDS - {project})),
        has_project=project in present,
    )


def _fill(request: SyncRequest, plan: _Plan, locations: Mapping[str, Location], on_event: OnEvent) -> Changes:
    installer = _installer(request, locations)
    total = len(plan.missing) + len(plan.anew)
    on_event(Event(step="fetch and install", total=total))
    changes = _install(installer, plan)
    on_event(Event(step="fetch and install", done=total, total=total))
    return changes


def _installer(request: SyncRequest, locations: Mapping[str, Location]) -> Installer:
    return Installer(
        lock=request.lock,
        platform=request.platform,
        venv=request.venv,
        supply=request.supply,
        locations=locations,
        link_mode=request.link_mode,
    )


def _install(installer: Installer, plan: _Plan) -> Changes:
    """`uv pip sync`; where the project or conda's part is there too, without what would remove it."""
    if not (plan.has_project or installer.has_conda):
        return installer.sync(plan.anew)
    done = installer.install(plan.anew) if plan.missing or plan.anew else _NOTHING
    gone = installer.uninstall(plan.extra) if plan.extra else _NOTHING
    return Changes(installed=done.installed, removed=(*done.removed, *gone.removed))


def _result(request: SyncRequest, target: Target, changes: Changes, *, created: bool) -> SyncResult:
    facts = _observed(request)
    return _result_of(facts, request, target, changes, created=created)


def _result_of(
    facts: Facts, request: SyncRequest, target: Target, changes: Changes, *, created: bool
) -> SyncResult:
    if request.cache is not None:
        keep_entry_lists(facts, request.lock, request.platform, request.cache)
    return SyncResult(
        venv=request.venv,
        python=target.interpreter.full_version,
        created=created,
        installed=changes.installed,
        removed=changes.removed,
        differing=tuple(differing(facts, request.lock, request.platform)),
    )


def _check_platform(request: SyncRequest) -> None:
    if request.platform not in request.lock.platforms:
        raise NoWheel(
            f"the lock is not for {request.platform}",
            hint=f"add `{request.platform}` to `platforms` in the manifest and run `envlock lock`",
            facts=[("locked", ", ".join(request.lock.platforms))],
        )
