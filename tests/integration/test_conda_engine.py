"""conda-lock as the engine: what is said where it, or a conda for it, is missing. With the real one: e2e."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.errors import ToolMissing, UsageFault
from envlock.resolve.conda.conda_lock import run_conda_lock
from tests.unit.resolve.conda.wishes import wish


def test_without_conda_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(ToolMissing) as caught:
        run_conda_lock(wish("python"), {}, (), {"PATH": str(tmp_path)})
    assert caught.value.message == "`conda-lock` is not installed"
    assert caught.value.hint == "`pip install 'torch-envlock[conda-lock]'`"
    assert caught.value.exit_status == 6


def test_without_a_conda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    (tmp_path / "conda-lock").write_text("#!/bin/sh\n")
    (tmp_path / "conda-lock").chmod(0o755)
    with pytest.raises(ToolMissing) as caught:
        run_conda_lock(wish("python"), {}, (), {"PATH": str(tmp_path)})
    assert caught.value.message == "`conda-lock` needs conda, mamba or micromamba, and none is on PATH"


def test_another_day() -> None:
    with pytest.raises(UsageFault) as caught:
        run_conda_lock(wish("python", exclude_newer="2025-01-01T00:00:00Z"), {}, (), {})
    assert caught.value.message == "conda-lock cannot resolve as if it were another day"
