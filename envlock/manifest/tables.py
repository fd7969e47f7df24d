"""Typed reading of TOML tables. Every fault is collected with its place; nothing is raised on the way.

The manifest and the lockfile are both read with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache

from envlock.errors import Fault, InvalidInput

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_CHARACTERS = 80
_KINDS: Mapping[type, str] = {list: "a list", dict: "a table"}


class Faults:
    """Collects faults in the order they are met; a fault met twice counts once."""

    def __init__(self) -> None:
        self._found: dict[Fault, None] = {}

    def add(self, where: str, message: str, hint: str | None = None) -> None:
        self._found[Fault(where=where, message=message, hint=hint)] = None

    def __len__(self) -> int:
        return len(self._found)

    def found(self) -> tuple[Fault, ...]:
        return tuple(self._found)

    def raise_if_any(self, error: type[InvalidInput], subject: str, hint: str | None = None) -> None:
        """Raise `error` with all faults; `subject` is the file as the user knows it."""
        if self._found:
            count = "1 fault" if len(self) == 1 else f"{len(self)} faults"
            raise error(f"{code(subject)} has {count}", faults=self.found(), where=subject, hint=hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a text must look like in full, and how to say it."""

    text: str
    says: str

    @property
    def pattern(self) -> re.Pattern[str]:
        return _compiled(self.text)

    def admits(self, text: str) -> bool:
        return _compiled(self.text).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """When it is first asked: a command uses a few of a hundred."""
    return re.compile(pattern)


def rule(pattern: str, says: str) -> Rule:
    return Rule(text=pattern, says=says)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A TOML table with its place: `file` as shown, `path` the dotted keys that lead to it."""

    file: str
    path: str
    data: Mapping[str, object]
    faults: Faults

    def at(self, key: str) -> str:
        """The place of `key`: `pyproject.toml, tool.envlock.cuda`."""
        return f"{self.file}, {self._below(key)}"

    def fault(self, key: str, message: str, hint: str | None = None) -> None:
        self.faults.add(self.at(key), message, hint)

    def only(self, known: Sequence[str]) -> None:
        """Fault every key that is not `known`, with the one that was probably meant."""
        for key in self.data:
            if key not in known:
                self.fault(key, f"unknown key {code(key)}", suggestion(key, known))

    def require(self, keys: Iterable[str]) -> None:
        for key in keys:
            if key not in self.data:
                self.fault(key, f"{code(key)} is missing")

    def text(self, key: str, wanted: Rule) -> str | None:
        """The string at `key`; None where it is absent or at fault."""
        value = self.data.get(key)
        return None if value is None else self._checked(key, value, wanted)

    def texts(self, key: str, wanted: Rule) -> tuple[str, ...] | None:
        """The list of strings at `key`; None where it is absent or not a list."""
        values = self.listed(key, "a list of strings")
        if values is None:
            return None
        checked = (self._checked(f"{key}[{number}]", value, wanted) for number, value in enumerate(values))
        return tuple(text for text in checked if text is not None)

    def named_texts(self, key: str, names: Rule, wanted: Rule) -> dict[str, str]:
        """The table of strings at `key`; what is at fault in it is left out."""
        table = self.table(key)
        if table is None:
            return {}
        found = {name: table.text(name, wanted) for name in table.data if table.admits_key(name, names)}
        return {name: text for name, text in found.items() if text is not None}

    def admits_key(self, name: str, names: Rule) -> bool:
        if not names.admits(name):
            self.fault(name, f"{code(name)} must be {names.says}")
            return False
        return True

    def integer(self, key: str) -> int | None:
        """The number at `key`, not negative."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._wrong(key, "a whole number, not negative", value)
            return None
        return value

    def flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            self._wrong(key, "`true` or `false`", value)
        return value is True

    def table(self, key: str) -> Table | None:
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key, "a table", value)
            return None
        return self._child(key, value)

    def below(self, key: str) -> Table:
        """As `table`; an empty one where it is absent or at fault."""
        return self.table(key) or self._child(key, {})

    def tables(self, key: str) -> tuple[Table, ...]:
        """The array of tables at `key`; what is no table in it is a fault."""
        rows = []
        for number, value in enumerate(self.listed(key, "a list of tables") or ()):
            place = f"{key}[{number}]"
            if isinstance(value, dict):
                rows.append(self._child(place, value))
            else:
                self._wrong(place, "a table", value)
        return tuple(rows)

    def listed(self, key: str, wanted: str) -> list[object] | None:
        value = self.data.get(key)
        if value is None or isinstance(value, list):
            return value
        hint = f"write `{key} = [{shown(value)}]`" if isinstance(value, str) else None
        self._wrong(key, wanted, value, hint)
        return None

    def _checked(self, key: str, value: object, wanted: Rule) -> str | None:
        if not isinstance(value, str):
            self._wrong(key, "a string", value, f'quote it: `"{value}"`' if _is_short(value) else None)
        elif not wanted.admits(value):
            self.fault(key, f"{code(key)} must be {wanted.says}, found {shown(value)}")
        else:
            return value
        return None

    def _wrong(self, key: str, wanted: str, value: object, hint: str | None = None) -> None:
        self.fault(key, f"{code(key)} must be {wanted}, found {described(value)}", hint)

    def _child(self, key: str, value: Mapping[str, object]) -> Table:
        return Table(file=self.file, path=self._below(key), data=value, faults=self.faults)

    def _below(self, key: str) -> str:
        name, bracket, number = key.partition("[")
        plain = _BARE_KEY.fullmatch(name if bracket and number[:-1].isdigit() else key)
        last = key if plain else shown(key)
        return f"{self.path}.{last}" if self.path else last


def described(value: object) -> str:
    """A TOML value for a message: what it is, and its text where that is short.

    >>> described(12.4), described([1])
    ('the number 12.4', 'a list')
    """
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"the number {value}" if _is_short(value) else "a number"
    if isinstance(value, (datetime, time)):
        return f"the time {value.isoformat()}"
    if isinstance(value, date):
        return f"the date {value.isoformat()}"
    return _KINDS.get(type(value), "a value of another kind")


def _is_short(value: object) -> bool:
    """A number whose text is short: Python refuses to write one of more than 4,300 digits."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


def shown(text: str) -> str:
    r"""`text` in double quotes, shortened, with nothing in it that a terminal would obey.

    >>> shown("a\x1b[2Jb")
    '"a\\x1b[2Jb"'
    """
    short = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f'"{printable(short)}"'


def code(text: str) -> str:
    """`text` in backquotes, as safe to print as `shown`."""
    return f"`{printable(text[:_SHOWN_CHARACTERS])}`"


def printable(text: str) -> str:
    """`text` with escapes for what a terminal, or a line of a file, would obey."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def suggestion(word: str, known: Sequence[str]) -> str:
    """`did you mean` the nearest of `known`, or all of them where none is near."""
    import difflib  # late: only a fault needs it

    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return "known here: " + ", ".join(f"`{name}`" for name in known) if known else "nothing is known here"
