"""Which nodes of a Ray cluster are looked at, and which are missed."""

from __future__ import annotations

from typing import Any

from envlock.observe.ray_cluster import _names, _told_apart


def node(name: str, host: str, address: str, death: int | None = None) -> dict[str, Any]:
    row = {"NodeID": name, "NodeManagerHostname": host, "NodeManagerAddress": address}
    return {**row, "Alive": death is None, "DeathReason": death or 0}


def test_who_left_in_order_or_is_back_is_not_missed() -> None:
    rows = [
        node("a", "n1", "10.0.0.1"),
        node("b", "n2", "10.0.0.2", death=1),
        node("c", "n3", "10.0.0.3", death=2),
        node("d", "n4", "10.0.0.4", death=4),
        node("e", "n5", "10.0.0.5", death=3),
        node("f", "n1", "10.0.0.1", death=2),
    ]
    alive, lost = _told_apart(rows)
    assert [row["NodeID"] for row in alive] == ["a"]
    assert [row["NodeID"] for row in lost] == ["c", "e"]


def test_nodes_of_one_host_have_names_of_their_own() -> None:
    rows = [
        node("aaaaaaaa1", "n1", "10.0.0.1"),
        node("bbbbbbbb1", "n1", "10.0.0.2"),
        node("c", "n2", "10.0.0.3"),
    ]
    assert list(_names(rows).values()) == ["n1:aaaaaaaa", "n1:bbbbbbbb", "n2"]
    assert list(_names([node("d", "\x1b[31mred", "10.0.0.4")]).values()) == ["?[31mred"]
