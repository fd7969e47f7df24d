"""Dataclasses as Python 3.8 has them, with the words of 3.10."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from envlock.agent.older import dataclasses


@pytest.fixture(autouse=True)
def _python_3_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataclasses, "sys", SimpleNamespace(version_info=(3, 8, 0)))


def test_by_keyword() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
    class Row:
        name: str = "x"
        size: int

    made: Any = Row
    assert repr(made(size=1)).endswith("Row(name='x', size=1)")
    with pytest.raises(TypeError, match=r"^Row needs 'size'$"):
        made()
    with pytest.raises(TypeError, match=r"^Row has no field 'sise'$"):
        made(sise=1)


def test_by_place() -> None:
    @dataclasses.dataclass
    class Row:
        name: str

    made: Any = Row
    assert made("x").name == "x"
