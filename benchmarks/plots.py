"""Plots of a run as SVG that needs nothing else: bars for each row, lines over sizes.

The bars are those of the pages that envlock writes; the template engine escapes every text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.race import Outcome
from benchmarks.record import Record
from benchmarks.tables import median, seconds
from envlock.audit.evidence.plots import WIDTH, plot

WIDE, HIGH, LEFT, BELOW, ABOVE, RIGHT = 640, 300, 56, 40, 14, 180
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """`name` is the file's; `told` is what a reader who does not see it hears."""

    row: str
    name: str
    told: str
    svg: str


def pictures(record: Record) -> Iterator[Picture]:
    for row, group in groupby(record.outcomes, key=lambda each: each.row):
        outcomes = [each for each in group if any(timed.samples for timed in each.timed)]
        points = [each for each in outcomes if each.at]
        has_line = len({each.at for each in points}) > 1
        if has_line:
            yield _lines(row, points[0].series, points)
        bars = [each for each in outcomes if not (each.at and has_line)]
        if bars:
            yield _bars(row, bars)


def _bars(row: str, outcomes: Sequence[Outcome]) -> Picture:
    told = f"{row}: seconds, medians"
    charts = []
    top = 0
    for outcome in outcomes:
        rows = [(t.who, median(t), f"{seconds(median(t))} s") for t in outcome.timed if t.samples]
        chart = plot(rows)
        charts.append((top, outcome, chart))
        top += chart.height + 34
    svg = _drawn("bars.svg.j2", told=told, charts=charts, width=WIDTH, height=top)
    return Picture(row=row, name=_file_name(row), told=told, svg=svg)


def _lines(row: str, series: str, outcomes: Sequence[Outcome]) -> Picture:
    """Both axes logarithmic: a straight line is a power, and small and large can be seen alike."""
    told = f"{row}: seconds by number of {series}"
    points: dict[str, list[tuple[int, float]]] = {}
    for outcome in outcomes:
        for timed in outcome.timed:
            if timed.samples:
                points.setdefault(timed.who, []).append((outcome.at, median(timed)))
    every = [point for line in points.values() for point in line]
    across = _Axis.over([x for x, _ in every], LEFT, WIDE - RIGHT)
    up = _Axis.over([y for _, y in every], HIGH - BELOW, ABOVE)
    lines = [
        (number, who, [(across.at(x), up.at(y)) for x, y in sorted(line)], seconds(max(line)[1]))
        for number, (who, line) in enumerate(points.items())
    ]
    svg = _drawn(
        "lines.svg.j2",
        told=told,
        size=(WIDE, HIGH),
        inside=(LEFT, ABOVE, WIDE - RIGHT, HIGH - BELOW),
        lines=lines,
        labels=_apart([line[-1][1] for _, _, line, _ in lines]),
        across=[(across.at(value), f"{value:,.0f}") for value in across.powers()],
        up=[(up.at(value), f"{value:g} s") for value in up.powers()],
    )
    return Picture(row=row, name=_file_name(f"{row} {series}"), told=told, svg=svg)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Axis:
    """A logarithmic axis over whole powers of ten, from one place of the picture to another."""

    low: int
    high: int
    start: int
    end: int

    @classmethod
    def over(cls, values: Sequence[float], start: int, end: int) -> _Axis:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low=low, high=max(high, low + 1), start=start, end=end)

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def powers(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _apart(heights: Sequence[float]) -> list[float]:
    """Where the names of the lines stand: at their ends, none on another."""
    places = list(heights)
    order = sorted(range(len(places)), key=lambda number: places[number])
    for before, after in pairwise(order):
        places[after] = max(places[after], places[before] + 12)
    return places


def _file_name(told: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", told.lower()).strip("-") + ".svg"


def _drawn(template: str, **values: Any) -> str:
    return _PAGES.get_template(template).render(**values) + "\n"
