"""A report as text: grouped, short, the verdict last."""

from __future__ import annotations

from collections.abc import Mapping

from envlock.report import Finding, Report, Severity, finding_order
from envlock.report.model import verdict_of
from envlock.report.text import Look, render

SAME, OTHER = "rt1:" + "0" * 64, "rt1:" + "1" * 64


def report(
    *findings: Finding, observed: str | None = SAME, timing: Mapping[str, float] | None = None
) -> Report:
    ordered = tuple(sorted(findings, key=finding_order))
    return Report(
        verdict=verdict_of(ordered),
        expected=SAME,
        observed=observed,
        level="content",
        target="/srv/env",
        findings=ordered,
        counts={"files": 1234, "bytes": 56_780_000},
        timing=timing or {"hash_seconds": 0.1, "total_seconds": 0.25},
    )


def differs(path: str, name: str = "demo") -> Finding:
    return Finding(
        code="file-differs",
        severity=Severity.DIFFERS,
        component=f"distribution:{name}",
        path=path,
        expected="a" * 64,
        observed=None,
        message=f"`{path}` is not the file of {name} 1.0",
        hint="`envlock sync --repair` restores it",
    )


def note(code: str, component: str, message: str = "so it is") -> Finding:
    return Finding(code=code, severity=Severity.NOTE, component=component, message=message, hint="do that")


def test_a_match() -> None:
    assert render(report()) == (
        f"match: /srv/env (level content, 1,234 files, 56.8 MB, 0.25 s)\n  runtime hash  {SAME}"
    )


def test_a_match_that_is_quiet_says_one_line() -> None:
    quiet = render(report(note("setting-unset", "setting:A")), Look(quiet=True, target=".venv"))
    assert quiet == "match: .venv (level content, 1,234 files, 56.8 MB, 0.25 s)"


def test_a_hint_of_several_is_said_once() -> None:
    found = report(differs("a.py"), differs("b.py"), differs("c.py", "other"), observed=OTHER)
    assert render(found) == (
        "differs: `a.py` is not the file of demo 1.0\n"
        "differs: `b.py` is not the file of demo 1.0\n"
        "differs: `c.py` is not the file of other 1.0\n"
        "  hint: `envlock sync --repair` restores it\n"
        "\n"
        "mismatch: /srv/env, 3 findings (level content, 1,234 files, 56.8 MB, 0.25 s)\n"
        f"  expected  {SAME}\n"
        f"  observed  {OTHER}"
    )


def test_hints_that_differ_stand_below_their_findings() -> None:
    one, two = (
        Finding(
            code="foreign-module", severity=Severity.FOREIGN, component="files", path=p, message=p, hint=h
        )
        for p, h in (("x.py", "remove `x.py`"), ("y.py", "remove `y.py`"))
    )
    assert render(report(one, two)) == (
        "foreign: x.py\n"
        "  hint: remove `x.py`\n"
        "foreign: y.py\n"
        "  hint: remove `y.py`\n"
        "\n"
        "mismatch: /srv/env, 2 findings (level content, 1,234 files, 56.8 MB, 0.25 s)\n"
        f"  runtime hash  {SAME} (as locked: what was found is outside of it)"
    )


def test_many_of_one_component_are_counted() -> None:
    found = report(*(differs(f"{number:02}.py") for number in range(15)), observed=None)
    lines = render(found).splitlines()
    assert len([line for line in lines if line.startswith("differs: ")]) == 12
    assert lines[12:14] == [
        "  … and 3 more of distribution:demo (`-v` has them all)",
        "  hint: `envlock sync --repair` restores it",
    ]
    assert lines[-2:] == [f"  expected  {SAME}", "  observed  not known"]
    assert render(found, Look(verbose=True)).count("differs: ") == 15


def test_verbose_has_values_hints_and_times() -> None:
    found = report(differs("a.py"), note("setting-unset", "setting:A", "`A` is not set"), observed=OTHER)
    assert render(found, Look(verbose=True)) == (
        "differs: `a.py` is not the file of demo 1.0\n"
        f"  expected  {'a' * 64}\n"
        "  observed  nothing\n"
        "  hint: `envlock sync --repair` restores it\n"
        "note: `A` is not set\n"
        "  hint: do that\n"
        "\n"
        "mismatch: /srv/env, 1 finding (level content, 1,234 files, 56.8 MB, 0.25 s)\n"
        f"  expected  {SAME}\n"
        f"  observed  {OTHER}\n"
        "  hash 0.10 s, total 0.25 s"
    )


def test_notes_of_a_kind_are_one_line() -> None:
    names = [f"d{number}" for number in range(8)]
    extras = [note("extra-distribution", f"distribution:{name}") for name in names]
    settings = [note("setting-unset", f"setting:{name}") for name in "AB"]
    variables = [note("environment-variable", f"environment:{name}") for name in "XY"]
    files = [note("system-file", "host") for _ in range(700)]
    paths = [note("extra-path", f"path:{name}", f"`/{name}` is there") for name in "pq"]
    single = note("no-gpu", "host", "no NVIDIA driver here")
    text = render(report(*extras, *settings, *variables, *files, *paths, single), Look(target="."))
    assert sorted(text.splitlines()) == sorted(
        [
            "note: 8 distributions are installed and not locked: d0, d1, d2, d3, d4, d5 and 2 more",
            "note: 2 variables are set and not locked, and can change code or numbers: X, Y",
            "note: no NVIDIA driver here",
            "note: 700 files belong to the system's packages",
            "note: `/p` is there, and 1 more like it",
            "note: 2 locked settings are not set here: A, B",
            "match: . (level content, 1,234 files, 56.8 MB, 0.25 s)",
            f"  runtime hash  {SAME}",
        ]
    )


def test_what_could_not_be_looked_at_names_its_place() -> None:
    unknown = Finding(
        code="unreadable", severity=Severity.UNKNOWN, component="host", path="a/b", message="no permission"
    )
    assert render(report(unknown, observed=None)) == (
        "unknown: no permission (`a/b`)\n"
        "\n"
        "incomplete: /srv/env, 1 finding (level content, 1,234 files, 56.8 MB, 0.25 s)\n"
        f"  expected  {SAME}\n"
        "  observed  not known"
    )


def test_colour_is_laid_over_words_that_stand_without_it() -> None:
    found = report(differs("a.py"), note("no-gpu", "host"), observed=OTHER)
    painted = render(found, Look(paint=lambda text, meaning: f"<{meaning}>{text}</>"))
    for mark in ("<differs>differs:</>", "<hint>hint:</>", "<note>note:</>", "<mismatch>mismatch:</>"):
        assert mark in painted
        painted = painted.replace(mark, mark.split(">")[1].removesuffix("</"))
    assert painted == render(found)
