"""The bytes of an image or a container from inside, and then its numbers."""

from __future__ import annotations

from pathlib import PurePosixPath

from envlock.agent.host import platform_name
from envlock.api.numerics import Subject, with_numerics
from envlock.api.verifying import (
    ContainerRequest,
    ImageRequest,
    image_platform,
    locked_platform,
    verify_container,
    verify_image,
)
from envlock.errors import UsageFault
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.observe.container import ContainerTarget, Inside, inside_container, inside_image
from envlock.observe.container_numerics import runner_inside
from envlock.observe.numerics import NumericsTarget
from envlock.report import Report

__all__ = ["verify_container_numerics", "verify_image_numerics"]


def verify_image_numerics(request: ImageRequest) -> Report:
    """Verify every byte of an image from inside, then its numbers, in a container without a network.

    Raises UsageFault without an engine to run it, else as `verify_image` and `verify_numerics` do.
    """
    if request.inside is None:
        raise UsageFault(
            "`--level numerics` runs the environment, and nothing of an image is run from outside",
            hint="`--inside docker` (or `podman`) runs it in a container",
        )
    report = verify_image(request)
    lock = read_lock(request.lock)
    target = ContainerTarget(
        engine=request.inside,
        name=request.image,
        lockfile=request.lock.read_bytes(),
        environment=request.environment,
        prefix=request.prefix,
        gpus=request.how.require_gpu,
    )
    platform = image_platform(lock, request.how.platform)
    return with_numerics(report, _subject(lock, platform, target, inside_image(target)))


def verify_container_numerics(request: ContainerRequest) -> Report:
    """Verify every byte of a container that runs, then its numbers. Raises as its parts do."""
    report = verify_container(request)
    lock = read_lock(request.lock)
    target = ContainerTarget(
        engine=request.engine,
        name=request.name,
        lockfile=request.lock.read_bytes(),
        environment=request.environment,
        prefix=request.prefix,
    )
    platform = locked_platform(lock, request.how.platform or platform_name())
    return with_numerics(report, _subject(lock, platform, target, inside_container(target)))


def _subject(lock: Lock, platform: str, target: ContainerTarget, inside: Inside) -> Subject:
    """Under the container's own environment, with the lock's settings applied."""
    numerics = NumericsTarget(
        python=PurePosixPath(inside.prefix) / "bin" / "python",
        environment={**inside.environment, **lock.settings},
    )
    return Subject(lock=lock, platform=platform, target=numerics, run=runner_inside(target, inside))
