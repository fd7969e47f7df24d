"""The nodes of a job tell each other, over a store of real sockets."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from envlock.agent.host import platform_name
from envlock.job import nodes
from envlock.job.nodes import Place, compared, place_of
from envlock.report.model import Report, Verdict
from tests.support import torch_store

HOST = os.uname().nodename
HINT = "every rank calls `require()`; `timeout_seconds` is how long a node waits for the others"
FAILED = {"error": {"code": "lockfile-invalid", "message": "there is no lockfile"}}


def told(**more: str) -> dict[str, str]:
    return {
        "TORCHELASTIC_RUN_ID": "j",
        "TORCHELASTIC_RESTART_COUNT": "1",
        "GROUP_RANK": "1",
        "GROUP_WORLD_SIZE": "2",
        "LOCAL_RANK": "0",
        "RANK": "4",
        "MASTER_ADDR": "n0",
        "MASTER_PORT": "29500",
        **more,
    }


def test_the_place_is_what_torchrun_tells() -> None:
    place = Place(number=1, count=2, leads=True, opens=False, address="n0", port=29500, run="envlock/j/1/2/7")
    assert place_of(told(), 7) == place
    assert place_of(told(LOCAL_RANK="1", RANK="5"), 7) == replace(place, leads=False)
    first = replace(place, number=0, opens=True)
    assert place_of(told(GROUP_RANK="0", RANK="0"), 7) == first
    agents = told(GROUP_RANK="0", RANK="0", TORCHELASTIC_USE_AGENT_STORE="True")
    assert place_of(agents, 7) == replace(first, opens=False)


@pytest.mark.parametrize(
    "more",
    [
        {"GROUP_WORLD_SIZE": "1", "GROUP_RANK": "0"},
        {"GROUP_RANK": "2"},
        {"MASTER_PORT": "tcp"},
        {"RANK": ""},
        {"RANK": "²"},
    ],
)
def test_who_is_in_no_job_of_several_nodes(more: dict[str, str]) -> None:
    assert place_of(told(**more), 0) is None
    assert place_of({key: text for key, text in told().items() if key != "TORCHELASTIC_RUN_ID"}, 0) is None


# What they hear


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """The store of torchrun's agent; torch is one that knows it."""
    monkeypatch.setitem(sys.modules, "torch.distributed", torch_store)
    monkeypatch.setattr(nodes, "_kept", [])
    store = torch_store.TCPStore(
        "127.0.0.1", 0, is_master=True, timeout=timedelta(), wait_for_workers=False, multi_tenant=True
    )
    return store.port


def place(number: int, port: int, *, leads: bool = True) -> Place:
    return Place(
        number=number,
        count=2,
        leads=leads,
        opens=False,
        address="127.0.0.1",
        port=port,
        run="envlock/j/0/2/0",
    )


def answer(expected: str = "ab", verdict: Verdict = Verdict.MATCH) -> dict[str, Any]:
    report = Report(
        verdict=verdict, expected=expected, observed=None, level="warm", target="/env", findings=()
    )
    return {"report": report.to_json(), "settings": []}


def both(port: int, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    heard: dict[int, dict[str, Any]] = {}
    threads = [
        threading.Thread(target=lambda n=number, a=each: heard.update({n: compared(place(n, port), a, 20)}))
        for number, each in enumerate((first, second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [heard[0], heard[1]]


def said(found: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(row["severity"], row["message"], row["hint"]) for row in found["report"]["findings"]]


def test_two_that_match(port: int) -> None:
    assert both(port, answer(), answer()) == [answer(), answer()]


def test_one_that_differs_stops_both(port: int) -> None:
    sound, tampered = both(port, answer(), answer(verdict=Verdict.MISMATCH))
    found = [("differs", f"node 1 (`{HOST}`): mismatch", None)]
    assert (said(sound), said(tampered)) == (found, found)
    assert sound["report"]["verdict"] == tampered["report"]["verdict"] == "mismatch"


def test_one_that_cannot_look_keeps_its_own_words_and_is_named_to_the_other(port: int) -> None:
    failed, sound = both(port, FAILED, answer())
    assert failed == FAILED
    assert (sound["report"]["verdict"], said(sound)) == (
        "incomplete",
        [("unknown", f"node 0 (`{HOST}`): there is no lockfile", None)],
    )


def test_a_node_that_does_not_come_is_waited_for_so_long(port: int) -> None:
    found = compared(place(0, port), answer(), 0.05)
    assert said(found) == [("unknown", "node 1: it told no verdict within 0.05 s", HINT)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "Expecting value: line 1 column 1 (char 0)"),
        ("{}", "'host'"),
        ("[]", "list indices must be integers or slices, not str"),
        (
            json.dumps({"host": "n", "platform": "p", "verdict": "\x1b[2J", "expected": None, "said": None}),
            r"'\x1b[2J' is not a valid Verdict",
        ),
    ],
)
def test_what_is_no_verdict_is_not_taken_for_one(port: int, text: str, why: str) -> None:
    """A rank that does not lead its node tells nothing, and hears the same."""
    store = nodes._store(place(0, port), 5)
    store.set("envlock/j/0/2/0/0", json.dumps(nodes._own(answer())))
    store.set("envlock/j/0/2/0/1", text)
    found = compared(place(0, port, leads=False), answer(), 5)
    assert said(found) == [("unknown", f"node 1: {why}", HINT)]


def test_without_torch_no_node_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.distributed", None)
    found = compared(place(0, 1), answer(), 5)
    told = "node 1: it cannot be asked: import of torch.distributed halted; None in sys.modules"
    assert said(found) == [("unknown", told, HINT)]


def test_the_node_with_the_store_waits_for_those_that_must_hear_of_it(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not for ever: node 1 told its verdict and was ended."""
    monkeypatch.setattr(nodes, "_LATE_SECONDS", 0.01)
    store = nodes._store(place(1, port), 5)
    store.set("envlock/j/0/2/0/1", json.dumps(nodes._own(answer(verdict=Verdict.MISMATCH))))
    found = compared(place(0, port), answer(), 5)
    assert said(found) == [("differs", f"node 1 (`{HOST}`): mismatch", None)]
    assert store.get("envlock/j/0/2/0/0/heard") == b""
    assert json.loads(store.get("envlock/j/0/2/0/0")) == {
        "host": HOST,
        "platform": platform_name(),
        "verdict": "match",
        "expected": "ab",
        "said": None,
    }
