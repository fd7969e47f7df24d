"""Settings, variables and the loader, judged from facts alone: each finding whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envlock.agent.environment import WATCHED
from envlock.verify.environment import judge_environment, observed_settings
from tests.unit.lock.values import lock as make_lock
from tests.unit.verify.observed import observed, told

SET = '`eval "$(envlock env)"` sets it for this shell'


def judged(settings: dict[str, str] | None = None, *, in_job: bool = False, **changed: Any) -> list[Any]:
    lock = replace(make_lock(), settings=settings or {})
    return [told(each) for each in judge_environment(lock, observed(**changed), in_job=in_job)]


def test_settings_as_locked() -> None:
    assert judged({"OMP_NUM_THREADS": "4"}, environment={"OMP_NUM_THREADS": "4"}, in_job=True) == []


@pytest.mark.parametrize(("in_job", "severity"), [(False, "note"), (True, "differs")])
def test_a_setting_that_is_not_set(in_job: bool, severity: str) -> None:
    message = "`OMP_NUM_THREADS` is not set here; the lock has `4`"
    assert judged({"OMP_NUM_THREADS": "4"}, in_job=in_job) == [
        ("setting-unset", severity, "setting:OMP_NUM_THREADS", None, "4", None, message, SET)
    ]


def test_a_setting_that_differs() -> None:
    message = "`OMP_NUM_THREADS` is `8`, the lock has `4`"
    assert judged({"OMP_NUM_THREADS": "4"}, environment={"OMP_NUM_THREADS": "8"}) == [
        ("setting-differs", "differs", "setting:OMP_NUM_THREADS", None, "4", "8", message, SET)
    ]


def test_what_is_unset_counts_as_locked() -> None:
    lock = replace(make_lock(), settings={"A": "1", "B": "2"})
    assert observed_settings(lock, observed(environment={"B": "3", "C": "4"})) == {"A": "1", "B": "3"}


def test_a_variable_that_is_not_locked() -> None:
    environment = {"MKL_CBWR": 'a\\"b', "HOME": "/root", "OMP_NUM_THREADS": ""}
    hint = 'unset it, or lock it under [tool.envlock.settings]: MKL_CBWR = "a\\\\\\"b"'
    message = f'`MKL_CBWR=a\\"b` is set and not locked; it can change {WATCHED["MKL_CBWR"]}'
    assert judged(environment=environment) == [
        ("environment-variable", "note", "environment:MKL_CBWR", None, None, 'a\\"b', message, hint)
    ]


@pytest.mark.parametrize(
    ("name", "value", "shadows"),
    [
        ("PYTHONHOME", "/opt/python", True),
        ("PYTHONHOME", "/usr", False),
        ("PYTHONPLATLIBDIR", "lib32", True),
        ("PYTHONPLATLIBDIR", "lib", False),
        ("PYTHONPLATLIBDIR", "lib64", False),
    ],
)
def test_a_library_of_python_from_elsewhere(name: str, value: str, shadows: bool) -> None:
    message = f"`{name}={value}` makes Python take its standard library from elsewhere"
    found = [each for each in judged(environment={name: value}) if each[0] != "environment-variable"]
    row = (
        "shadowing-path",
        "foreign",
        f"environment:{name}",
        value,
        None,
        None,
        message,
        f"`unset {name}`",
    )
    assert found == ([row] if shadows else [])


def test_pythonhome_without_a_python() -> None:
    codes = [each[0] for each in judged(environment={"PYTHONHOME": "/usr"}, python=None)]
    assert codes == ["environment-variable", "shadowing-path"]


def library(**changed: Any) -> dict[str, Any]:
    found = {"variable": "LD_LIBRARY_PATH", "file": "/x/libz.so", "shadows": "libz.so"}
    return {**found, "instead": "lib/libz.so", "takers": [], **changed}


@pytest.mark.parametrize(
    ("changed", "expected", "message"),
    [
        ({}, "lib/libz.so", "puts `/x/libz.so` before the installed `libz.so`"),
        ({"instead": "/lib/libz.so"}, "/lib/libz.so", "puts `/x/libz.so` before `/lib/libz.so`"),
        ({"instead": "lib/libz.so.1"}, "lib/libz.so.1", "puts `/x/libz.so` before `lib/libz.so.1`"),
        ({"instead": ""}, None, "puts `/x/libz.so` before `libz.so`"),
        (
            {"takers": ["lib/deep/a.so"], "instead": "lib/deep/libz.so"},
            "lib/deep/libz.so",
            "puts `/x/libz.so` before the installed `libz.so`; `a.so` would load it",
        ),
        (
            {"takers": ["lib/a.so", "b"]},
            "lib/libz.so",
            "puts `/x/libz.so` before the installed `libz.so`; `a.so` and 1 more would load it",
        ),
        (
            {"takers": ["lib/a.so", "b", "c"]},
            "lib/libz.so",
            "puts `/x/libz.so` before the installed `libz.so`; `a.so` and 2 more would load it",
        ),
    ],
)
def test_a_library_that_shadows(changed: dict[str, Any], expected: str | None, message: str) -> None:
    assert judged(libraries=[library(**changed)]) == [
        (
            "shadowing-library",
            "foreign",
            "environment:LD_LIBRARY_PATH",
            "/x/libz.so",
            expected,
            "/x/libz.so",
            f"`LD_LIBRARY_PATH` {message}",
            "`unset LD_LIBRARY_PATH`",
        )
    ]


def test_a_library_that_is_preloaded() -> None:
    row = library(variable="LD_PRELOAD", shadows="", instead="")
    assert judged(libraries=[row]) == [
        (
            "preloaded-library",
            "foreign",
            "environment:LD_PRELOAD",
            "/x/libz.so",
            None,
            None,
            "`LD_PRELOAD` loads `/x/libz.so` into every process",
            "`unset LD_PRELOAD`",
        )
    ]


def test_what_the_loader_says() -> None:
    loader = {
        "providers": {"libz.so": ["a/libz.so", "b/libz.so"]},
        "unresolved": {"libq.so": ["a.so", "b.so"]},
    }
    assert judged(loader=loader) == [
        (
            "several-providers",
            "note",
            "library:libz.so",
            "a/libz.so",
            None,
            "a/libz.so b/libz.so",
            "locked libraries find different files behind `libz.so`: `a/libz.so`, `b/libz.so`",
            "`envlock verify --level loaded` tells which one a process has",
        ),
        (
            "library-not-found",
            "note",
            "library:libq.so",
            "a.so",
            None,
            None,
            "the loader finds no `libq.so`, which `a.so` needs",
            "install what brings it, if that part of the package is used",
        ),
    ]
