"""`envlock diff` on lockfiles: outputs, errors and exit statuses whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from envlock import api
from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.errors import UsageFault
from envlock.lock import write_lock
from envlock.lock.diff import diff
from envlock.report.lock_diff import DiffLook, document, render
from tests.unit.lock.test_diff import NEW, OLD, dist, lock

ROOT = Path(__file__).resolve().parents[2]
STACKS = ROOT / "examples" / "published-stacks"

Envlock = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `a.lock` and `b.lock`, and a project `c` whose lock is the first."""
    write_lock(tmp_path / "a.lock", OLD)
    write_lock(tmp_path / "b.lock", NEW)
    (tmp_path / "c").mkdir()
    write_lock(tmp_path / "c" / "envlock.lock", OLD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def envlock(capsys: pytest.CaptureFixture[str]) -> Envlock:
    def ran(*words: str) -> tuple[int, str, str]:
        status = run(cli, list(words))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return ran


def test_two_lockfiles(here: Path, envlock: Envlock) -> None:
    told = render(diff(OLD, NEW), DiffLook(old="a.lock", new="b.lock"))
    assert told.startswith("differs: a.lock and b.lock install other files\n")
    assert envlock("diff", "a.lock", "b.lock") == (1, f"{told}\n", "")


def test_a_directory_stands_for_its_lock(here: Path, envlock: Envlock) -> None:
    told = render(diff(OLD, NEW), DiffLook(old="c", new="b.lock"))
    assert envlock("diff", "c", "b.lock") == (1, f"{told}\n", "")


def test_nothing_differs(here: Path, envlock: Envlock) -> None:
    told = render(diff(OLD, OLD), DiffLook(old="a.lock", new="c"))
    assert told.startswith("equal: a.lock and c say the same\n")
    assert envlock("diff", "a.lock", "c") == (0, f"{told}\n", "")


def test_quiet_is_one_line(here: Path, envlock: Envlock) -> None:
    assert envlock("diff", "-q", "a.lock", "b.lock") == (
        1,
        "differs: a.lock and b.lock install other files\n",
        "",
    )


def test_verbose_has_the_hashes(here: Path, envlock: Envlock) -> None:
    status, out, _ = envlock("diff", "-v", "a.lock", "b.lock")
    assert status == 1
    for each in (OLD, NEW):
        torch = next(row for row in each.distributions if row.name == "torch")
        assert f"sha256 {torch.wheels[0].sha256}\n" in out


def test_the_same_files_are_a_difference_too(here: Path, envlock: Envlock) -> None:
    """The runtime hash is the same, and still the locks are not: the status is 1, the document says which."""
    one = lock(dist("demo"))
    write_lock(here / "one.lock", one)
    write_lock(here / "other.lock", lock(dist("demo"), exclude_newer="2025-03-01T00:00:00Z"))
    status, out, err = envlock("diff", "one.lock", "other.lock", "--json")
    found = json.loads(out)
    assert (status, err) == (1, "")
    assert (found["equal"], found["same_runtime"]) == (False, True)
    assert found["other"]["values"] == [
        {"name": "exclude-newer", "old": None, "new": "2025-03-01T00:00:00Z"},
    ]


def test_as_json(here: Path, envlock: Envlock) -> None:
    status, out, err = envlock("diff", "a.lock", "b.lock", "--json")
    assert (status, err) == (1, "")
    assert json.loads(out) == document(diff(OLD, NEW), old="a.lock", new="b.lock")
    assert json.loads(out)["schema"] == "envlock.diff/1"


def test_a_lockfile_that_is_not_there(here: Path, envlock: Envlock) -> None:
    assert envlock("diff", "a.lock", "gone.lock") == (
        3,
        "",
        "error: there is no lockfile [lockfile-invalid]\n  where  gone.lock\n\n"
        "hint: `envlock lock` makes it\n",
    )


def test_what_is_no_lockfile(here: Path, envlock: Envlock) -> None:
    (here / "torn.lock").write_text((here / "a.lock").read_text()[:-20])
    status, out, err = envlock("diff", "a.lock", "torn.lock")
    assert (status, out) == (3, "")
    assert err.startswith("error: `torn.lock` has 1 fault [lockfile-invalid]\n")
    status, out, err = envlock("diff", "torn.lock", "a.lock", "--json")
    assert (status, err) == (3, "")
    assert json.loads(out)["error"]["code"] == "lockfile-invalid"


def test_facts_are_no_lockfile_for_the_api(here: Path) -> None:
    (here / "facts.json").write_text("{}")
    with pytest.raises(UsageFault) as caught:
        api.diff(Path("a.lock"), Path("facts.json"))
    assert caught.value.message == "`facts.json` is JSON, and no lockfile"
    assert caught.value.hint == "`diff_hosts` compares facts, and a lock with facts"


def test_json_that_is_no_facts_document(here: Path, envlock: Envlock) -> None:
    (here / "facts.json").write_text("\n{}")
    status, out, err = envlock("diff", "a.lock", "facts.json")
    assert (status, out) == (8, "")
    assert err.startswith(
        "error: `facts.json` is no facts document: its schema is not `envlock.facts/1` [could-not-tell]\n"
    )


def test_the_page_of_the_published_stacks_shows_what_is_printed(
    envlock: Envlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (STACKS / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^\$ envlock (diff .*)\n((?s:.*?))^```$", page, re.MULTILINE)
    assert shown is not None
    monkeypatch.chdir(ROOT)
    assert envlock(*shown[1].split()) == (1, shown[2], "")
