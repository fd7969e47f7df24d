"""A fleet as text: the odd hosts first, short unless it is asked for, the verdict last."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envlock.report import Finding, Severity, Verdict
from envlock.report.fleet import FleetReport, Group, NumericsClass
from envlock.report.fleet_text import render_fleet
from envlock.report.text import Look

LOCKED, OTHER = "rt1:" + "0" * 64, "rt1:" + "1" * 64
VERBOSE, QUIET = Look(verbose=True), Look(quiet=True)


def finding(message: str, severity: Severity = Severity.DIFFERS, hint: str | None = None) -> Finding:
    return Finding(code="x", severity=severity, component="files", message=message, hint=hint)


def matching(*hosts: str) -> Group:
    return Group(
        verdict=Verdict.MATCH,
        expected=LOCKED,
        observed=LOCKED,
        level="content",
        explanation=None,
        hosts=hosts,
    )


def odd(
    *hosts: str, observed: str | None = OTHER, findings: tuple[Finding, ...] = (), found: int = 0
) -> Group:
    return Group(
        verdict=Verdict.MISMATCH,
        expected=LOCKED,
        observed=observed,
        level="content",
        explanation="`a.py` is another",
        hosts=hosts,
        findings=findings,
        found=found,
    )


def fleet(
    *groups: Group,
    findings: tuple[Finding, ...] = (),
    classes: tuple[NumericsClass, ...] = (),
    timing: Mapping[str, float] | None = None,
) -> FleetReport:
    is_match = all(group.verdict is Verdict.MATCH for group in groups)
    return FleetReport(
        verdict=Verdict.MATCH if is_match else Verdict.MISMATCH,
        groups=groups,
        classes=classes,
        findings=findings,
        timing=timing or {},
    )


def test_a_match() -> None:
    assert render_fleet(fleet(matching("n1", "n2"), timing={"total_seconds": 1.5})) == (
        f"match: 2 of 2 hosts match (1.50 s)\n       2  {LOCKED} (as locked)"
    )


def test_a_match_that_is_quiet_is_one_line() -> None:
    report = fleet(matching("n1"), findings=(finding("so it is", Severity.NOTE),))
    assert render_fleet(report, QUIET) == "match: 1 of 1 host match"


def test_the_odd_ones_stand_on_top_and_every_hash_below() -> None:
    report = fleet(matching("n1", "n2"), odd("n3"), odd("n4", observed=None))
    assert render_fleet(report) == (
        "mismatch: n3: `a.py` is another\n"
        "mismatch: n4: `a.py` is another\n"
        "\n"
        "mismatch: 2 of 4 hosts match\n"
        f"       2  {LOCKED} (as locked)\n"
        f"       1  {OTHER}"
    )


def test_where_no_host_is_as_locked_what_is_locked_is_told() -> None:
    """Several, where hosts are of several platforms."""
    group = odd("n1")
    assert render_fleet(fleet(group)).splitlines()[-2:] == [f"       1  {OTHER}", f"  expected  {LOCKED}"]
    other = Group(
        verdict=Verdict.INCOMPLETE,
        expected=None,
        observed=None,
        level=None,
        explanation="is down",
        hosts=("n2",),
    )
    assert render_fleet(fleet(other)) == "incomplete: n2: is down\n\nmismatch: 0 of 1 host match"


@pytest.mark.parametrize(
    ("look", "below"),
    [(Look(), ""), (VERBOSE, "  differs: one\n  foreign: two\n  … and 3 more\n")],
)
def test_what_was_found_of_a_group_is_for_who_asks(look: Look, below: str) -> None:
    findings = (finding("one"), finding("two", Severity.FOREIGN))
    report = fleet(odd("n1", findings=findings, found=5))
    assert render_fleet(report, look).startswith(
        f"mismatch: n1: `a.py` is another\n{below}\nmismatch: 0 of 1"
    )


def test_a_group_whose_findings_are_all_there() -> None:
    report = fleet(odd("n1", findings=(finding("one"),), found=1))
    assert render_fleet(report, VERBOSE).startswith("mismatch: n1: `a.py` is another\n  differs: one\n\n")


def test_findings_of_the_fleet() -> None:
    findings = (
        finding("n9 did not answer", hint="it may be down"),
        finding("two pythons", Severity.NOTE),
    )
    report = fleet(matching("n1"), odd("n2"), findings=findings)
    assert render_fleet(report).splitlines()[1:4] == [
        "differs: n9 did not answer",
        "  hint: it may be down",
        "note: two pythons",
    ]
    assert render_fleet(report, QUIET).splitlines()[1:4] == [
        "differs: n9 did not answer",
        "  hint: it may be down",
        "",
    ]


def test_many_groups_are_cut_unless_all_are_asked_for() -> None:
    groups = [odd(f"host{number:02}x", f"host{number:02}y") for number in range(53)]
    lines = render_fleet(fleet(*groups)).splitlines()
    assert lines[49:52] == [
        "mismatch: host49x, host49y: `a.py` is another",
        "… and 3 more groups of 6 hosts (`-v` has them all)",
        "",
    ]
    assert render_fleet(fleet(*groups), VERBOSE).splitlines()[52] == (
        "mismatch: host52x, host52y: `a.py` is another"
    )


def test_classes_of_numerics_say_in_what_they_differ() -> None:
    """What a host says of itself is shown as it is safe to show."""
    classes = (
        NumericsClass(kernels={"aten": "AVX512", "mkl": "2024"}, hosts=("n1", "n2")),
        NumericsClass(kernels={"aten": "AVX2", "mkl": "2024", "openblas": "x\n"}, hosts=("n3",)),
    )
    report = fleet(matching("n1", "n2", "n3"), classes=classes)
    assert render_fleet(report).splitlines()[2:] == [
        "  2 numerics classes: between them results may differ in the last bits",
        "       2  n[1-2]: aten AVX512, mkl 2024",
        "       1  n3: aten AVX2, openblas x\\n",
    ]
    assert render_fleet(fleet(matching("n1"), classes=classes[:1])).count("\n") == 1


def test_many_classes_are_cut_unless_all_are_asked_for() -> None:
    classes = tuple(
        NumericsClass(kernels={"threads": str(number)}, hosts=(f"n{number}",)) for number in range(14)
    )
    report = fleet(matching(*(f"n{number}" for number in range(14))), classes=classes)
    assert render_fleet(report).splitlines()[-2:] == [
        "       1  n11: threads 11",
        "  … and 2 more (`-v` has them all)",
    ]
    assert render_fleet(report, VERBOSE).splitlines()[-1] == "       1  n13: threads 13"
