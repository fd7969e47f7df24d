"""`# envlock: ignore[rule]`: on the line, or alone on the line before; `ignore-file[rule]`: the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envlock.audit.repository.model import Place

_PRAGMA = re.compile(r"envlock:\s*ignore(?P<file>-file)?\[(?P<rules>[a-z0-9, -]+)\]")
_ALONE = re.compile(
    r"[\s\"]*(?:#|//|<!--|%|\.\.|--)\s*envlock:\s*ignore\[[^\]]*\](?:\s*-->)?(?:\\n)?[\s\",]*"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pragma:
    """One comment: `lines` that it is about (None: the whole file), and the rules."""

    place: Place
    lines: frozenset[int] | None
    rules: tuple[str, ...]


def pragmas(file: str, text: str) -> tuple[Pragma, ...]:
    """The comments of a file.

    >>> [(each.rules, sorted(each.lines)) for each in pragmas("a", "# envlock: ignore[no-seed]\\nx = 1\\n")]
    [(('no-seed',), [1, 2])]
    """
    if "envlock:" not in text:
        return ()
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _PRAGMA.finditer(line):
            is_alone = _ALONE.fullmatch(line) is not None
            lines = None if match["file"] else frozenset((number, number + 1) if is_alone else (number,))
            rules = tuple(each.strip() for each in match["rules"].split(",") if each.strip())
            place = Place(file=file, line=number, column=match.start() + 1)
            found.append(Pragma(place=place, lines=lines, rules=rules))
    return tuple(found)


def every_pragma(texts: Mapping[str, str]) -> dict[str, tuple[Pragma, ...]]:
    found = {file: pragmas(file, text) for file, text in texts.items()}
    return {file: each for file, each in found.items() if each}


def is_ignored(rule: str, place: Place, known: Iterable[Pragma]) -> bool:
    return any(
        rule in pragma.rules and (pragma.lines is None or place.line in pragma.lines) for pragma in known
    )
