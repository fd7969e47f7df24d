"""A lock as an image, built by Docker from the emitted Dockerfile, inspected and verified."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envlock.api.emitting import choose_platform, image_beside
from envlock.api.sources import sources_beside
from envlock.api.verifying import How, judge_facts
from envlock.emit import FORMATS, EmitOptions
from envlock.emit.job import image_tag
from envlock.errors import LockfileInvalid, ToolFailed
from envlock.image.context import WHEELS, Context
from envlock.image.docker import Builder, DockerBuild, build, builder_at_hand, connect, told_failures
from envlock.image.wheel_files import WheelFiles
from envlock.install.model import Supply
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest.platforms import Platform
from envlock.observe.container import ContainerTarget, observe_inside
from envlock.report import Report
from envlock.resolve.model import Event, OnEvent, no_events

__all__ = ["Builder", "DockerOrder", "DockerResult", "build_docker"]

_DOCKER_PLATFORMS = {"linux-64": "linux/amd64", "linux-aarch64": "linux/arm64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerOrder:
    """What is to be built. `tags` empty: the project's name and the start of the runtime hash.

    The wheels are fetched here, or taken from `wheelhouse`, and the build has no network; `online` lets pip
    fetch them in the build instead. `environment` is the user's; it says where the daemon is.
    """

    lock: Path
    environment: Mapping[str, str]
    cache: Path
    tags: tuple[str, ...] = ()
    platform: str | None = None
    wheelhouse: Path | None = None
    online: bool = False
    builder: Builder = "auto"
    no_cache: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerResult:
    """The image as the daemon has it (`size` in bytes), and what an agent inside of it saw."""

    platform: str
    builder: Builder
    id: str
    tags: tuple[str, ...]
    diff_ids: tuple[str, ...]
    size: int
    report: Report


def build_docker(order: DockerOrder, on_event: OnEvent = no_events) -> DockerResult:
    """Build, inspect, verify. Raises LockfileInvalid, UsageFault, SourceFailed, ToolFailed, CouldNotTell."""
    lock = read_lock(order.lock)
    platform = choose_platform(lock.platforms, order.platform)
    builder = builder_at_hand(order.builder, order.environment)
    tags = order.tags or (f"{lock.project or 'envlock'}:{image_tag(lock, platform)}",)
    with closing(connect(order.environment)) as client, told_failures("the image was not built"):
        image = build(client, _build(order, lock, platform, tags, on_event), builder, on_event)
        found = client.images.get(image).attrs
    _inspect(lock, platform, found)
    on_event(Event(step="verify"))
    return DockerResult(
        platform=platform,
        builder=builder,
        id=str(found["Id"]),
        tags=tags,
        diff_ids=tuple(found["RootFS"]["Layers"]),
        size=int(found["Size"]),
        report=_verified(order, lock, platform, image),
    )


def _verified(order: DockerOrder, lock: Lock, platform: str, image: str) -> Report:
    target = ContainerTarget(
        engine="docker", name=image, lockfile=order.lock.read_bytes(), environment=order.environment
    )
    facts = observe_inside(target).facts
    return judge_facts(lock, facts, platform, How(in_job=True), order.cache)


def _build(
    order: DockerOrder, lock: Lock, platform: str, tags: tuple[str, ...], on_event: OnEvent
) -> DockerBuild:
    image = image_beside(order.lock, order.environment)
    sources = sources_beside(order.lock, order.environment)
    options = EmitOptions(platform=platform, sources=sources, image=image)
    if not order.online:
        options = replace(options, wheelhouse=Path(WHEELS))
    context = Context(
        dockerfile=FORMATS["docker"].render(lock, options),
        root=order.lock.absolute().parent,
        code=image.code,
        wheels={} if order.online else _wheels(order, lock, platform, on_event),
    )
    return DockerBuild(
        context=context,
        tags=tags,
        platform=_DOCKER_PLATFORMS[platform],
        offline=not (order.online or image.apt),
        environment=order.environment,
        no_cache=order.no_cache,
    )


def _wheels(order: DockerOrder, lock: Lock, platform: str, on_event: OnEvent) -> Mapping[str, Path]:
    """File name -> wheel on this disk, each proved by its hash."""
    supply = Supply(
        sources=sources_beside(order.lock, order.environment),
        environment=order.environment,
        wheelhouse=order.wheelhouse,
    )
    wheels = [wheel for _, wheel in lock.on(platform)]
    files = WheelFiles(lock=lock, platform=Platform(platform), supply=supply, cache=order.cache)
    on_event(Event(step="fetch wheels", total=len(wheels)))
    found = files.fetch(wheels, lambda: None)
    return {wheel.file: found[wheel.sha256] for wheel in wheels}


def _inspect(lock: Lock, platform: str, found: Mapping[str, Any]) -> None:
    """The base by its layers, the user, the label: as the lock and the Dockerfile say."""
    layers = tuple(found["RootFS"]["Layers"])
    base = lock.image.platforms.get(platform) if lock.image is not None else None
    if base is not None and layers[: len(base.diff_ids)] != base.diff_ids:
        raise ToolFailed(
            "the image does not start with the layers of the locked base",
            facts=[("locked", each) for each in base.diff_ids] + [("image", each) for each in layers],
        )
    if found["Config"]["User"] in ("", "0", "root"):
        raise ToolFailed("the image runs as root")
    label = (found["Config"]["Labels"] or {}).get("envlock.runtime")
    if label != runtime_hash(lock, platform):
        raise LockfileInvalid(f"the image is labelled {label}, the lock is {runtime_hash(lock, platform)}")
