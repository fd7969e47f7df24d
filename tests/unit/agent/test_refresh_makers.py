"""`scripts/refresh_makers.py`: what is known is kept, and what is newer is told."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

ROOT = Path(__file__).parents[3]


@pytest.fixture
def refresh(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_makers", ROOT / "scripts" / "refresh_makers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "refresh_makers", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    with LocalIndex() as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield index


def test_what_is_known_is_read_back_as_it_was_written(refresh: ModuleType) -> None:
    text = refresh.OUTPUT.read_text("utf-8")
    assert refresh.render(refresh.document(refresh.read_known(json.loads(text)))) == text


def test_the_newest_known_release_is_no_release_of_debian(refresh: ModuleType) -> None:
    document = {"a": [{"maker": "m 1.0 - 2.9, n 7", "sha256": "0" * 64, "slots": []}]}
    document["b"] = [{"maker": "m 2.10, m 3.0-1", "sha256": "1" * 64, "slots": []}]
    known = refresh.read_known(document)
    assert refresh.newest_known(known, "m") == "2.10"
    assert refresh.newest_known(known, "n") == "7"


def test_the_tests_run_with_a_virtualenv_that_is_known(refresh: ModuleType) -> None:
    """A release that changes its files turns no test red by itself: the bound rises with the data."""
    known = refresh.read_known(json.loads(refresh.OUTPUT.read_text("utf-8")))
    newest = Version(refresh.newest_known(known, "virtualenv"))
    dev = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["dev"]
    bound = next(Requirement(text) for text in dev if text.startswith("virtualenv"))
    assert f"<={newest}" in [str(part) for part in bound.specifier]


@pytest.mark.slow  # asks with pip, in an environment of its own
def test_check_tells_what_is_published_and_not_known(
    refresh: ModuleType, index: LocalIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    known = refresh.read_known(json.loads(refresh.OUTPUT.read_text("utf-8")))
    newest = {name: refresh.newest_known(known, name) for name in ("setuptools", "uv", "virtualenv")}
    for name, version in [*newest.items(), ("uv", "999.1"), ("uv", "999.0")]:
        index.add(make_wheel(name, version, files={}))
    with pytest.raises(SystemExit) as told:
        refresh.main(["--check"])
    assert told.value.code == f"uv: known up to {newest['uv']}, published since: 999.0, 999.1"
