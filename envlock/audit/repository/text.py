"""The judgement as people read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from envlock.audit.repository.judge import Audit
from envlock.audit.repository.model import Finding

_SHOWN = 5
Paint = Callable[[str, str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """`verbose` shows every place, `quiet` no reasons and no grade. `paint(text, style)` colours."""

    verbose: bool = False
    quiet: bool = False
    paint: Paint = lambda text, _style: text


def render(audit: Audit, look: Look) -> str:
    """The findings by rule, worst first, then the grade."""
    lines: list[str] = []
    for _, group in groupby(audit.findings, key=lambda each: (each.level, each.rule.id)):
        lines += _rule(list(group), look)
    if not look.quiet:
        lines += _grade(audit)
    return "\n".join(lines)


def _rule(group: list[Finding], look: Look) -> Iterator[str]:
    first = group[0]
    level = look.paint(f"{first.level}:", "error" if first.level == "error" else "hint")
    if look.quiet:
        yield from (f"{each.hit.place}: {each.level}: {each.hit.message} [{each.rule.id}]" for each in group)
        return
    yield f"{level} {first.rule.title} [{first.rule.id}]"
    shown = group if look.verbose else group[:_SHOWN]
    yield from (f"  {each.hit.place}: {each.hit.message}" for each in shown)
    if len(shown) < len(group):
        yield f"  … and {len(group) - len(shown)} more (`-v` shows them)"
    yield f"  why: {first.rule.why}"
    for do in dict.fromkeys(each.do for each in shown):
        yield f"  do: {do}"
    yield ""


def _grade(audit: Audit) -> Iterator[str]:
    files = "1 file" if audit.read == 1 else f"{audit.read} files"
    yield f"grade {audit.grade.letter} ({audit.grade.score} of 100), {files} looked at"
    yield f"  {audit.grade.explanation}"
    if audit.ignored:
        yield f"  {audit.ignored} ignored by comments"
    fixable = sum(each.hit.edit is not None for each in audit.findings)
    if fixable:
        yield f"  {fixable} can be mended by `envlock audit --fix`"
