"""One run: cases made by seed, what was said of each, and the table of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.faults import environments, faults, harmless, images
from benchmarks.faults.peers import NAMES, peers_of
from benchmarks.measure import machine
from envlock.report import Report, Verdict

# How many of 200 cases each environment gets.
SHARES: Mapping[str, int] = {"uv": 66, "pip": 54, "conda": 46, "image": 34}
OURS = "envlock verify"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What was done to what, and who raised an alarm: None where a tool does not apply."""

    environment: str
    kind: str
    seed: str
    harmful: bool
    told: str
    said: str
    alarms: Mapping[str, bool | None]

    @property
    def is_right(self) -> bool:
        return self.alarms[OURS] is self.harmful


def run(
    folder: Path, cases: int, seed: int, *, peers: bool = True, only: Iterable[str] = SHARES
) -> list[Case]:
    """`cases` faults and as many harmless changes over all environments; the same seed, the same cases."""
    names = [name for name in SHARES if name in set(only)]
    total = sum(SHARES[name] for name in names)
    counts = {name: round(cases * SHARES[name] / total) for name in names}
    counts[names[0]] += cases - sum(counts.values())
    if {"uv", "pip"} & set(names):
        environments.materials(folder / "materials")
    orders = [(name, folder, counts[name], seed, peers) for name in names]
    with ProcessPoolExecutor(len(orders), mp_context=get_context("spawn")) as pool:
        return [case for found in pool.map(_of_environment, orders) for case in found]


def _of_environment(order: tuple[str, Path, int, int, bool]) -> list[Case]:
    name, folder, count, seed, peers = order
    work = folder / name
    work.mkdir(parents=True)
    if name == "image":
        return list(_images(work, count, seed))
    if name == "conda":
        template = environments.with_rattler(work)
        kinds = (faults.BOTH, harmless.OF_CONDA)
    else:
        wheels, spare = environments.gathered(folder / "materials")
        make = environments.with_uv if name == "uv" else environments.with_pip
        template = make(work / "made", wheels, spare)
        kinds = (faults.OF_WHEELS, harmless.CHANGES)
    return list(_of_template(template, kinds, count, seed, peers=peers))


def _of_template(
    template: environments.Template,
    kinds: tuple[Mapping[str, faults.Change], Mapping[str, faults.Change]],
    count: int,
    seed: int,
    *,
    peers: bool,
) -> Iterator[Case]:
    others = peers_of(template) if peers else None
    if others is not None:
        others = others.silent_on(template.scene("untouched").subject.prefix)
    for harmful, changes in zip((True, False), kinds, strict=True):
        seen: set[str] = set()
        for kind, change, named in _chosen(changes, count, seed):
            scene = template.scene(f"{template.name} {named}")
            change(scene)
            subject = scene.subject
            subject.environment.update(scene.environment)
            report = subject.verify(level="content")
            first = kind not in seen
            seen.add(kind)
            alarms = others.alarms(subject.prefix, scene.environment, slow=first) if others else {}
            _tell(template.name, kind, named)
            yield Case(
                environment=template.name,
                kind=kind,
                seed=named,
                harmful=harmful,
                told=scene.told,
                said="; ".join(f.message for f in report.findings if str(f.severity) != "note")[:400],
                alarms={OURS: _alarm(report, harmful=harmful), **alarms},
            )


def _chosen(
    changes: Mapping[str, Callable[..., Any]], count: int, seed: int
) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """The kinds in turn, each case with a seed of its own."""
    names = list(changes)
    for number in range(count):
        kind = names[number % len(names)]
        yield kind, changes[kind], f"{seed}/{kind}/{number}"


def _images(work: Path, count: int, seed: int) -> Iterator[Case]:
    made = images.make(work)
    for harmful, changes in ((True, images.FAULTS), (False, images.HARMLESS)):
        for kind, change, named in _chosen(changes, count, seed):
            told, report = images.judged(made, change, named)
            _tell("image", kind, named)
            yield Case(
                environment="image (OCI layout)",
                kind=kind,
                seed=named,
                harmful=harmful,
                told=told,
                said="; ".join(f.message for f in report.findings if str(f.severity) != "note")[:400],
                alarms={OURS: _alarm(report, harmful=harmful)},
            )


def _alarm(report: Report, *, harmful: bool) -> bool:
    """A fault is found where the verdict is a mismatch; of what is harmless, "could not tell" is an alarm."""
    return report.verdict is Verdict.MISMATCH if harmful else report.verdict is not Verdict.MATCH


def _tell(environment: str, kind: str, seed: str) -> None:
    """Progress, for whoever waits."""
    print(f"{environment}: {kind} [{seed}]", file=sys.stderr, flush=True)


def document(cases: list[Case], seed: int) -> dict[str, Any]:
    return {
        "schema": "envlock.faults/1",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "seed": seed,
        "totals": {name: _total(cases, name) for name in (OURS, *NAMES)},
        "kinds": [asdict_row(row) for row in rows(cases)],
        "wrong": [asdict(case) for case in cases if not case.is_right],
    }


def _total(cases: list[Case], tool: str) -> dict[str, int]:
    asked = [case for case in cases if case.alarms.get(tool) is not None]
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
    for harmful, kind in dict.fromkeys((case.harmful, case.kind) for case in cases):
        mine = [case for case in cases if (case.harmful, case.kind) == (harmful, kind)]
        alarms = {}
        for tool in (OURS, *NAMES):
            asked = [case for case in mine if case.alarms.get(tool) is not None]
            alarms[tool] = (sum(bool(case.alarms[tool]) for case in asked), len(asked))
        yield KindRow(kind=kind, harmful=harmful, cases=len(mine), alarms=alarms)


def markdown(cases: list[Case]) -> str:
    """Two tables: faults found, and harmless changes that raised an alarm."""
    found = list(rows(cases))
    parts = []
    for harmful, title in (
        (True, "Faults, and who found them"),
        (False, "Harmless changes, and who complained"),
    ):
        lines = [f"### {title}", "", f"| change | cases | {' | '.join(f'`{n}`' for n in (OURS, *NAMES))} |"]
        lines.append("|---|---|" + "---|" * (len(NAMES) + 1))
        mine = [row for row in found if row.harmful is harmful]
        lines += [_line(row.kind, row.cases, row.alarms) for row in mine]
        summed = {
            tool: (sum(row.alarms[tool][0] for row in mine), sum(row.alarms[tool][1] for row in mine))
            for tool in (OURS, *NAMES)
        }
        lines.append(_line("**all**", sum(row.cases for row in mine), summed))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(kind: str, cases: int, alarms: Mapping[str, tuple[int, int]]) -> str:
    cells = [f"{found} of {asked}" if asked else "-" for found, asked in alarms.values()]
    return f"| {kind} | {cases} | {' | '.join(cells)} |"
