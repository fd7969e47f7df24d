"""Geometry of the bar charts: the page draws it as SVG, in a picture 360 units wide that a phone can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 360
_LABEL, _VALUE, _ROW, _LONGEST = 144, 56, 18, 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """`label` fits beside the bar, `whole` is all of it; `y` is the top of the row."""

    label: str
    whole: str
    value: str
    y: int
    length: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """`height` in units; bars start at `start`."""

    bars: tuple[Bar, ...]
    height: int
    start: int = _LABEL
    row: int = _ROW


def plot(rows: Sequence[tuple[str, float, str]], *, logarithmic: bool = False) -> Plot:
    """Horizontal bars of (label, value, value in words), in the order given; below zero there is none."""
    lengths = [math.log2(1 + max(value, 0.0)) if logarithmic else value for _, value, _ in rows]
    longest = max(lengths, default=0.0) or 1.0
    room = WIDTH - _LABEL - _VALUE
    bars = tuple(
        Bar(
            label=label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…",
            whole=label,
            value=words,
            y=number * _ROW,
            length=round(max(room * length / longest, 1.0), 1),
        )
        for number, ((label, _, words), length) in enumerate(zip(rows, lengths, strict=True))
    )
    return Plot(bars=bars, height=len(bars) * _ROW)
