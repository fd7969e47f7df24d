"""A fleet as a person reads it: the odd hosts with a line each, the groups in short, the verdict last."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from envlock.report.fleet import FleetReport, Group
from envlock.report.model import Severity, Verdict
from envlock.report.text import Look

_MOST_GROUPS = 50
_MOST_FINDINGS = 12
_NUMBERED = re.compile(r"^(.*?)(\d+)$")


def render_fleet(report: FleetReport, look: Look | None = None) -> str:
    """The whole outcome. `quiet` leaves out what matches, `verbose` has every finding of each group."""
    look = look or Look()
    odd = [group for group in report.groups if group.verdict is not Verdict.MATCH]
    most = len(odd) if look.verbose else _MOST_GROUPS
    lines = [line for group in odd[:most] for line in _odd(group, look)]
    if len(odd) > most:
        hosts = sum(len(group.hosts) for group in odd[most:])
        lines.append(f"… and {len(odd) - most} more groups of {hosts} hosts (`-v` has them all)")
    lines += _findings(report, look)
    lines += [""] if lines else []
    return "\n".join([*lines, *_summary(report, look)])


def _odd(group: Group, look: Look) -> Iterator[str]:
    verdict = look.paint(f"{group.verdict}:", group.verdict)
    yield f"{verdict} {folded(group.hosts, look.verbose)}: {group.explanation}"
    if look.verbose:
        for finding in group.findings:
            yield f"  {finding.severity}: {finding.message}"
        if group.found > len(group.findings):
            yield f"  … and {group.found - len(group.findings)} more"


def _findings(report: FleetReport, look: Look) -> Iterator[str]:
    for finding in report.findings:
        if finding.severity is not Severity.NOTE or not look.quiet:
            yield f"{look.paint(f'{finding.severity}:', finding.severity)} {finding.message}"
            if finding.hint:
                yield f"  {look.paint('hint:', 'hint')} {finding.hint}"


def _summary(report: FleetReport, look: Look) -> Iterator[str]:
    verdict = look.paint(f"{report.verdict}:", report.verdict)
    seconds = report.timing.get("total_seconds")
    took = f" ({seconds:.2f} s)" if seconds is not None else ""
    yield f"{verdict} {report.matching} of {_counted(report.host_count, 'host')} match{took}"
    if look.quiet and report.verdict is Verdict.MATCH:
        return
    for group in report.groups:
        if group.verdict is Verdict.MATCH or group.observed is not None:
            as_locked = " (as locked)" if group.observed == group.expected else ""
            yield f"  {len(group.hosts):>6}  {group.observed or group.expected}{as_locked}"
    yield from _expected(report)
    yield from _classes(report, look)


def _classes(report: FleetReport, look: Look) -> Iterator[str]:
    """Where there are several: equal bytes may give other numbers between them, in the last bits."""
    if len(report.classes) < 2:
        return
    yield f"  {len(report.classes)} numerics classes: between them results may differ in the last bits"
    usual = report.classes[0].kernels
    for each in report.classes[: len(report.classes) if look.verbose else _MOST_FINDINGS]:
        values = each.kernels if each.kernels is usual else _apart(each.kernels, usual)
        told = _printable(", ".join(f"{name} {value}" for name, value in values.items()))
        yield f"  {len(each.hosts):>6}  {folded(each.hosts, look.verbose)}: {told}"
    left = 0 if look.verbose else len(report.classes) - _MOST_FINDINGS
    if left > 0:
        yield f"  … and {left} more (`-v` has them all)"


def _printable(text: str) -> str:
    """Hosts say what they like."""
    return text if text.isprintable() else repr(text)[1:-1]


def _apart(kernels: Mapping[str, str], usual: Mapping[str, str]) -> dict[str, str]:
    names = sorted({*kernels, *usual})
    return {name: kernels.get(name, "none") for name in names if kernels.get(name) != usual.get(name)}


def _expected(report: FleetReport) -> Iterator[str]:
    if not any(group.observed == group.expected for group in report.groups if group.expected):
        for expected in sorted({group.expected for group in report.groups if group.expected}):
            yield f"  expected  {expected}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def folded(names: Sequence[str], is_whole: bool = False) -> str:
    """Host names as Slurm folds them.

    >>> folded(["gpu", "node1", "node2", "node3", "node7", "node09"])
    'gpu, node[1-3,7], node09'
    """
    rows = [_fold(key, list(group)) for key, group in groupby(names, key=_stem)]
    shown = rows if is_whole else rows[:_MOST_FINDINGS]
    more = f" and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
    return ", ".join(shown) + more


def _stem(name: str) -> tuple[str, int]:
    """What names must have in common to be folded: the text before the number, and zeros in front of it."""
    match = _NUMBERED.match(name)
    if match is None:
        return name, -1
    return match[1], len(match[2]) if match[2].startswith("0") and match[2] != "0" else 0


def _fold(key: tuple[str, int], names: list[str]) -> str:
    stem, width = key
    if width < 0 or len(names) == 1:
        return names[0]
    numbers = sorted({int(name[len(stem) :]) for name in names})
    return f"{stem}[{','.join(_ranges(numbers, width))}]"


def _ranges(numbers: Sequence[int], width: int) -> Iterator[str]:
    for _, group in groupby(enumerate(numbers), key=lambda row: row[1] - row[0]):
        run = [number for _, number in group]
        first, last = f"{run[0]:0{width}}", f"{run[-1]:0{width}}"
        yield first if len(run) == 1 else f"{first}-{last}"
