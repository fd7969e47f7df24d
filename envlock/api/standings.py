"""Which files of a lock can no longer be had from where it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from envlock.api.sources import sources_beside
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.resolve.image import Finding, open_store
from envlock.resolve.model import Event, OnEvent, no_events
from envlock.resolve.standing import Standing, State, conda_standing, image_standing, wheel_standings

__all__ = ["CheckOrder", "Checked", "Standing", "State", "check_sources"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOrder:
    """`image`: the base image is looked for as well. `environment` is the user's."""

    lock: Path
    environment: Mapping[str, str]
    image: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """How every file of a lock stands, each once."""

    standings: tuple[Standing, ...]

    @property
    def gone(self) -> tuple[Standing, ...]:
        """What was looked for and differs: yanked, deleted, other bytes."""
        return tuple(each for each in self.standings if each.state not in (State.THERE, State.UNASKED))

    @property
    def unasked(self) -> tuple[Standing, ...]:
        """What could not be looked for."""
        return tuple(each for each in self.standings if each.state is State.UNASKED)


def check_sources(order: CheckOrder, on_event: OnEvent = no_events) -> Checked:
    """Ask the index, channel or registry of each locked file for it; nothing is downloaded.

    Raises LockfileInvalid; an index that does not answer is part of the answer.
    """
    lock = read_lock(order.lock)
    found: dict[tuple[str, str], Standing] = {}
    for standing in _all(lock, order):
        found.setdefault((standing.index, standing.sha256), standing)
        on_event(Event(step="look for the files", done=len(found)))
    return Checked(standings=tuple(found.values()))


def _all(lock: Lock, order: CheckOrder) -> Iterator[Standing]:
    from envlock.resolve.wheels.ranges import open_session

    sources = sources_beside(order.lock, order.environment)
    for platform in lock.platforms:
        yield from wheel_standings(lock, Platform(platform), sources, order.environment)
    with closing(open_session(4)) as session:
        for package in lock.conda_packages:
            yield conda_standing(package, sources, session)
    if lock.image is None or not order.image:
        return
    finding = Finding(root=order.lock.absolute().parent, sources=sources, environment=order.environment)
    store = open_store(lock.image.base, finding)
    for row in lock.image.platforms.values():
        yield image_standing(lock.image.base, row.manifest, store)
