"""The page of the rules (docs/audit-rules.md), from the rules themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from envlock.audit.repository.model import Rule

_HEAD = """# Rules of `envlock audit`

How to use them is in [Judge a repository](how-to/audit.md). `envlock audit --rules` prints this page.

An `error` or a `warning` is a finding, and takes its points off a grade of 100 once, however often it is
found. With an error the grade is C at best. `unknown` could not be judged: alone it is exit status 8. A
`note` is worth knowing.
"""


def page(rules: Iterable[Rule]) -> str:
    return "\n".join((_HEAD, *(line for rule in rules for line in _section(rule))))


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield _wrapped(f"{_capital(rule.title)}. {_level(rule)}")
    yield ""
    yield _wrapped(f"Why: {rule.why}.")
    yield ""
    yield _wrapped(f"What to do: {rule.do}.")
    yield ""


def _level(rule: Rule) -> str:
    points = {0: "takes nothing off", 1: "takes 1 point off"}.get(
        rule.weight, f"takes {rule.weight} points off"
    )
    return f"`{rule.level}`; {points if rule.level.counts else 'takes nothing off'}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 105, break_long_words=False, break_on_hyphens=False)
