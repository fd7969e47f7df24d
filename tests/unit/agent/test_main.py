"""The agent's own command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envlock.agent.__main__ import main


def test_where_nothing_is_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "envlock.agent", "--prefix", f"{tmp_path}/none"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    told = f"envlock-agent: there is no environment at `{tmp_path}/none`\n"
    assert (done.returncode, done.stdout, done.stderr) == (8, "", told)


def test_a_lockfile_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "envlock.lock"
    lock.write_text("version = 2\n")
    monkeypatch.setattr(sys, "argv", ["envlock-agent", "--prefix", str(tmp_path), "--expect", str(lock)])
    with pytest.raises(SystemExit) as caught:
        main()
    told = f"envlock-agent: `{lock}` cannot be read: not a lockfile of version 1\n"
    assert (caught.value.code, capsys.readouterr().err) == (2, told)
