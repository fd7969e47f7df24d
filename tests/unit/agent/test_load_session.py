"""Modules imported in this process, and what is said of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.agent.load_session import load, main

TORCH = """
from types import SimpleNamespace
called = []
class Array:
    def __call__(self, *_, **__): return self
    def __getattr__(self, name): called.append(name); return self
ones = nn = Array()
backends = SimpleNamespace(cudnn=SimpleNamespace(version=lambda: called.append("version")))
cuda = SimpleNamespace(is_available=lambda: %s)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """First on sys.path; what is imported from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("gpu", "called"),
    [
        ("False", ["version"]),
        ("None.x", ["version"]),
        ("True", ["version", "functional", "conv2d", "sum", "item", "mm", "sum", "item"]),
    ],
)
def test_libraries_that_torch_opens_late_are_opened(folder: Path, gpu: str, called: list[str]) -> None:
    (folder / "torch.py").write_text(TORCH % gpu)
    assert load(["torch"])["imported"] == ["torch"]
    assert sys.modules["torch"].called == called


def test_what_was_imported_and_what_failed(folder: Path) -> None:
    (folder / "fine.py").write_text("print('said something')\n")
    (folder / "leaves.py").write_text("raise SystemExit('no GPU')\n")
    (folder / "odd.py").write_text("__spec__.origin = 'odd.py'\n")
    output = folder / "loaded.json"
    words = ["load_session", str(output), json.dumps(["fine", "leaves", "odd", "none_such"])]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", words)
        main()
    found = json.loads(output.read_text())
    assert found["imported"] == ["fine", "odd"]
    assert found["failed"] == {
        "leaves": "SystemExit: no GPU",
        "none_such": "ModuleNotFoundError: No module named 'none_such'",
    }
    files = {row["name"]: row["file"] for row in found["modules"]}
    assert files["fine"] == str(folder / "fine.py")
    assert files.keys().isdisjoint({"odd", "leaves", "envlock", "sys"})
