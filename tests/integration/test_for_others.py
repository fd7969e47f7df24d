"""What other tools take from this repository: a GitHub Action, hooks of pre-commit, completion of shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.environments import SERIES

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

# --- the action


def test_the_schema_of_github_admits_the_action() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions"]
    done = subprocess.run([*command, ROOT / "action.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_of_the_action_reaches_a_shell_as_code() -> None:
    """Expressions are only in `env`, which is data; in `run` they would be text of the script."""
    assert [step["name"] for step in ACTION["runs"]["steps"] if "${{" in step["run"]] == []


@pytest.mark.slow
def test_the_action_proves_an_environment_and_names_what_changed(tmp_path: Path) -> None:
    """Its steps as a runner does them: one bash each, expressions replaced."""
    project = tmp_path / "a project"
    project.mkdir()
    text = f'python = "{SERIES}"\ncuda = "cpu"\nrequirements = ["iniconfig==2.0.0"]\n'
    (project / "envlock.toml").write_text(text)
    envlock = Path(sys.executable).with_name("envlock")
    subprocess.run([envlock, "lock", "-p", project], check=True, capture_output=True)
    inputs = {"project": str(project), "prefix": str(tmp_path / "env"), "sync": "true", "level": "content"}

    outputs = _steps(tmp_path, inputs)
    assert outputs["status"] == "0"
    assert outputs["verdict"] == "match"
    assert outputs["runtime-hash"].startswith("rt1:")

    module = tmp_path / "env/lib" / f"python{SERIES}" / "site-packages/iniconfig/__init__.py"
    module.unlink()
    module.write_text("\n")
    outputs = _steps(tmp_path, {**inputs, "sync": "false"})
    assert (outputs["status"], outputs["verdict"]) == ("1", "mismatch")
    assert "iniconfig/__init__.py` is not the file of iniconfig 2.0.0" in outputs["stderr"]

    (project / "envlock.toml").write_text(text.replace("2.0.0", "2.1.0"))
    outputs = _steps(tmp_path, {**inputs, "sync": "false"})
    assert outputs["status"] == "1"
    assert "verdict" not in outputs


def _steps(folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """What the steps put out, the status that ended them, and what the last one said to stderr."""
    inputs = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()} | dict(given)
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    values |= {"github.action_path": str(ROOT), "runner.temp": str(folder / "runner")}
    (folder / "runner").mkdir(exist_ok=True)
    output = folder / "output"
    output.write_text("")
    for step in ACTION["runs"]["steps"]:
        if not _is_wanted(step, inputs):
            continue
        environment = {name: _replaced(value, values) for name, value in step["env"].items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={**os.environ, **environment, "GITHUB_OUTPUT": str(output)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            break
    lines = (line.partition("=") for line in output.read_text().splitlines())
    return {name: value for name, _, value in lines} | {
        "status": str(done.returncode),
        "stderr": done.stderr,
    }


def _is_wanted(step: Mapping[str, Any], inputs: Mapping[str, str]) -> bool:
    match step.get("if"):
        case None:
            return True
        case "inputs.sync == 'true'":
            return inputs["sync"] == "true"
        case "inputs.prefix != ''":
            return inputs["prefix"] != ""
        case other:
            raise AssertionError(f"a condition that this test does not know: {other}")


def _replaced(text: str, values: Mapping[str, str]) -> str:
    text = text.replace("${{ inputs.variant && '.' }}", "." if values["inputs.variant"] else "")
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: values[match[1]], text)


# --- hooks


def test_pre_commit_admits_the_hooks() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_what_a_hook_runs_is_a_command(hook: Mapping[str, Any]) -> None:
    from click.testing import CliRunner

    from envlock.cli import cli

    words = hook["entry"].split()
    assert words[0] == "envlock"
    done = CliRunner().invoke(cli, [*words[1:], "--help"])
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("pyproject.toml", True),
        ("a/envlock.toml", True),
        ("requirements-dev.txt", True),
        ("envlock.cpu.lock", True),
        ("train.py", False),
        ("my-pyproject.toml", False),
    ],
)
def test_the_files_that_start_the_check(name: str, is_taken: bool) -> None:
    assert bool(re.search(HOOKS[0]["files"], name)) is is_taken


# --- shells


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_completion(shell: str) -> None:
    environment = {**os.environ, "_ENVLOCK_COMPLETE": f"{shell}_source"}
    envlock = Path(sys.executable).with_name("envlock")
    done = subprocess.run([envlock], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "_ENVLOCK_COMPLETE" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


@pytest.mark.parametrize(
    ("words", "expected"), [("envlock ver", "plain,verify"), ("envlock verify --lev", "plain,--level")]
)
def test_words_are_completed(words: str, expected: str) -> None:
    environment = {
        **os.environ,
        "_ENVLOCK_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    envlock = Path(sys.executable).with_name("envlock")
    done = subprocess.run([envlock], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [expected]
