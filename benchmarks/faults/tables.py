"""What a run found, as a document and as the tables of the docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.faults.cases import OURS, UNTOUCHED, Case
from benchmarks.faults.peers import NAMES
from benchmarks.measure import machine

TOOLS = (OURS, *NAMES)


def document(cases: list[Case], seed: int) -> dict[str, Any]:
    return {
        "schema": "envlock.faults/1",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "seed": seed,
        "totals": {name: _total(cases, name) for name in TOOLS},
        "kinds": [asdict_row(row) for row in rows(cases)],
        "untouched": [asdict(case) for case in cases if case.kind == UNTOUCHED],
        "wrong": [asdict(case) for case in cases if not case.is_right],
    }


def _total(cases: list[Case], tool: str) -> dict[str, int]:
    changed = [case for case in cases if case.kind != UNTOUCHED]
    asked = [case for case in changed if case.alarms.get(tool) is not None]
    return {
        "faults": sum(case.harmful for case in asked),
        "found": sum(case.harmful and bool(case.alarms[tool]) for case in asked),
        "harmless": sum(not case.harmful for case in asked),
        "false_alarms": sum(not case.harmful and bool(case.alarms[tool]) for case in asked),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class KindRow:
    """`alarms` has tool -> (alarms, cases that it was asked about)."""

    kind: str
    harmful: bool
    cases: int
    alarms: Mapping[str, tuple[int, int]]


def asdict_row(row: KindRow) -> dict[str, Any]:
    alarms = {name: {"alarms": found, "of": asked} for name, (found, asked) in row.alarms.items()}
    return {"kind": row.kind, "harmful": row.harmful, "cases": row.cases, "tools": alarms}


def rows(cases: list[Case]) -> Iterator[KindRow]:
    changed = [case for case in cases if case.kind != UNTOUCHED]
    for harmful, kind in dict.fromkeys((case.harmful, case.kind) for case in changed):
        mine = [case for case in changed if (case.harmful, case.kind) == (harmful, kind)]
        alarms = {}
        for tool in TOOLS:
            asked = [case for case in mine if case.alarms.get(tool) is not None]
            alarms[tool] = (sum(bool(case.alarms[tool]) for case in asked), len(asked))
        yield KindRow(kind=kind, harmful=harmful, cases=len(mine), alarms=alarms)


def markdown(cases: list[Case]) -> str:
    """Three tables: the untouched environments, faults found, and harmless changes that raised an alarm."""
    found = list(rows(cases))
    parts = [
        _untouched(cases),
        _table("Faults, and who found them", [row for row in found if row.harmful]),
        _table("Harmless changes, and who complained", [row for row in found if not row.harmful]),
    ]
    return "\n\n".join(parts) + "\n"


def _untouched(cases: list[Case]) -> str:
    lines = ["### The untouched environments", "", *_head("environment")]
    for case in cases:
        if case.kind == UNTOUCHED:
            words = {True: "complains", False: "silent", None: "-"}
            cells = [words[case.alarms.get(tool)] for tool in TOOLS]
            lines.append(f"| {case.environment} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table(title: str, rows: list[KindRow]) -> str:
    lines = [f"### {title}", "", *_head("change", "cases")]
    lines += [_line(row.kind, row.cases, row.alarms) for row in rows]
    summed = {
        tool: (sum(row.alarms[tool][0] for row in rows), sum(row.alarms[tool][1] for row in rows))
        for tool in TOOLS
    }
    lines.append(_line("**all**", sum(row.cases for row in rows), summed))
    return "\n".join(lines)


def _head(*columns: str) -> list[str]:
    """Without spaces: a line of the docs has 110 characters at most."""
    names = (*columns, "envlock", *NAMES)
    return [f"|{'|'.join(names)}|", "|---" * len(names) + "|"]


def _line(kind: str, cases: int, alarms: Mapping[str, tuple[int, int]]) -> str:
    cells = [f"{found} of {asked}" if asked else "-" for found, asked in alarms.values()]
    return f"| {kind} | {cases} | {' | '.join(cells)} |"
