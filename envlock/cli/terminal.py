"""Colour, where a terminal shows it. It never carries meaning alone: every word is there without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TextIO

import click

from envlock.report.text import Paint, plain

_STYLES: Mapping[str, Callable[[str], str]] = {
    "error": partial(click.style, fg="red", bold=True),
    "hint": partial(click.style, fg="cyan"),
    "match": partial(click.style, fg="green", bold=True),
    "mismatch": partial(click.style, fg="red", bold=True),
    "incomplete": partial(click.style, fg="yellow", bold=True),
    "differs": partial(click.style, fg="red"),
    "incompatible": partial(click.style, fg="red"),
    "foreign": partial(click.style, fg="red"),
    "unknown": partial(click.style, fg="yellow"),
    "note": partial(click.style, dim=True),
}


def painter(stream: TextIO) -> Paint:
    """How to paint what goes to `stream`: not at all unless it is a terminal, NO_COLOR is unset or empty
    (no-color.org), and the terminal is not a dumb one."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return plain
    return _paint


def _paint(text: str, meaning: str) -> str:
    return _STYLES.get(meaning, str)(text)
