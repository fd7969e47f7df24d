"""A small run of the fault scorecard: every kind of fault once, and as many harmless changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.cases import OURS, UNTOUCHED, Case, Journal
from benchmarks.faults.peers import NAMES
from benchmarks.faults.scorecard import Order, run
from benchmarks.faults.tables import document, markdown


@pytest.mark.slow
def test_every_fault_is_found_and_nothing_else_is(tmp_path: Path) -> None:
    order = Order(folder=tmp_path, cases=24, seed=2, peers=False, only=("uv", "image"))
    cases = run(order)
    assert [case for case in cases if not case.is_right] == []
    assert sum(case.harmful for case in cases) == 24
    assert len({case.kind for case in cases if case.harmful}) == 16
    untouched = {case.environment: case.alarms for case in cases if case.kind == UNTOUCHED}
    silent = dict.fromkeys((OURS, *NAMES), False)
    assert untouched == {
        "venv by uv": silent | {"dpkg --verify": None},
        "image (OCI layout)": silent | {"pip-sync -n": None},
    }


def _case(kind: str, *, harmful: bool, ours: bool, peer: bool | None) -> Case:
    alarms = {OURS: ours, "pip check": peer}
    return Case(environment="e", kind=kind, seed="1", harmful=harmful, told="t", said="", alarms=alarms)


def test_a_missed_fault_and_a_false_alarm_are_in_the_table() -> None:
    cases = [
        _case("bit flip", harmful=True, ours=True, peer=False),
        _case("bit flip", harmful=True, ours=False, peer=None),
        _case("mtime", harmful=False, ours=True, peer=True),
    ]
    found = document(cases, seed=1)
    assert found["totals"][OURS] == {"faults": 2, "found": 1, "harmless": 1, "false_alarms": 1}
    assert found["totals"]["pip check"] == {"faults": 1, "found": 0, "harmless": 1, "false_alarms": 1}
    assert [(each["kind"], each["harmful"]) for each in found["wrong"]] == [
        ("bit flip", True),
        ("mtime", False),
    ]
    assert "| bit flip | 2 | 1 of 2 | 0 of 1 | - | - | - | - | - |" in markdown(cases)


def test_a_run_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    done = _case("bit flip", harmful=True, ours=True, peer=None)
    assert Journal(tmp_path / "kept/uv.jsonl").noted(done) == done
    again = Journal(tmp_path / "kept/uv.jsonl")
    assert again.known(done.key) == done
    assert again.known(_case("deletion", harmful=True, ours=True, peer=None).key) is None


def test_an_untouched_environment_is_no_case() -> None:
    cases = [
        _case(UNTOUCHED, harmful=False, ours=False, peer=True),
        _case("mtime", harmful=False, ours=False, peer=None),
    ]
    found = document(cases, seed=1)
    assert found["totals"]["pip check"] == {"faults": 0, "found": 0, "harmless": 0, "false_alarms": 0}
    assert [row["kind"] for row in found["kinds"]] == ["mtime"]
    assert "| e | silent | complains | - | - | - | - | - |" in markdown(cases)
