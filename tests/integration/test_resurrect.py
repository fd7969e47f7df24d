"""`resurrect`: what was current on a day, locked; on a local index, and once on the real one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.api import Resurrected, ResurrectRequest, resurrect
from envlock.errors import NoSolution, UsageFault
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as index:
        for version, day in (("1.0", "2023-01-10"), ("2.0", "2023-05-10"), ("3.0", "2024-01-10")):
            index.add(
                make_wheel("demo", version, files={"demo.py": version.encode()}),
                upload_time=f"{day}T00:00:00Z",
            )
        yield index


def run(root: Path, index: LocalIndex, day: str | None = "2023-06-15", *, force: bool = False) -> Resurrected:
    environment = {**os.environ, "ENVLOCK_SOURCE_DEFAULT": index.url}
    return resurrect(ResurrectRequest(path=root, day=day, force=force), environment=environment)


def commit(root: Path, day: str) -> None:
    environment = {**os.environ, "GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "HOME": str(root)}
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "a")):
        subprocess.run(["git", *words], cwd=root, env=environment, check=True)


def test_what_was_current_is_locked_with_the_day(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo\n")
    found = run(tmp_path, index)
    assert {row.name: row.version for row in found.lock.lock.distributions} == {"demo": "2.0"}
    assert found.lock.lock.exclude_newer == "2023-06-15T00:00:00Z"
    assert (found.python, found.lock.lock.python_exact) == ("3.11", "3.11.4")
    manifest = (tmp_path / "envlock.toml").read_text()
    assert manifest.startswith("# Written by `envlock resurrect` from requirements.txt.")
    assert 'exclude-newer = "2023-06-15T00:00:00Z"  # --date\n' in manifest


def test_the_last_commit_is_the_day(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo\n")
    commit(tmp_path, "2023-02-01")
    found = run(tmp_path, index, None)
    assert (found.day, found.day_from) == ("2023-02-01T12:00:00Z", "the last commit of requirements.txt")
    assert [row.version for row in found.lock.lock.distributions] == ["1.0"]


def test_no_day_is_known(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo\n")
    with pytest.raises(UsageFault) as caught:
        run(tmp_path, index, None)
    assert caught.value.message == "which day is meant is not known: git has no commit of what is asked for"
    assert caught.value.hint == "`--date 2023-06-15` names it"


def test_a_pin_of_later_is_named_and_nothing_is_written(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo==3.0\n")
    with pytest.raises(NoSolution) as caught:
        run(tmp_path, index)
    assert caught.value.message == "a requirement cannot be had on that day"
    assert caught.value.facts[0] == ("cannot be had", "demo==3.0 (requirements.txt:1)")
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_what_is_there_is_not_written_over_unasked(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo\n")
    run(tmp_path, index)
    (tmp_path / "envlock.toml").unlink()
    with pytest.raises(UsageFault) as caught:
        run(tmp_path, index, "2024-02-01")
    assert (caught.value.message, caught.value.hint) == (
        "there is an envlock.lock already",
        "`--force` writes over it",
    )
    found = run(tmp_path, index, "2024-02-01", force=True)
    assert [row.version for row in found.lock.lock.distributions] == ["3.0"]


def test_where_it_fails_the_old_manifest_stands(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo==3.0\n")
    (tmp_path / "envlock.toml").write_text("# mine\n")
    with pytest.raises(NoSolution):
        run(tmp_path, index, force=True)
    assert (tmp_path / "envlock.toml").read_text() == "# mine\n"


def test_an_odd_day(tmp_path: Path, index: LocalIndex) -> None:
    (tmp_path / "requirements.txt").write_text("demo\n")
    with pytest.raises(UsageFault) as caught:
        run(tmp_path, index, "soon")
    assert caught.value.message == "`--date`: `soon` is neither a date nor a time with an offset"


@pytest.mark.slow
def test_an_unpinned_set_of_2023(tmp_path: Path) -> None:
    """The real index: torch and its friends of that month."""
    (tmp_path / "requirements.txt").write_text("torch\ntransformers\nnumpy\ndatasets\n")
    found = resurrect(ResurrectRequest(path=tmp_path, day="2023-06-15"), environment=os.environ)
    pins = {row.name: row.version for row in found.lock.lock.distributions}
    expected = {"torch": "2.0.1", "transformers": "4.30.2", "numpy": "1.24.3", "datasets": "2.13.0"}
    assert expected.items() <= pins.items()
    assert found.lock.lock.exclude_newer == "2023-06-15T00:00:00Z"
    assert found.lock.lock.stack["linux-64"].cuda == "11.7"
