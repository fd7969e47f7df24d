"""What differs between two hosts, or a lock and a host, as a person reads it and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from envlock.report.text import Look

_MOST = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs; null where one of the two has it not."""

    component: str
    message: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FactsDiff:
    """`differences` with the most likely cause first, `harmless` apart, `explanation` in a line."""

    differences: tuple[Difference, ...]
    harmless: tuple[Difference, ...]
    explanation: str | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs that can matter."""
        return not self.differences


def document(diff: FactsDiff, *, old: str, new: str) -> dict[str, Any]:
    """`envlock.facts-diff/1`."""
    return {
        "schema": "envlock.facts-diff/1",
        "old": old,
        "new": new,
        "equal": diff.is_empty,
        "explanation": diff.explanation,
        "differences": [asdict(each) for each in diff.differences],
        "harmless": [asdict(each) for each in diff.harmless],
    }


def render(diff: FactsDiff, look: Look, *, old: str, new: str) -> str:
    """The explanation, then what else differs, then what is harmless."""
    if diff.is_empty:
        lines = [f"{look.paint('equal:', 'match')} {old} and {new} differ in nothing that matters"]
    else:
        lines = [f"{look.paint('differs:', 'mismatch')} {diff.explanation}"]
    if not look.quiet:
        lines += _titled("what differs, the most likely cause first", diff.differences, look)
        lines += _titled("what is harmless", diff.harmless, look)
    return "\n".join(lines)


def _titled(title: str, rows: Sequence[Difference], look: Look) -> list[str]:
    shown = rows if look.verbose else rows[:_MOST]
    more = [f"  … and {len(rows) - len(shown)} more (`-v` has them all)"] if len(rows) > len(shown) else []
    return ["", f"{title}:", *(f"  {row.message}" for row in shown), *more] if rows else []
