"""A report as a person reads it: the verdict, what differs, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from envlock.report.model import Finding, Report, Severity, Verdict

_MOST_PER_COMPONENT = 12
_TITLES = {
    Severity.DIFFERS: "differs",
    Severity.INCOMPATIBLE: "incompatible",
    Severity.FOREIGN: "foreign",
    Severity.UNKNOWN: "could not be looked at",
    Severity.NOTE: "note",
}


def render(report: Report, *, quiet: bool = False) -> str:
    """The whole report. `quiet` leaves out notes and hashes."""
    lines = list(_findings(report.findings, notes=not quiet))
    lines += [_summary(report)]
    if not quiet or report.verdict is not Verdict.MATCH:
        lines += _hashes(report)
    return "\n".join(lines)


def _findings(findings: Sequence[Finding], *, notes: bool) -> Iterator[str]:
    shown = [finding for finding in findings if notes or finding.severity is not Severity.NOTE]
    for (severity, component), group in groupby(shown, key=lambda f: (f.severity, f.component)):
        rows = list(group)
        for finding in rows[:_MOST_PER_COMPONENT]:
            yield f"{_TITLES[severity]}: {finding.message}"
            yield from _values(finding)
        if len(rows) > _MOST_PER_COMPONENT:
            yield f"  … and {len(rows) - _MOST_PER_COMPONENT} more of {component} (`--json` has them all)"
        if severity is not Severity.NOTE and (hint := rows[0].hint):
            yield f"  hint: {hint}"


def _values(finding: Finding) -> Iterator[str]:
    if finding.severity is Severity.NOTE or finding.expected is None or finding.code.startswith("python"):
        return
    if len(finding.expected) == 64 and (finding.observed is None or len(finding.observed) == 64):
        yield f"  expected  {finding.expected}"
        if finding.observed is not None:
            yield f"  observed  {finding.observed}"


def _summary(report: Report) -> str:
    counts = report.counts
    seconds = report.timing.get("total_seconds")
    looked = f"{counts.get('files', 0):,} files, {_size(counts.get('bytes', 0))}"
    took = f", {seconds:.2f} s" if seconds is not None else ""
    differing = sum(finding.severity is not Severity.NOTE for finding in report.findings)
    tail = "" if report.verdict is Verdict.MATCH else f", {differing} finding{'s' * (differing != 1)}"
    return f"{report.verdict}: {report.target} (level {report.level}, {looked}{took}{tail})"


def _hashes(report: Report) -> list[str]:
    if report.observed == report.expected:
        return [f"  runtime hash  {report.expected}"]
    return [f"  expected  {report.expected}", f"  observed  {report.observed or 'not known'}"]


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} bytes"
