"""What a run found, as JSON: whole enough to draw the tables and the plots again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.measure import Sample
from benchmarks.race import Outcome, Timed

SCHEMA = "envlock.benchmarks/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """`title` names the run on the page; `left_out` are rows that could not be measured, and why."""

    title: str
    machine: Machine
    command: str
    seconds: float
    outcomes: tuple[Outcome, ...]
    left_out: Mapping[str, str]

    def write(self, path: Path) -> None:
        document = {"schema": SCHEMA, **asdict(self)}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> Record:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if found["schema"] != SCHEMA:
        raise ValueError(f"{path}: {found['schema']}, not {SCHEMA}")
    machine = found["machine"]
    versions = tuple((name, version) for name, version in machine["versions"])
    return Record(
        title=found["title"],
        machine=Machine(**{**machine, "versions": versions}),
        command=found["command"],
        seconds=found["seconds"],
        outcomes=tuple(_outcome(each) for each in found["outcomes"]),
        left_out=found["left_out"],
    )


def _outcome(found: Mapping[str, Any]) -> Outcome:
    timed = tuple(
        Timed(
            who=each["who"],
            samples=tuple(Sample(**sample) for sample in each["samples"]),
            failure=each["failure"],
        )
        for each in found["timed"]
    )
    return Outcome(**{**found, "timed": timed})
