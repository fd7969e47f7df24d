"""A report as a person reads it: what differs and what to do, the notes in short, the verdict last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from envlock.report.model import Finding, Loaded, Numerics, Report, Severity, Verdict

Paint = Callable[[str, str], str]  # (text, what it means: a severity, a verdict, "hint", "error") -> text

_MOST_PER_COMPONENT = 12
_MOST_NAMES = 6


def plain(text: str, _meaning: str) -> str:
    """The text as it is."""
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a report is shown. `quiet` leaves out notes and, of a match, the hash; `verbose` shortens nothing
    and adds hashes and times. `target` is how the target is called here (None: as in the report)."""

    quiet: bool = False
    verbose: bool = False
    target: str | None = None
    paint: Paint = plain


def render(report: Report, look: Look | None = None) -> str:
    """The whole report."""
    look = look or Look()
    notes = [finding for finding in report.findings if finding.severity is Severity.NOTE]
    faults = [finding for finding in report.findings if finding.severity is not Severity.NOTE]
    lines = list(_faults(faults, look))
    if not look.quiet:
        lines += _faults(notes, look) if look.verbose else _notes(notes, look)
    lines += [""] if faults else []
    lines.append(_summary(report, len(faults), look))
    lines += _numerics(report.numerics) if report.numerics and not look.quiet else []
    lines += _loaded(report.loaded) if report.loaded and not look.quiet else []
    if not look.quiet or report.verdict is not Verdict.MATCH:
        lines += _hashes(report)
    lines += _times(report) if look.verbose else []
    lines += _numeric_times(report.numerics) if report.numerics and look.verbose else []
    return "\n".join(lines)


# What differs


def _faults(findings: Sequence[Finding], look: Look) -> Iterator[str]:
    """Each finding with its hint, which is said once where several have the same."""
    rows = list(_rows(findings, look))
    following = [*(hint for _, hint in rows[1:]), None]
    for (text, hint), after in zip(rows, following, strict=False):
        yield text
        if hint is not None and hint != after:
            yield f"  {look.paint('hint:', 'hint')} {hint}"


def _rows(findings: Sequence[Finding], look: Look) -> Iterator[tuple[str, str | None]]:
    most = len(findings) if look.verbose else _MOST_PER_COMPONENT
    for (_, component), group in groupby(findings, key=lambda each: (each.severity, each.component)):
        of_component = list(group)
        for finding in of_component[:most]:
            yield "\n".join(_finding(finding, look)), finding.hint
        if len(of_component) > most:
            more = f"  … and {len(of_component) - most} more of {component} (`-v` has them all)"
            yield more, of_component[most - 1].hint


def _finding(finding: Finding, look: Look) -> Iterator[str]:
    path = f" (`{finding.path}`)" if finding.path and finding.path not in finding.message else ""
    yield f"{look.paint(f'{finding.severity}:', finding.severity)} {finding.message}{path}"
    if look.verbose and finding.severity is not Severity.NOTE and finding.expected is not None:
        yield f"  expected  {finding.expected}"
        yield f"  observed  {finding.observed if finding.observed is not None else 'nothing'}"


# Notes


def _notes(notes: Sequence[Finding], look: Look) -> Iterator[str]:
    """One line for each, or for many of a kind together."""
    kinds = {code: [note for note in notes if note.code == code] for code in (n.code for n in notes)}
    for code, rows in kinds.items():
        if code in _WHOLE:
            yield from _faults(rows, look)
            continue
        shorten = _SHORT.get(code, _any)
        texts = [shorten(rows)] if len(rows) > 1 else [rows[0].message]
        yield from (f"{look.paint('note:', 'note')} {text}" for text in texts)


def _names(rows: Sequence[Finding]) -> str:
    names = [row.component.partition(":")[2] for row in rows]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _extra(rows: Sequence[Finding]) -> str:
    return f"{len(rows)} distributions are installed and not locked: {_names(rows)}"


def _unset(rows: Sequence[Finding]) -> str:
    return f"{len(rows)} locked settings are not set here: {_names(rows)}"


def _variables(rows: Sequence[Finding]) -> str:
    return f"{len(rows)} variables are set and not locked, and can change code or numbers: {_names(rows)}"


def _system(rows: Sequence[Finding]) -> str:
    return f"{len(rows)} files belong to the system's packages"


def _not_found(rows: Sequence[Finding]) -> str:
    return f"{len(rows)} libraries that locked ones need are not found: {_names(rows)}"


# Notes that say what to do next: whole, each with its hint.
_WHOLE = ("numerics-knob", "numerics-moved", "numerics-unstable")


def _any(rows: Sequence[Finding]) -> str:
    return f"{rows[0].message}, and {len(rows) - 1} more like it"


_SHORT: dict[str, Callable[[Sequence[Finding]], str]] = {
    "extra-distribution": _extra,
    "setting-unset": _unset,
    "environment-variable": _variables,
    "system-file": _system,
    "library-not-found": _not_found,
}


# The verdict


def _summary(report: Report, faults: int, look: Look) -> str:
    counts, seconds = report.counts, report.timing.get("total_seconds")
    looked = [f"level {report.level}", f"{counts.get('files', 0):,} files", size(counts.get("bytes", 0))]
    looked += [f"{seconds:.2f} s"] if seconds is not None else []
    found = f", {faults} finding{'s' * (faults != 1)}" if faults else ""
    verdict = look.paint(f"{report.verdict}:", report.verdict)
    return f"{verdict} {look.target or report.target}{found} ({', '.join(looked)})"


def _numerics(numerics: Numerics) -> Iterator[str]:
    total = numerics.equal + len(numerics.differences)
    same = "this" if numerics.class_name == numerics.reference else "another"
    of_class = f"the reference of {same} class of host, {numerics.reference}"
    yield f"  numerics  {numerics.equal} of {total} probes (small fixed computations) equal to {of_class}"
    if numerics.differences:
        yield "            with the same seed, a run here need not repeat one from there to the last digit"


def _loaded(loaded: Loaded) -> Iterator[str]:
    counts = Counter(sorted(each.owner for each in loaded.libraries)).most_common()
    owners = ", ".join(f"{count} {owner}" for owner, count in counts)
    imported = ", ".join(loaded.imported)
    after = f"after importing {imported}" if imported else f"by process {loaded.pid}"
    yield f"  loaded  {len(loaded.libraries)} files of code {after}: {owners}"


def _hashes(report: Report) -> list[str]:
    if report.observed != report.expected:
        return [f"  expected  {report.expected}", f"  observed  {report.observed or 'not known'}"]
    outside = "" if report.verdict is Verdict.MATCH else " (as locked: what was found is outside of it)"
    return [f"  runtime hash  {report.expected}{outside}"]


def _times(report: Report) -> list[str]:
    steps = [(name.removesuffix("_seconds"), seconds) for name, seconds in report.timing.items()]
    return ["  " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps)] if steps else []


def _numeric_times(numerics: Numerics) -> list[str]:
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in numerics.seconds.items())
    return [f"  numerics: {steps}"] if steps else []


def size(count: int) -> str:
    """A number of bytes in three digits.

    >>> size(5712345678), size(57_360_224), size(212_345), size(999_999), size(41)
    ('5.71 GB', '57.4 MB', '212 kB', '1 MB', '41 bytes')
    """
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one * 0.9995:
            return f"{count / one:.3g} {unit}" if count < one * 999.5 else f"{count / one:,.0f} {unit}"
    return f"{count} bytes"
