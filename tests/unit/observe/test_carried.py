"""What the zipapp carries so that it can judge."""

from __future__ import annotations

import ast
import sys
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import tomli

from envlock.agent.older import dataclasses as older
from envlock.agent.older.enum import StrEnum
from envlock.agent.older.tomli import TOMLDecodeError, loads
from envlock.observe.carried import PACKAGE, carried_files, carried_modules

ROOT = Path(__file__).resolve().parents[3]


def test_it_imports_the_standard_library_and_itself() -> None:
    found = []
    for member, content in carried_files().items():
        if not member.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(content)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            tops = {name.partition(".")[0] for name in names}
            found += [f"{member}: {top}" for top in tops - {PACKAGE} if top not in sys.stdlib_module_names]
    assert found == []


def test_it_is_the_reader_and_the_judge_and_nothing_that_resolves_or_installs() -> None:
    modules = carried_modules()
    assert {
        "lock.reader",
        "lock.consistency",
        "verify.judge",
        "observe.local",
        "job.require",
    } <= modules.keys()
    assert {module.partition(".")[0] for module in modules} <= {
        "errors", "job", "lock", "manifest", "observe", "report", "resolve", "stack", "verify"
    }  # fmt: skip
    assert not {
        module for module in modules if module.startswith(("resolve.u", "resolve.p", "install", "cli"))
    }


def _globs() -> list[str]:
    """The paths that ruff reads as Python 3.8, braces spelled out."""
    document = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rows = document["tool"]["ruff"]["per-file-target-version"]
    found = []
    for glob in rows:
        parts = [part.split(",") for part in glob.replace("}", "{").split("{")]
        found += ["".join(choice) for choice in product(*parts)]
    return found


def test_ruff_reads_it_as_python_3_8() -> None:
    """Newer syntax would be told by the first host with an old Python."""
    for module in carried_modules():
        path = "envlock/" + module.replace(".", "/")
        names = (f"{path}.py", f"{path}/__init__.py")
        assert any(fnmatch(name, glob) for glob in _globs() for name in names), module


@pytest.mark.skipif(sys.version_info < (3, 10), reason="compares with what newer Pythons have")
def test_an_old_python_has_the_same_dataclasses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envlock.agent.older.dataclasses.sys.version_info", (3, 8))

    class Plain:
        first: int = 1
        second: str
        third: list[str] = older.field(default_factory=list)

    made: Any = older.dataclass(frozen=True, kw_only=True, slots=True)(Plain)
    row: Any = made(second="x")
    assert (row.first, row.second, row.third) == (1, "x", [])
    assert repr(row).endswith("Plain(first=1, second='x', third=[])")
    assert older.replace(row, first=2) == made(first=2, second="x")
    for wrong in ({"first": 1}, {"second": "x", "fourth": 4}):
        with pytest.raises(TypeError):
            made(**wrong)
    with pytest.raises(AttributeError):
        row.first = 3


def test_it_calls_nothing_that_python_3_8_lacks() -> None:
    """What its syntax does not show: methods of text that came with 3.9."""
    found = [
        f"{module}: {node.attr}"
        for module, text in carried_modules().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr in ("removeprefix", "removesuffix")
    ]
    assert found == []


def test_text_with_names() -> None:
    class Word(StrEnum):
        ONE = "one"

    assert (str(Word.ONE), f"{Word.ONE:>5}", Word("one") is Word.ONE) == ("one", "  one", True)


def test_a_fault_of_toml_says_where() -> None:
    with pytest.raises(TOMLDecodeError) as caught:
        loads("a = 1\nb = \n")
    assert (caught.value.lineno, caught.value.colno, caught.value.msg) == (2, 5, "Invalid value")
