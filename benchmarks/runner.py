"""One run of rows: each in turn, and none that fails takes another with it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from benchmarks import machine
from benchmarks.desk import Desk
from benchmarks.race import Launcher, Outcome, run
from benchmarks.record import Record
from benchmarks.rows import Row, every_row
from benchmarks.tables import median, seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """`command` is what was typed; `title` names the run."""

    rows: tuple[str, ...]
    rounds: int
    title: str
    command: str


def measured(order: Order, desk: Desk, rows: Mapping[str, Row] | None = None) -> Record:
    found = every_row() if rows is None else rows
    here = machine.this_machine()
    print(here, file=sys.stderr)
    started = time.monotonic()
    outcomes: list[Outcome] = []
    left_out: dict[str, str] = {}
    with Launcher(desk.work) as launcher:
        for name in order.rows:
            try:
                for outcome in _row(found[name], desk, launcher, order.rounds):
                    outcomes.append(outcome)
            except pytest.skip.Exception as reason:  # what tests/support says of a tool that is not here
                left_out[name] = str(reason)
            except subprocess.CalledProcessError as error:
                said = (error.stderr or error.stdout or b"").decode(errors="replace")
                left_out[name] = f"{shlex.join(error.cmd)} ended with {error.returncode}: {said.strip()}"
            except KeyboardInterrupt:  # what is measured is kept
                left_out |= dict.fromkeys(order.rows[order.rows.index(name) :], "stopped by ^C")
                break
            except Exception as error:  # whatever it is, the other rows are measured
                left_out[name] = f"{type(error).__name__}: {error}"
            if name in left_out:
                print(f"{name}: left out: {left_out[name]}", file=sys.stderr)
    return Record(
        title=order.title,
        machine=here,
        command=order.command,
        seconds=time.monotonic() - started,
        outcomes=tuple(outcomes),
        left_out=left_out,
    )


def _row(row: Row, desk: Desk, launcher: Launcher, rounds: int) -> Iterator[Outcome]:
    started = time.monotonic()
    for race in row(desk):
        outcome = run(race, launcher, rounds)
        told = [f"{t.who} {seconds(median(t)) if t.samples else t.failure}" for t in outcome.timed]
        print(f"{race.row}, {race.title}, {race.amount}: {'; '.join(told)}", file=sys.stderr)
        yield outcome
    print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr)
