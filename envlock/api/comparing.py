"""From one lock, every route to an environment: what it pins and weighs, and what it costs on this host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envlock.agent.host import platform_name
from envlock.api.building import open_base
from envlock.api.comparing_measured import Bench, make_room, measured, room_for
from envlock.audit.compare.document import document as comparison_document
from envlock.audit.compare.host import daemon, host_now, needs_of
from envlock.audit.compare.model import Compared, Comparison, Fault, Route
from envlock.audit.compare.page import render_page as comparison_page
from envlock.audit.compare.pins import has_conda, pins_of
from envlock.audit.compare.text import render as comparison_text
from envlock.audit.compare.weight import BaseSeen, weight_of
from envlock.audit.evidence.needed import needed
from envlock.emit.pins import refuse_half
from envlock.errors import CouldNotTell, EnvlockError, UsageFault
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.resolve.model import OnEvent, no_events
from envlock.verify.platform import locked_platform

__all__ = [
    "CompareOrder",
    "Comparison",
    "Route",
    "compare",
    "comparison_document",
    "comparison_page",
    "comparison_text",
    "needed",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareOrder:
    """What is to be compared. `plan`: from the lock alone, nothing is made; `online`: the registry may be
    asked about the base image then. `scratch` is where it is made, in a private folder that is gone
    afterwards. `python` and `wheelhouse` as `sync` takes them. `environment` is the user's."""

    lock: Path
    environment: Mapping[str, str]
    scratch: Path
    routes: tuple[Route, ...] = tuple(Route)
    plan: bool = False
    online: bool = False
    platform: str | None = None
    python: str | None = None
    wheelhouse: Path | None = None


def compare(order: CompareOrder, on_event: OnEvent = no_events) -> Comparison:
    """Plan every route, and unless it is only a plan, make each twice and verify it.

    A route that cannot be made here has its reason in `fault`, and the others go on. Raises LockfileInvalid,
    CouldNotTell where the lock is not for this host, DiskFailed where there is no room for the largest.
    """
    lock = read_lock(order.lock)
    platform = _platform(lock, order)
    base = _base(order, lock, platform)
    planned = [_planned(order, lock, platform, route, base) for route in order.routes]
    comparison = Comparison(
        project=lock.project,
        platform=platform,
        runtime=conda_runtime_hash(lock, platform) or runtime_hash(lock, platform),
        routes=tuple(planned),
    )
    return comparison if order.plan else _measured(order, comparison, on_event)


def _platform(lock: Lock, order: CompareOrder) -> str:
    if order.plan:
        if order.platform not in (None, *lock.platforms):
            known = ", ".join(lock.platforms)
            raise UsageFault(f"the lock has no platform `{order.platform}`, it has {known}")
        here = platform_name()
        return order.platform or (here if here in lock.platforms else lock.platforms[0])
    if order.platform not in (None, platform_name()):
        raise CouldNotTell(
            f"{order.platform} cannot be measured on {platform_name()}",
            hint="`envlock compare --plan` compares from the lock alone",
        )
    return locked_platform(lock, platform_name())


def _measured(order: CompareOrder, comparison: Comparison, on_event: OnEvent) -> Comparison:
    host = host_now()
    room_for(order.scratch, [each for each in comparison.routes if each.fault is None])
    done = []
    with make_room(order.scratch) as folder:
        for each in comparison.routes:
            if each.fault is None:
                bench = Bench(
                    lock=order.lock,
                    environment=order.environment,
                    folder=folder / each.route,
                    python=order.python,
                    wheelhouse=order.wheelhouse,
                )
                done.append(_tried(each, bench, on_event))
            else:
                done.append(each)
    return replace(comparison, routes=tuple(done), host=host)


def _tried(planned: Compared, bench: Bench, on_event: OnEvent) -> Compared:
    try:
        return replace(planned, measured=measured(planned.route, bench, on_event))
    except EnvlockError as error:
        fault = Fault(message=error.message, hint=error.hint, exit_status=error.exit_status)
        return replace(planned, fault=fault)


def _planned(order: CompareOrder, lock: Lock, platform: str, route: Route, base: BaseSeen | None) -> Compared:
    return Compared(
        route=route,
        pins=pins_of(lock, platform, route),
        weight=weight_of(lock, platform, route, base),
        needs=needs_of(lock, platform, route, order.environment),
        fault=_impossible(order, lock, platform, route),
    )


def _impossible(order: CompareOrder, lock: Lock, platform: str, route: Route) -> Fault | None:
    """Why a route cannot be made of this lock, or (where it would be made) on this host."""
    if route is Route.CONDA and not has_conda(lock, platform):
        return Fault(
            message="the lock has no conda packages: `emit conda` writes an environment.yml whose wheels are "
            "pinned by hash and whose Python conda solves anew",
            hint="`[conda]` in the manifest locks conda packages, and `envlock sync --conda` makes them",
        )
    if route in (Route.VENV, Route.DOCKER):
        try:
            refuse_half(lock, platform, "a virtual environment" if route is Route.VENV else "this image")
        except EnvlockError as error:
            return Fault(message=error.message, hint=error.hint)
    if route is Route.OCI and (lock.image is None or platform not in lock.image.platforms):
        return Fault(
            message="the lock has no base image for this platform", hint="`[image]` in the manifest names one"
        )
    if route is Route.DOCKER and not order.plan:
        found = daemon(order.environment)
        hint = "start one, or name it in DOCKER_HOST; the route `oci` needs none"
        return None if found.here else Fault(message=found.seen, hint=hint)
    return None


def _base(order: CompareOrder, lock: Lock, platform: str) -> BaseSeen | None:
    """The base image's layers: of a layout on this disk, or of the registry where it may be asked."""
    if lock.image is None or platform not in lock.image.platforms:
        return BaseSeen(name="", reason="no base image is locked, so its size is not known")
    name = lock.image.base
    if order.plan and not order.online and not name.startswith("oci:"):
        return BaseSeen(name=name, reason="the base image is not counted: `--online` asks its registry")
    try:
        opened = open_base(order.lock, lock, platform, order.environment)
    except EnvlockError as error:
        return BaseSeen(name=name, reason=f"the base image is not counted: {error.message}")
    download = sum(layer.size for layer in opened.manifest.layers)
    return BaseSeen(name=name, download=download, environment=opened.config.environment)
