"""One run: cases made by seed, and what was said of each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.faults import environments, faults, harmless
from benchmarks.faults.cases import UNTOUCHED, Case, Journal, Key
from benchmarks.faults.stages import ImageStage, PrefixStage, Stage

# How many of 200 cases each environment gets.
SHARES: Mapping[str, int] = {"uv": 66, "pip": 54, "conda": 46, "image": 34}


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """`cases` faults and as many harmless changes over the environments `only`: the same seed, the same
    cases. Below `folder` the environments are made; in `kept` each case is noted when it is done, so that
    a run that was broken off goes on. Without `peers` other tools are asked about the untouched only."""

    folder: Path
    cases: int
    seed: int
    only: Sequence[str] = tuple(SHARES)
    peers: bool = True
    kept: Path | None = None

    def counts(self) -> dict[str, int]:
        names = [name for name in SHARES if name in self.only]
        total = sum(SHARES[name] for name in names)
        counts = {name: round(self.cases * SHARES[name] / total) for name in names}
        counts[names[0]] += self.cases - sum(counts.values())
        return counts


def run(order: Order) -> list[Case]:
    """All cases, and one of each environment as nobody touched it; the environments at the same time."""
    environments.materials(order.folder / "materials")
    counts = order.counts()
    with ProcessPoolExecutor(len(counts), mp_context=get_context("spawn")) as pool:
        found = pool.map(_of_environment, [order] * len(counts), counts, counts.values())
        return [case for cases in found for case in cases]


def _of_environment(order: Order, name: str, count: int) -> list[Case]:
    work = order.folder / name
    work.mkdir(parents=True)
    journal = Journal(order.kept / f"{name}.jsonl" if order.kept is not None else None)
    wheels, spare = environments.gathered(order.folder / "materials")
    stage: Stage
    if name == "image":
        stage = ImageStage.made(work, wheels)
    elif name == "conda":
        stage = PrefixStage.of(environments.with_rattler(work), faults.BOTH, harmless.OF_CONDA)
    else:
        make = environments.with_uv if name == "uv" else environments.with_pip
        template = make(work / "made", wheels, spare)
        stage = PrefixStage.of(template, faults.OF_WHEELS, harmless.CHANGES)
    return list(_played(stage, journal, order, count))


def _played(stage: Stage, journal: Journal, order: Order, count: int) -> Iterator[Case]:
    key = Key(kind=UNTOUCHED, seed="untouched", harmful=False)
    untouched = journal.known(key) or journal.noted(stage.play(_nothing, key, stage.peers))
    yield untouched
    others = stage.peers.without(untouched.alarms) if order.peers else None
    for key, change in _in_turn(stage, count, order.seed):
        yield journal.known(key) or journal.noted(stage.play(change, key, others))
        print(f"{stage.name}: {key.kind} [{key.seed}]", file=sys.stderr, flush=True)


def _nothing(_: Any) -> None:
    """The environment as it was made."""


def _in_turn(stage: Stage, count: int, seed: int) -> Iterator[tuple[Key, Callable[[Any], None]]]:
    """A fault, then a harmless change, kind after kind, each case with a seed of its own: a run that was
    broken off has as many of each."""
    for number in range(count):
        for harmful, changes in ((True, stage.faults), (False, stage.harmless)):
            kind = list(changes)[number % len(changes)]
            yield Key(kind=kind, seed=f"{seed}/{kind}/{number}", harmful=harmful), changes[kind]
