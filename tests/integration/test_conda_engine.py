"""conda-lock as the engine: what is said where it, or a conda for it, is missing. With the real one: e2e."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envlock.errors import EnvlockError, NoSolution, ToolFailed, ToolMissing, UsageFault
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


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """An environment with a mamba and a conda-lock that is this script."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))

    def make(script: str) -> dict[str, str]:
        for name, text in (("mamba", "#!/bin/sh\n"), ("conda-lock", script)):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    return make


def test_what_conda_lock_is_given(tmp_path: Path, tools: Callable[[str], dict[str, str]]) -> None:
    script = f'#!/bin/sh\necho "$@" > {tmp_path}/words; cp *.yml {tmp_path}; echo locked > conda-lock.yml\n'
    asked = wish("python >=3.11", "numpy", virtual={"__cuda": "12.4", "__archspec": "1=x86_64"})
    given = ("numpy <2", "python 3.11.*", "scipy <2")
    assert run_conda_lock(asked, {"conda-forge": "https://forge.example"}, given, tools(script)) == "locked\n"
    words = (tmp_path / "words").read_text()
    assert words.startswith("lock --file environment.yml --platform linux-64 --lockfile conda-lock.yml ")
    assert words.endswith(f" --conda {tmp_path}/mamba\n")
    assert json.loads((tmp_path / "environment.yml").read_text()) == {
        "channels": ["https://forge.example"],
        "dependencies": ["python >=3.11", "numpy", "numpy <2", "python 3.11.*"],
    }
    assert json.loads((tmp_path / "virtual-packages.yml").read_text()) == {
        "subdirs": {"linux-64": {"packages": {"__cuda": "12.4", "__archspec": "1 x86_64"}}}
    }


@pytest.mark.parametrize(
    ("said", "error", "message", "hint"),
    [
        (
            "No conda (or equivalent) executable found",
            ToolMissing,
            "`conda-lock` found no conda",
            "put conda on PATH",
        ),
        (
            "UnsatisfiableError: these go not together",
            NoSolution,
            "conda-lock finds no packages for linux-64 that go together",
            "without `--conda-engine` the cause is told in a sentence",
        ),
        (
            "ResolvePackageNotFound: there is none",
            NoSolution,
            "conda-lock finds no packages for linux-64 that go together",
            "without `--conda-engine` the cause is told in a sentence",
        ),
        ("it broke", ToolFailed, "`conda-lock` failed for linux-64", None),
    ],
)
def test_what_conda_lock_says_when_it_fails(
    tools: Callable[[str], dict[str, str]],
    said: str,
    error: type[EnvlockError],
    message: str,
    hint: str | None,
) -> None:
    environment = tools(f"#!/bin/sh\necho first\necho\necho '{said}' >&2; exit 1\n")
    with pytest.raises(EnvlockError) as caught:
        run_conda_lock(wish("python"), {}, (), environment)
    assert type(caught.value) is error
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.facts == (("conda-lock says", "first"), ("conda-lock says", said))


def test_a_conda_lock_that_cannot_be_started(tools: Callable[[str], dict[str, str]]) -> None:
    with pytest.raises(ToolFailed) as caught:
        run_conda_lock(wish("python"), {}, (), tools("no program"))
    assert caught.value.message.startswith("`conda-lock` did not run: [Errno 8] Exec format error")
