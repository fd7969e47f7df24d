"""The outcome of many hosts: groups of those that are alike, and a line for each that is not as locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from envlock.report.model import Finding, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Hosts with the same runtime hash and the same findings. `explanation` is the smallest that says why
    they are not as locked; None for a match. `findings` are the first of `found` in all."""

    verdict: Verdict
    expected: str | None
    observed: str | None
    level: str | None
    explanation: str | None
    hosts: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    found: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "runtime_hash": {"expected": self.expected, "observed": self.observed},
            "level": self.level,
            "count": len(self.hosts),
            "explanation": self.explanation,
            "findings": [finding.to_json() for finding in self.findings],
            "found": self.found,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericsClass:
    """Hosts on which the same kernels run, so that equal bytes give equal numbers: the names of the values
    that decide it, as facts have them (`kernels`)."""

    kernels: Mapping[str, str]
    hosts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"kernels": dict(self.kernels), "count": len(self.hosts)}


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetReport:
    """The largest matching group first, then the others; `findings` are those of the fleet as a whole.
    `classes`, the largest first, are of the hosts that were looked at: they turn no verdict."""

    verdict: Verdict
    groups: tuple[Group, ...]
    classes: tuple[NumericsClass, ...] = ()
    findings: tuple[Finding, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)

    @property
    def host_count(self) -> int:
        return sum(len(group.hosts) for group in self.groups)

    @property
    def matching(self) -> int:
        return sum(len(group.hosts) for group in self.groups if group.verdict is Verdict.MATCH)

    def to_json(self) -> dict[str, Any]:
        """`envlock.verify/1` with `hosts` and `groups`."""
        looked = [group for group in self.groups if group.expected is not None]
        levels = {group.level for group in looked if group.level}
        return {
            "schema": "envlock.verify/1",
            "verdict": str(self.verdict),
            "runtime_hash": {
                "expected": _only({group.expected for group in looked}),
                "observed": _only({group.observed for group in self.groups}),
            },
            "level": _only(levels),
            "target": f"{self.host_count} hosts",
            "findings": [finding.to_json() for finding in self.findings],
            "counts": {"hosts": self.host_count, "match": self.matching, "groups": len(self.groups)},
            "timing": dict(self.timing),
            "hosts": list(self._rows()),
            "groups": [group.to_json() for group in self.groups],
            "numerics_classes": [each.to_json() for each in self.classes],
        }

    def _rows(self) -> Iterator[dict[str, Any]]:
        class_of = {name: place for place, each in enumerate(self.classes) for name in each.hosts}
        for number, group in enumerate(self.groups):
            told = {"verdict": str(group.verdict), "group": number, "explanation": group.explanation}
            yield from ({"name": name, **told, "numerics_class": class_of.get(name)} for name in group.hosts)


def _only(values: set[Any]) -> Any:
    """The one value; null where there are several, or none."""
    return next(iter(values)) if len(values) == 1 else None
