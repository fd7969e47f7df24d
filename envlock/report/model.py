"""What was found, and what it means (IDENTITY 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How a finding turns the verdict: the first three make it `mismatch`, `unknown` makes it
    `incomplete`, a note leaves it alone."""

    DIFFERS = "differs"
    INCOMPATIBLE = "incompatible"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"
    NOTE = "note"

    @property
    def turns_verdict(self) -> bool:
        """Whether it makes a match a mismatch."""
        return self in (Severity.DIFFERS, Severity.INCOMPATIBLE, Severity.FOREIGN)


class Verdict(StrEnum):
    MATCH = "match"
    MISMATCH = "mismatch"
    INCOMPLETE = "incomplete"

    @property
    def exit_status(self) -> int:
        return {Verdict.MATCH: 0, Verdict.MISMATCH: 1, Verdict.INCOMPLETE: 8}[self]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found: a stable kebab-case code, the component and file that it is about.

    `component` reads like `distribution:torch`, `python`, `setting:PYTHONHASHSEED`; `path` is relative
    to the prefix where the file is inside it.
    """

    code: str
    severity: Severity
    component: str
    message: str
    path: str | None = None
    expected: str | None = None
    observed: str | None = None
    hint: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Finding:
        return cls(**{**document, "severity": Severity(document["severity"])})

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": str(self.severity),
            "component": self.component,
            "path": self.path,
            "expected": self.expected,
            "observed": self.observed,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeDifference:
    """A numeric probe whose bits are not the reference's, judged by a sample of its values (DESIGN 6).

    `cause` is what restored the bits when it was tried (`OMP_NUM_THREADS=2`), `because` what was seen of it.
    """

    name: str
    changed_percent: float
    median_ulp: float | None
    max_relative: float | None
    repeats: bool
    cause: str | None
    because: str | None
    words: str

    def to_json(self) -> dict[str, Any]:
        return {
            "probe": self.name,
            "changed_percent": self.changed_percent,
            "median_ulp": self.median_ulp,
            "max_relative": self.max_relative,
            "repeats": self.repeats,
            "restored_by": self.cause,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Numerics:
    """What the probes gave beside the reference of the class `reference`."""

    class_name: str
    reference: str
    host: Mapping[str, str]
    reference_host: Mapping[str, str]
    equal: int
    differences: tuple[ProbeDifference, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.class_name,
            "reference": self.reference,
            "host": dict(self.host),
            "reference_host": dict(self.reference_host),
            "equal": self.equal,
            "differing": [each.to_json() for each in self.differences],
            "seconds": dict(self.seconds),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedLibrary:
    """A file that a process has mapped as code, and whose it is: `locked`, `interpreter`, `driver`,
    `system`, `compiled`, `foreign`."""

    file: str
    owner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What one process runs on. `imported` is empty for a running job, which was not asked to import."""

    pid: int
    imported: tuple[str, ...]
    libraries: tuple[LoadedLibrary, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "pid": self.pid,
            "imported": list(self.imported),
            "libraries": [{"file": each.file, "owner": each.owner} for each in self.libraries],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The outcome of a verification. `level` is the level that was proved; `numerics` and `loaded` are there
    at the level of that name."""

    verdict: Verdict
    expected: str
    observed: str | None
    level: str
    target: str
    findings: tuple[Finding, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)
    numerics: Numerics | None = None
    loaded: Loaded | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Report:
        """What `to_json` gave."""
        return cls(
            verdict=Verdict(document["verdict"]),
            expected=document["runtime_hash"]["expected"],
            observed=document["runtime_hash"]["observed"],
            level=document["level"],
            target=document["target"],
            findings=tuple(map(Finding.from_json, document["findings"])),
            counts=document["counts"],
            timing=document["timing"],
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "envlock.verify/1",
            "verdict": str(self.verdict),
            "runtime_hash": {"expected": self.expected, "observed": self.observed},
            "level": self.level,
            "target": self.target,
            "findings": [finding.to_json() for finding in self.findings],
            "counts": dict(self.counts),
            "timing": dict(self.timing),
            **({"numerics": self.numerics.to_json()} if self.numerics else {}),
            **({"loaded": self.loaded.to_json()} if self.loaded else {}),
        }


_SEVERITIES = tuple(Severity)


def finding_order(finding: Finding) -> tuple[int, str, str, str]:
    """Worst first, then by component and path: the same facts always give the same report."""
    return _SEVERITIES.index(finding.severity), finding.component, finding.path or "", finding.code


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    severities = {finding.severity for finding in findings}
    if any(severity.turns_verdict for severity in severities):
        return Verdict.MISMATCH
    return Verdict.INCOMPLETE if Severity.UNKNOWN in severities else Verdict.MATCH
