"""A race: ours and its peers, one command after the other, round by round, each a process timed from outside.

Race(row="start-up", title="…", entrants=(Entrant(who="envlock", command=(ENVLOCK, "--version")), …))
run(race, launcher, rounds=5, folder=work) -> Outcome
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.measure import Sample

OURS = "envlock"
# Of a runner in a virtual environment of its own, with settings of its own, nothing reaches a command.
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX")
SECONDS_ALLOWED = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """A command, as often as there are rounds. `prepare` runs before each round and is not timed."""

    who: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/")
    prepare: Callable[[], object] | None = None
    statuses: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Race:
    """One line of the results for each entrant.

    `absent` tells of peers that are not here, and why. `amount` is what the work is about (files, bytes,
    distributions). `series` and `at` make it a point of a plot over sizes. `most` bounds the rounds.
    """

    row: str
    title: str
    entrants: Sequence[Entrant]
    absent: Mapping[str, str] = field(default_factory=dict)
    amount: str = ""
    budget: str = ""
    series: str = ""
    at: int = 0
    most: int = 100
    warm_up: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """An entrant's samples, or why it has none."""

    who: str
    samples: tuple[Sample, ...] = ()
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    row: str
    title: str
    timed: tuple[Timed, ...]
    amount: str = ""
    budget: str = ""
    series: str = ""
    at: int = 0


class CommandFailed(Exception):
    """An entrant ended with another status than it should."""


class Launcher:
    """The small process that starts the commands; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "told"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def measure(self, entrant: Entrant) -> Sample:
        """One run. Raises CommandFailed with the end of what it said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "command": list(entrant.command),
            "environment": {**inherited(), **entrant.environment},
            "folder": str(entrant.folder),
            "told": str(self._told),
            "seconds": SECONDS_ALLOWED,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        if found["status"] not in entrant.statuses:
            said = " ".join(self._told.read_text(errors="replace").split())[-300:]
            raise CommandFailed(f"ended with {found['status']}: {said}")
        return Sample(wall_seconds=found["wall"], cpu_seconds=found["cpu"], peak_mib=found["peak"])


def inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _DROPPED}


def run(race: Race, launcher: Launcher, rounds: int) -> Outcome:
    """Each round in the other direction than the one before it, so that what drifts hits both alike."""
    samples: dict[str, list[Sample]] = {entrant.who: [] for entrant in race.entrants}
    failures: dict[str, str] = {}
    for number in range(-int(race.warm_up), min(rounds, race.most)):
        for entrant in race.entrants[:: 1 if number % 2 == 0 else -1]:
            if entrant.who in failures:
                continue
            try:
                if entrant.prepare is not None:
                    entrant.prepare()
                sample = launcher.measure(entrant)
            except (CommandFailed, OSError, subprocess.SubprocessError) as error:
                failures[entrant.who] = str(error)
                continue
            if number >= 0:
                samples[entrant.who].append(sample)
    ran = [
        Timed(who=who, failure=failures[who]) if who in failures else Timed(who=who, samples=tuple(found))
        for who, found in samples.items()
    ]
    missing = [Timed(who=who, failure=f"not measured: {reason}") for who, reason in race.absent.items()]
    return Outcome(
        row=race.row,
        title=race.title,
        timed=(*ran, *missing),
        amount=race.amount,
        budget=race.budget,
        series=race.series,
        at=race.at,
    )
