"""The image of a lock without a daemon, beside `docker build` of the Dockerfile that the lock emits.

A real Debian with Python as the base, in a registry on this machine; the wheels on an index on this machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.caches import Cache
from benchmarks.desk import Desk, do
from benchmarks.measure import ENVLOCK
from benchmarks.race import OURS, Entrant, Race
from benchmarks.shelf import Shelf, published
from tests.support.dockerd import Dockerd, dockerd
from tests.support.images import PROJECT, debian_base
from tests.support.registry import LocalRegistry

DOCKER = "docker build"


@dataclass(frozen=True, kw_only=True, slots=True)
class Yard:
    """`daemon` is None where none can be started, and `reason` says why."""

    work: Path
    shelf: Shelf
    wheels: tuple[Path, ...]
    daemon: Dockerd | None
    reason: str

    @property
    def lock(self) -> Path:
        return self.work / "envlock.lock"


def image(desk: Desk) -> Iterator[Race]:
    with desk.folder("image") as work, ExitStack() as closing:
        registry = closing.enter_context(LocalRegistry())
        registry.add(debian_base(), "debian/python", "3.11")
        reference = registry.reference("debian/python:3.11")
        yard = _yard(desk, work, reference, closing)
        if yard.daemon is not None:
            for port in (int(registry.host.rpartition(":")[2]), urlsplit(yard.shelf.url).port or 0):
                yard.daemon.lend(port)
            yard.daemon.docker("pull", reference)
        cache = Cache(folder=work / "cache")
        yield _race(yard, "nothing cached", cache, is_cached=False)
        yield _race(yard, "all cached", cache, is_cached=True)


def _yard(desk: Desk, work: Path, reference: str, closing: ExitStack) -> Yard:
    """The project locked, its wheels on the shelf, and a daemon where one can be had."""
    (work / "envlock.toml").write_text(PROJECT.format(base=reference))
    do([ENVLOCK, "lock", "-q", "-p", str(work)])
    lock = str(work / "envlock.lock")
    (work / "context").mkdir()
    do([ENVLOCK, "emit", "docker", "-l", lock, "-o", str(work / "context" / "Dockerfile")])
    wheels = tuple(desk.fetched(work / "envlock.lock", work / "wheels"))
    shelf = closing.enter_context(Shelf())
    for wheel in map(published, wheels):
        shelf.add(wheel, core_metadata=False)
    daemon, reason = _daemon(closing)
    return Yard(work=work, shelf=shelf, wheels=wheels, daemon=daemon, reason=reason)


def _daemon(closing: ExitStack) -> tuple[Dockerd | None, str]:
    try:
        return closing.enter_context(dockerd()), ""
    except (pytest.skip.Exception, pytest.fail.Exception, AssertionError) as error:
        return None, str(error)


def _race(yard: Yard, title: str, cache: Cache, *, is_cached: bool) -> Race:
    bytes_ = sum(path.stat().st_size for path in yard.wheels)
    return Race(
        row="image",
        title=title,
        amount=f"{len(yard.wheels)} wheels, {bytes_ / 1e6:.0f} MB",
        most=3,
        entrants=(_ours(yard, cache, is_cached=is_cached), *_docker(yard, is_cached=is_cached)),
        absent={DOCKER: yard.reason} if yard.daemon is None else {},
    )


def _ours(yard: Yard, cache: Cache, *, is_cached: bool) -> Entrant:
    output = yard.work / "image"

    def prepare() -> None:
        shutil.rmtree(output, ignore_errors=True)
        if not is_cached:
            cache.empty()

    command = (ENVLOCK, "build", "oci", "-q", "-l", str(yard.lock), "-o", str(output))
    environment = {**yard.shelf.environment, **cache.environment}
    return Entrant(who=OURS, command=command, environment=environment, prepare=prepare)


def _docker(yard: Yard, *, is_cached: bool) -> Iterator[Entrant]:
    if yard.daemon is None:
        return
    fresh = () if is_cached else ("--no-cache",)
    command = (
        *("docker", "build", "-q", *fresh, "--network=host", "-t", "benchmark:1"),
        *("--build-arg", f"PIP_INDEX_URL={yard.shelf.url}", str(yard.work / "context")),
    )
    environment = {**yard.daemon.environment, "DOCKER_BUILDKIT": "0", "PATH": os.environ["PATH"]}
    yield Entrant(who=DOCKER, command=command, environment=environment)


ROWS = {"image": image}
