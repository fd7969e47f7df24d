"""`envlock audit`: which command is meant, and what a repository's is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from envlock.cli import cli

WRONG = "FROM pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime\nUSER app\n"


def audit(*words: str) -> Result:
    return CliRunner().invoke(cli, ["audit", *words])


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        ((), "envlock audit [OPTIONS] [PATH]"),
        (("verify",), "envlock audit verify [OPTIONS] EVIDENCE..."),
        (("--lock",), "envlock audit [OPTIONS]"),
        (("--lock=a.lock",), "envlock audit [OPTIONS]"),
        (("./verify",), "envlock audit [OPTIONS] [PATH]"),
        (("-q", "verify"), "envlock audit [OPTIONS] [PATH]"),
    ],
)
def test_which_command_is_meant(words: tuple[str, ...], usage: str) -> None:
    shown = CliRunner().invoke(cli, ["audit", *words, "--help"], prog_name="envlock").stdout
    assert shown.splitlines()[0] == f"Usage: {usage}"
    assert ("the lockfile; without a name envlock.lock" in shown) == any("--lock" in word for word in words)


def test_a_folder_that_is_called_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "verify"
    folder.mkdir()
    (folder / "Dockerfile").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    assert audit("./verify", "-q").stdout.splitlines()[0] == (
        "Dockerfile:1:1: error: `pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime` was never published "
        "[no-such-image]"
    )


def test_the_document(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(WRONG)
    document = json.loads(audit(str(tmp_path), "--json").stdout)
    assert document["schema"] == "envlock.audit/1"
    assert [each["rule"] for each in document["findings"]] == ["no-such-image", "driver-unstated"]
    assert document["grade"]["letter"] == "C"
