"""Markdown of a run: a table for each row, medians with the spread, ours beside each peer."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmarks.race import OURS, Outcome, Timed
from benchmarks.record import Record


def median(timed: Timed) -> float:
    return statistics.median(each.wall_seconds for each in timed.samples)


def seconds(value: float) -> str:
    """Three digits that mean something: 0.064 s, 1.23 s, 12.3 s, 123 s."""
    return f"{value:.3f}" if value < 1 else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def tables(record: Record) -> Iterator[tuple[str, str]]:
    """(row, its table), lines of at most 110 characters."""
    for row, outcomes in groupby(record.outcomes, key=lambda each: each.row):
        yield row, "\n".join(_table(list(outcomes)))


def left_out(record: Record) -> str:
    return "\n".join(_item(f"{row}: {reason}") for row, reason in record.left_out.items())


_HEAD = "| | wall s | range | n | CPU s | MiB | envlock is |\n|---|---|---|---|---|---|---|"


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield _HEAD
    for outcome in outcomes:
        budget = f" (budget {outcome.budget})" if outcome.budget else ""
        yield f"| **{', '.join(filter(None, (outcome.title, outcome.amount)))}**{budget} | | | | | | |"
        ours = next((each for each in outcome.timed if each.who == OURS and each.samples), None)
        for timed in outcome.timed:
            if timed.samples:
                yield f"| {timed.who} | {' | '.join(_cells(timed, ours))} |"
    failures = [_item(each) for each in dict.fromkeys(_failures(outcomes))]
    if failures:
        yield ""
        yield from failures


def _failures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        yield from (f"{t.who}, {outcome.title}: {t.failure}" for t in outcome.timed if not t.samples)


def _item(text: str) -> str:
    return textwrap.fill(
        f"- {text}", 108, subsequent_indent="  ", break_long_words=True, break_on_hyphens=False
    )


def _cells(timed: Timed, ours: Timed | None) -> Iterator[str]:
    walls = [each.wall_seconds for each in timed.samples]
    yield seconds(median(timed))
    yield f"{seconds(min(walls))}-{seconds(max(walls))}"
    yield str(len(walls))
    yield seconds(statistics.median(each.cpu_seconds for each in timed.samples))
    yield f"{max(each.peak_mib for each in timed.samples):.0f}"
    yield "" if ours is None or timed.who.startswith(OURS) else beside(median(ours), median(timed))


def beside(ours: float, peer: float) -> str:
    """How ours stands to a peer, in words that cannot be read the wrong way round."""
    factor = max(ours, peer) / max(min(ours, peer), 1e-9)
    told = f"{factor:.2g}" if factor < 10 else f"{factor:.0f}"
    return f"{told} times faster" if ours < peer else f"{told} times slower"
