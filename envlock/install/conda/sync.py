"""`sync --conda`: a conda prefix that holds what the lock says, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from envlock.agent.conda.meta import is_conda
from envlock.errors import NoWheel, UsageFault
from envlock.install.conda.archives import channels_of, fetch_archives
from envlock.install.conda.place import Placing, files_of_packages
from envlock.install.conda.plan import CondaPlan, plan_sync
from envlock.install.conda.stage import stage
from envlock.install.conda.workshop import workshop
from envlock.install.inode import disk_failed
from envlock.install.interpreter import remove_venv
from envlock.install.model import SyncRequest, SyncResult
from envlock.install.uv_pip import locations_of
from envlock.install.venv import sync_wheels
from envlock.lock.model import CondaPackage
from envlock.resolve.model import Event, Location, OnEvent, no_events


def sync_conda(request: SyncRequest, archives: Path, on_event: OnEvent = no_events) -> SyncResult:
    """Make `request.venv` the conda prefix that the lock describes; `archives` is where downloads are kept.

    All archives are fetched and hashed, and all packages linked beside the prefix, before anything in it is
    touched. A prefix that is made here and cannot be completed is removed again. No GPU is needed, and no
    script of a package is run. Raises UsageFault where something else stands there, NoWheel, SourceFailed,
    ToolFailed.
    """
    request = replace(request, venv=Path(os.path.abspath(request.venv)))  # noqa: PTH100 - links stay
    packages = locked_packages(request)
    is_new = _is_new(request.venv)
    plan = _plan(request.venv, packages)
    channels_of(plan.staged, request.supply)  # a fault of the configuration is told before any work
    locations = _locations(request, on_event)
    is_made = False
    try:
        if plan.place or plan.discard:
            is_made = _put(request, packages, archives, on_event)
        wheels = sync_wheels(request, locations, files_of_packages(request.venv), on_event)
    except BaseException:
        if is_made:
            remove_venv(request.venv)
        raise
    return replace(
        wheels,
        created=is_new,
        installed=(*map(_spoken, plan.place), *wheels.installed),
        removed=(*sorted(plan.discard), *wheels.removed),
    )


def locked_packages(request: SyncRequest) -> Mapping[str, CondaPackage]:
    """The conda packages of the request's platform, by name. Raises NoWheel where there are none."""
    packages = {package.name: package for package in request.lock.conda_on(request.platform)}
    if packages:
        return packages
    raise NoWheel(
        f"the lock has no conda packages for {request.platform}",
        hint="`envlock sync --venv DIR` makes a virtual environment of its wheels; [tool.envlock.conda] in "
        "the manifest asks for conda packages",
    )


def _is_new(prefix: Path) -> bool:
    """Is there nothing yet? Raises UsageFault where something else than a conda prefix stands there."""
    if not prefix.exists() and not prefix.is_symlink():
        return True
    if prefix.is_dir() and is_conda(str(prefix)):
        return False
    if prefix.is_dir() and not any(prefix.iterdir()):
        return True
    raise UsageFault(
        f"`{prefix}` is there and is no conda prefix",
        hint="name another directory: `envlock sync --conda PREFIX`",
    )


def _plan(prefix: Path, packages: Mapping[str, CondaPackage]) -> CondaPlan:
    if not _is_new(prefix):
        return plan_sync(str(prefix), packages)
    everything = tuple(packages.values())
    return CondaPlan(place=everything, staged=everything, discard=frozenset())


def _locations(request: SyncRequest, on_event: OnEvent) -> Mapping[str, Location]:
    if not any(request.lock.on(request.platform)):
        return {}
    on_event(Event(step="look the wheels up"))
    return locations_of(request.lock, request.platform, request.supply)


def _put(request: SyncRequest, packages: Mapping[str, CondaPackage], cache: Path, on_event: OnEvent) -> bool:
    """Whether the prefix was made here. It is planned anew, as another run may have been at work."""
    prefix = request.venv
    with workshop(prefix) as folder:
        is_new, plan, staged = _is_new(prefix), _plan(prefix, packages), folder / "prefix"
        if plan.staged:
            stage(fetch_archives(plan.staged, request.supply, cache, on_event), staged, prefix, on_event)
        if is_new:
            _move_whole(staged, prefix)
            return True
        if plan.place or plan.discard:
            placing = Placing(prefix, staged)
            placing.discard(plan.discard)
            placing.place(plan.place)
    return False


def _move_whole(staged: Path, prefix: Path) -> None:
    try:
        staged.replace(prefix)  # over an empty folder, too
    except OSError as error:
        raise disk_failed(prefix, error) from error


def _spoken(package: CondaPackage) -> str:
    return f"{package.name}=={package.version}={package.build}"
