"""What git says of the code that a command ran."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envlock.run.code import changed_on, observe_code

ENVIRONMENT = {
    **os.environ,
    **{f"GIT_{who}_{what}": "x@y.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_DATE": "2025-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2025-01-02T03:04:05Z",
}


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in ("same.py", "changed.py", "gone.py", "folder"):
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def changed(folder: Path, *without: Path) -> list[str]:
    found = observe_code(folder, ENVIRONMENT, without)
    assert found is not None
    assert (found["changes"] is None) == (not found["changed_files"])
    return found["changed_files"]


def test_every_kind_of_change_is_named(repository: Path) -> None:
    assert changed(repository) == []
    (repository / "changed.py").write_text("other")
    (repository / "gone.py").unlink()
    (repository / "folder").unlink()
    (repository / "folder").mkdir()
    (repository / "folder" / "new").write_text("")
    (repository / "link").symlink_to("nowhere")
    with (repository / "data").open("wb") as file:
        file.truncate((16 << 20) + 1)
    for name in ("__pycache__", "hidden"):
        (repository / name).mkdir()
        (repository / name / "file").write_text("")
    (repository / "receipt.json").write_text('{"schema": "envlock.receipt/1"}')
    names = ["changed.py", "data", "folder", "folder/new", "gone.py", "link"]
    assert changed(repository, Path("hidden"), Path("/elsewhere")) == names


def test_a_file_that_may_not_be_read_is_a_change_all_the_same(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "secret").write_text("")

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert changed(repository) == ["secret"]


def test_a_repository_without_a_commit_and_none_at_all(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "-q")
    found = observe_code(tmp_path / "new", ENVIRONMENT, ())
    assert found == {"commit": None, "folder": ".", "changes": None, "changed_files": []}
    assert observe_code(tmp_path, ENVIRONMENT, ()) is None
    assert observe_code(tmp_path / "new", {**ENVIRONMENT, "PATH": ""}, ()) is None
    assert changed_on(tmp_path, ["a"], ENVIRONMENT) is None


def test_when_files_were_changed_last(repository: Path) -> None:
    assert changed_on(repository, ["same.py"], ENVIRONMENT) in (
        "2025-01-02T03:04:05Z",
        "2025-01-02T03:04:05+00:00",
    )
    assert changed_on(repository, ["never.py"], ENVIRONMENT) is None


def test_a_repository_whose_index_is_spoilt_says_nothing(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"no index")
    assert observe_code(repository, ENVIRONMENT, ()) is None
