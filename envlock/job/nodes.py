"""One verdict for all nodes of a torchrun job: each tells the others its own, through torch's own store.

torchrun keeps a `TCPStore` at MASTER_ADDR:MASTER_PORT for `init_process_group` to meet at; where it does not
(`TORCHELASTIC_USE_AGENT_STORE`), rank 0 opens it, as `init_process_group` then would. Local rank 0 of each
node speaks for the node. torch is imported for this, and only after this node's own verdict is known.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from envlock.agent.host import platform_name
from envlock.report.model import Report, Verdict
from envlock.verify.nodes import Node, with_nodes
from envlock.verify.smallest import explanation_of

_LATE_SECONDS = 10.0  # how long the node with the store waits for the others, so that they can say the same
_LONGEST = 500
_kept: list[Any] = []  # a store that this process opened is there until it ends


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """This process in a job of `count` nodes. `leads`: it speaks for its node. `opens`: the store is to be
    opened by it. `run` tells this run of the job from others that the store may have heard of."""

    number: int
    count: int
    leads: bool
    opens: bool
    address: str
    port: int
    run: str


def compared(place: Place, answer: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
    """The answer of this node, and in its report what the other nodes of the job found.

    A failure stays as it is: the others are told of it.
    """
    nodes, missing = _exchanged(place, answer, timeout_seconds)
    if "report" not in answer:
        return answer
    return {**answer, "report": with_nodes(Report.from_json(answer["report"]), nodes, missing).to_json()}


def place_of(environment: Mapping[str, str], call: int) -> Place | None:
    """As torchrun tells it, for the `call`-th question of this process; None where there is one node, or
    torchrun did not start this."""
    names = ("GROUP_RANK", "GROUP_WORLD_SIZE", "LOCAL_RANK", "RANK", "MASTER_PORT")
    texts = [environment.get(name, "") for name in names]
    if "TORCHELASTIC_RUN_ID" not in environment or not all(text.isdecimal() for text in texts):
        return None
    number, count, local, rank, port = map(int, texts)
    if count < 2 or number >= count:
        return None
    told = (environment.get(name, "") for name in ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"))
    return Place(
        number=number,
        count=count,
        leads=local == 0,
        opens=rank == 0 and environment.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
        address=environment.get("MASTER_ADDR", ""),
        port=port,
        run="/".join(["envlock", *told, str(count), str(call)]),
    )


def _exchanged(
    place: Place, answer: Mapping[str, Any], timeout_seconds: float
) -> tuple[list[Node], dict[int, str]]:
    deadline = time.monotonic() + timeout_seconds
    try:
        store = _store(place, timeout_seconds)
        if place.leads:
            store.set(f"{place.run}/{place.number}", json.dumps(_own(answer)))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        others = (number for number in range(place.count) if number != place.number)
        return [], {number: f"it cannot be asked: {_words(error)}" for number in others}
    nodes, missing = _heard(store, place, deadline, timeout_seconds)
    if place.leads:
        _part(store, place, () if not missing and _all_match(nodes) else nodes)
    return nodes, missing


def _store(place: Place, timeout_seconds: float) -> Any:
    distributed: Any = import_module("torch.distributed")
    store = distributed.TCPStore(
        place.address,
        place.port,
        is_master=place.opens,
        timeout=timedelta(seconds=timeout_seconds),
        wait_for_workers=False,
        multi_tenant=True,
    )
    _kept.append(store)
    return store


def _own(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What this node tells the others."""
    who = {"host": os.uname().nodename, "platform": platform_name()}
    if "report" not in answer:
        return {
            **who,
            "verdict": str(Verdict.INCOMPLETE),
            "expected": None,
            "said": answer["error"]["message"],
        }
    report = Report.from_json(answer["report"])
    said = explanation_of(report.findings)
    return {**who, "verdict": str(report.verdict), "expected": report.expected, "said": said}


def _heard(
    store: Any, place: Place, deadline: float, timeout_seconds: float
) -> tuple[list[Node], dict[int, str]]:
    nodes: list[Node] = []
    missing: dict[int, str] = {}
    for number in range(place.count):
        key = f"{place.run}/{number}"
        try:
            store.wait([key], timedelta(seconds=max(deadline - time.monotonic(), 0.01)))
            nodes.append(_node(number, store.get(key)))
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            late = time.monotonic() >= deadline
            said = f"it told no verdict within {timeout_seconds:g} s" if late else _words(error)
            missing[number] = said
    return nodes, missing


def _node(number: int, text: bytes) -> Node:
    told = json.loads(text)
    return Node(
        number=number,
        host=_words(told["host"]),
        platform=_words(told["platform"]),
        verdict=Verdict(told["verdict"]),
        expected=None if told["expected"] is None else _words(told["expected"]),
        said=None if told["said"] is None else _words(told["said"]),
    )


def _part(store: Any, place: Place, late: Sequence[Node]) -> None:
    """Say that this node has heard all. The node with the store goes after those that are `late`: what
    they have not heard by then they never will."""
    try:
        store.set(f"{place.run}/{place.number}/heard", "")
        if place.number == 0 and late:
            others = [f"{place.run}/{node.number}/heard" for node in late]
            store.wait(others, timedelta(seconds=_LATE_SECONDS))
    except (OSError, RuntimeError):
        return


def _all_match(nodes: Sequence[Node]) -> bool:
    return all(node.verdict is Verdict.MATCH for node in nodes)


def _words(what: object) -> str:
    """In one line, and without what moves a cursor."""
    text = " ".join(str(what).split())[:_LONGEST]
    return "".join(char if char.isprintable() else "?" for char in text)
