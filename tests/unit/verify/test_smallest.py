"""One line for many findings."""

from __future__ import annotations

import pytest

from envlock.report import Finding, Severity
from envlock.verify.smallest import explanation_of


def finding(
    component: str, code: str = "x", *, severity: Severity = Severity.DIFFERS, path: str | None = None
) -> Finding:
    message = f"{code} of {component}" + (f" at {path}" if path else "")
    return Finding(code=code, severity=severity, component=component, message=message, path=path)


def note(component: str) -> Finding:
    return finding(component, severity=Severity.NOTE)


def unknown(component: str) -> Finding:
    return finding(component, severity=Severity.UNKNOWN)


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ((), None),
        ((note("python"),), None),
        ((finding("files"), note("files"), note("python"), unknown("files")), "x of files"),
        ((note("python"), unknown("files")), "x of files"),
        ((finding("files"), finding("path:a")), "x of path:a (and 1 other component)"),
        ((finding("b"), finding("a"), finding("c")), "x of a (and 2 other components)"),
        ((finding("files"), finding("files")), "x of files (and 1 more of files)"),
        (
            (
                finding("distribution:six:x", path="b"),
                finding("distribution:six:x", path="a"),
                finding("files"),
            ),
            "x of distribution:six:x at a (and 1 more of six:x, 1 other component)",
        ),
        ((finding("a", path="B"), finding("a"), finding("a", path="A")), "x of a (and 2 more of a)"),
    ],
)
def test_the_line(findings: tuple[Finding, ...], line: str | None) -> None:
    assert explanation_of(findings) == line


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (finding("z", "version-differs"), finding("python", "x")),
        (finding("z", "python-differs"), finding("a", "foreign-interpreter")),
        (finding("z", "distribution-missing"), finding("a", "version-differs")),
        (finding("python"), finding("host")),
        (finding("files"), finding("bytecode")),
        (finding("bytecode:b"), finding("a")),
        (finding("distribution:z"), finding("files")),
    ],
)
def test_the_likeliest_cause_comes_first(first: Finding, second: Finding) -> None:
    assert explanation_of([second, first]) == f"{first.message} (and 1 other component)"
