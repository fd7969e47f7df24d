"""Known failures in the text of a log (`classics.toml`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import tomli

from envlock.doctor.model import Diagnosis

_MOST_SEEN = 200


def recognised(text: str) -> tuple[Diagnosis, ...]:
    """What a pasted error means, in the order of the text; each failure once."""
    found: dict[str, Diagnosis] = {}
    for line in text.splitlines():
        for diagnosis in _of_line(line):
            found.setdefault(diagnosis.code, diagnosis)
    return tuple(found.values())


def _of_line(line: str) -> Iterator[Diagnosis]:
    for row in classics():
        if re.search(row["pattern"], line):
            yield Diagnosis(
                code=row["code"],
                message=row["message"],
                hint=row["hint"],
                seen=_printable(line.strip()[:_MOST_SEEN]),
            )


@cache
def classics() -> Sequence[Mapping[str, str]]:
    document = tomli.loads(Path(__file__).with_name("classics.toml").read_text(encoding="utf-8"))
    rows: Sequence[Mapping[str, str]] = document["classic"]
    return rows


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
