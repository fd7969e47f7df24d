"""An environment from a lock, beside uv and pip from the same pins: real wheels, an index on this machine."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.caches import Cache
from benchmarks.desk import Desk, do
from benchmarks.measure import ENVLOCK
from benchmarks.race import OURS, Entrant, Race
from benchmarks.shelf import Shelf, published


def sync(desk: Desk) -> Iterator[Race]:
    with desk.folder("sync") as work, Shelf() as shelf:
        lock = desk.quickstart / "envlock.lock"
        for wheel in map(published, desk.wheels):
            shelf.add(wheel)
        pins = work / "requirements.txt"
        do([ENVLOCK, "emit", "requirements", "-l", str(lock), "-o", str(pins)])
        entrants = [_entrant(work, shelf, *each) for each in _commands(desk, lock, pins)]
        amount = f"{len(desk.wheels)} wheels, {sum(w.stat().st_size for w in desk.wheels) / 1e6:.0f} MB"
        for title, is_there, is_cached in (
            ("a new environment, nothing cached", False, False),
            ("a new environment, all cached", False, True),
            ("nothing to do", True, True),
        ):
            yield Race(
                row="sync",
                title=title,
                amount=amount,
                most=3,
                entrants=[_prepared(work, each, is_there=is_there, is_cached=is_cached) for each in entrants],
            )


def _commands(desk: Desk, lock: Path, pins: Path) -> Iterator[tuple[str, str]]:
    """(who, what a shell does), with $VENV for the environment."""
    python, asked = shlex.quote(sys.executable), shlex.quote(str(pins))
    uv = shlex.quote(desk.uv)
    sync = f"{shlex.quote(ENVLOCK)} sync -q -l {shlex.quote(str(lock))} --venv $VENV --python {python}"
    yield OURS, sync
    make = f"{uv} venv -q --no-config --python {python} $VENV"
    fill = f"{uv} pip sync -q --no-config --require-hashes --python $VENV/bin/python {asked}"
    yield "uv venv, uv pip sync", f"test -d $VENV || {make}; {fill}"
    pip = f"$VENV/bin/python -m pip install -q --require-hashes --only-binary :all: -r {asked}"
    yield "python -m venv, pip", f"test -d $VENV || {python} -m venv $VENV; {pip}"


def _entrant(work: Path, shelf: Shelf, who: str, script: str) -> Entrant:
    cache = Cache(folder=work / f"cache {who}")
    environment = {**shelf.environment, **cache.environment, "VENV": str(_venv(work, who))}
    return Entrant(who=who, command=("sh", "-ec", script), environment=environment)


def _venv(work: Path, who: str) -> Path:
    return work / f"env-{who.split(maxsplit=1)[0]}"


def _prepared(work: Path, entrant: Entrant, *, is_there: bool, is_cached: bool) -> Entrant:
    def prepare() -> None:
        if not is_there:
            shutil.rmtree(_venv(work, entrant.who), ignore_errors=True)
        if not is_cached:
            Cache(folder=work / f"cache {entrant.who}").empty()

    return replace(entrant, prepare=prepare)


ROWS = {"sync": sync}
