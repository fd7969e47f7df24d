"""A grade that can be explained: what each broken rule took off, and what caps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from envlock.audit.repository.model import Finding, Level

_STEPS = ((90, "A"), (75, "B"), (60, "C"), (40, "D"), (0, "F"))
_CAP_OF_ERRORS = 74  # with an error, C is the best


@dataclass(frozen=True, kw_only=True, slots=True)
class Deduction:
    rule: str
    points: int
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """`letter` from A to F, `score` of 100, and how it came about."""

    letter: str
    score: int
    deductions: tuple[Deduction, ...]
    is_capped: bool

    @property
    def explanation(self) -> str:
        """`100 - 25 no-such-image - 10 moving-tag (2 times) = 65`."""
        taken = "".join(f" - {each.points} {each.rule}{_times(each.times)}" for each in self.deductions)
        if not taken:
            return "100: nothing was taken off"
        total = max(0, 100 - sum(each.points for each in self.deductions))
        capped = f", and no more than {_CAP_OF_ERRORS} with an error" if self.is_capped else ""
        return f"100{taken} = {total}{capped}"

    def to_json(self) -> dict[str, Any]:
        return {
            "letter": self.letter,
            "score": self.score,
            "deductions": [
                {"rule": each.rule, "points": each.points, "times": each.times} for each in self.deductions
            ],
            "capped_by_error": self.is_capped,
        }


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


def grade(findings: Iterable[Finding]) -> Grade:
    """Each rule that is broken takes its weight off once, however often it is broken."""
    rows = [each for each in findings if each.level.counts and each.rule.weight]
    times: dict[str, int] = {}
    for each in rows:
        times[each.rule.id] = times.get(each.rule.id, 0) + 1
    weights = {each.rule.id: each.rule.weight for each in rows}
    deductions = tuple(
        Deduction(rule=rule, points=weights[rule], times=count)
        for rule, count in sorted(times.items(), key=lambda item: (-weights[item[0]], item[0]))
    )
    total = max(0, 100 - sum(weights.values()))
    has_error = any(each.level is Level.ERROR for each in rows)
    score = min(total, _CAP_OF_ERRORS) if has_error else total
    letter = next(letter for least, letter in _STEPS if score >= least)
    return Grade(letter=letter, score=score, deductions=deductions, is_capped=score < total)
