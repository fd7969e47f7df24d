"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envlock.audit.repository.content import Repository


class Level(StrEnum):
    """Errors and warnings are findings that count; `unknown` could not be judged; a note is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"
    NOTE = "note"

    @property
    def counts(self) -> bool:
        return self in (Level.ERROR, Level.WARNING)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Place:
    """A place in a file of the repository; line and column count from 1. `cell` is that of a notebook."""

    file: str
    line: int = 1
    column: int = 1
    cell: int | None = None

    def __str__(self) -> str:
        cell = "" if self.cell is None else f" (cell {self.cell})"
        return f"{self.file}:{self.line}:{self.column}{cell}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A safe change: on one line, `old` becomes `new`, once."""

    file: str
    line: int
    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """What a rule says of one place. `level` and `do` go before those of the rule."""

    place: Place
    message: str
    do: str | None = None
    level: Level | None = None
    edit: Edit | None = None


Check = Callable[["Repository"], Iterable[Hit]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One fault that a repository can have. `weight` is what it takes off a grade of 100, however often it
    is found; `why` says what it does to a reproduction, `do` what mends it."""

    id: str
    title: str
    level: Level
    weight: int
    why: str
    do: str
    check: Check


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule and a place where it is broken."""

    rule: Rule
    hit: Hit

    @property
    def level(self) -> Level:
        return self.hit.level or self.rule.level

    @property
    def do(self) -> str:
        return self.hit.do or self.rule.do

    def to_json(self) -> dict[str, Any]:
        place = self.hit.place
        return {
            "rule": self.rule.id,
            "level": str(self.level),
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "cell": place.cell,
            "message": self.hit.message,
            "why": self.rule.why,
            "do": self.do,
            "fixable": self.hit.edit is not None,
        }
