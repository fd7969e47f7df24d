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


AMP = (
    "import torch\n\nwith torch.cuda.amp.autocast():  # é\r\n"
    "    s = torch.cuda.amp.GradScaler(enabled=True)\n"
)


def test_what_is_safe_is_mended_once(tmp_path: Path) -> None:
    code, file = tmp_path / "train.py", tmp_path / "Dockerfile"
    code.write_bytes(AMP.encode())
    file.write_text("FROM pytorch/pytorch:2.4.1-cuda12.1-cudnn9-runtime AS base\nUSER app\n")
    audit(str(tmp_path), "--fix")
    assert code.read_bytes().decode() == (
        'import torch\n\nwith torch.amp.autocast("cuda"):  # é\r\n'
        '    s = torch.amp.GradScaler("cuda", enabled=True)\n'
    )
    first = file.read_text()
    assert first.startswith("FROM pytorch/pytorch:2.4.1-cuda12.1-cudnn9-runtime@sha256:")
    assert first.endswith(" AS base\nUSER app\n")
    again = audit(str(tmp_path), "--fix")
    assert "fixed" not in again.stderr
    assert file.read_text() == first


def test_sarif(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(WRONG)
    document = json.loads(audit(str(tmp_path), "--sarif").stdout)
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    run = document["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "Dockerfile", "uriBaseId": "ROOT"}
        assert place["region"]["startLine"] >= 1
    assert run["results"][0]["ruleId"] == "no-such-image"


def test_a_broken_file_that_is_named_is_malformed_input(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{")
    ran = audit(str(tmp_path / "a.ipynb"))
    assert (ran.exit_code, type(ran.exception).__name__) == (1, "InvalidInput")
    assert (
        str(ran.exception)
        == "`a.ipynb` cannot be judged: not valid JSON: expecting property name enclosed in double quotes"
    )
