"""All rules over what was read: findings in their order, less those that are excused, and the grade."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from envlock.audit.repository.content import Repository
from envlock.audit.repository.grading import Grade, grade
from envlock.audit.repository.ignoring import every_pragma, is_ignored
from envlock.audit.repository.model import Finding, Hit, Level, Rule
from envlock.audit.repository.registry import RULES

_ORDER = tuple(Level)


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """The judgement of a repository; `read` counts the files that were looked at, `ignored` the findings that
    comments excuse."""

    root: str
    findings: tuple[Finding, ...]
    grade: Grade
    read: int
    ignored: int

    @property
    def exit_status(self) -> int:
        """1 with a finding that counts, 8 where something could not be judged, else 0."""
        levels = {each.level for each in self.findings}
        if any(level.counts for level in levels):
            return 1
        return 8 if Level.UNKNOWN in levels else 0

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "envlock.audit/1",
            "root": self.root,
            "grade": self.grade.to_json(),
            "findings": [each.to_json() for each in self.findings],
            "ignored": self.ignored,
            "read": self.read,
        }


def judge(repository: Repository, rules: Iterable[Rule] = RULES) -> Audit:
    """Hold a repository against the rules."""
    every = sorted(_every(repository, rules), key=_order)
    known = every_pragma(repository.texts)
    kept = tuple(
        each
        for each in every
        if not is_ignored(each.rule.id, each.hit.place, known.get(each.hit.place.file, ()))
    )
    return Audit(
        root=str(repository.root),
        findings=kept,
        grade=grade(kept),
        read=len(repository.texts),
        ignored=len(every) - len(kept),
    )


def _every(repository: Repository, rules: Iterable[Rule]) -> Iterator[Finding]:
    for rule in rules:
        for hit in dict.fromkeys(rule.check(repository)):
            yield Finding(rule=rule, hit=_with_true_edit(hit, repository))


def _with_true_edit(hit: Hit, repository: Repository) -> Hit:
    """Without an edit whose text is not on that line as it stands."""
    if hit.edit is None:
        return hit
    lines = repository.texts.get(hit.edit.file, "").splitlines()
    line = lines[hit.edit.line - 1] if 0 < hit.edit.line <= len(lines) else ""
    return hit if line.count(hit.edit.old) == 1 else replace(hit, edit=None)


def _order(finding: Finding) -> tuple[int, int, str, object, str]:
    rule, place = finding.rule, finding.hit.place
    return (
        _ORDER.index(finding.level),
        -rule.weight,
        rule.id,
        (place.file, place.line, place.column),
        finding.hit.message,
    )
