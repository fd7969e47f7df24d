"""Where a fact comes from: the `src` of a row, with what `[sources]` says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envlock.stack.facts import document


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A source by its short name, and where to find it."""

    name: str
    text: str


def sources(file: str, names: Iterable[str]) -> tuple[Source, ...]:
    """The sources that rows of the data file `file` (`torch_builds`) cite, each once."""
    known = document(file)["sources"]
    return tuple(Source(name=name, text=known[name]) for name in dict.fromkeys(names))
