"""Receipts held against each other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from envlock.cli import cli
from envlock.errors import CouldNotTell, DiskFailed
from envlock.run.compare import STAGES, compare
from envlock.run.receipt import Receipt, prove_writable, read_receipt, reserve, write_receipt


def receipt() -> Receipt:
    check = {"verdict": "match", "level": "warm", "hash": "rt1:aa", "findings": []}
    document: Any = {
        "schema": "envlock.receipt/1",
        "runtime": {"platform": "linux-64", "hash": "rt1:aa", "held": True},
        "settings": {"PYTHONHASHSEED": "0"},
        "variables": {"LD_LIBRARY_PATH": "/opt/one"},
        "numerics": {"name": "nc1:0123456789abcdef", "host": {"threads": "4"}},
        "code": {"commit": "c0ffee", "folder": ".", "changes": None, "changed_files": []},
        "command": ["python", "train.py"],
        "exit_status": 0,
        "outputs": {"model.npz": {"sha256": "ab", "size": 2, "files": 1, "written": True}},
        "about": {
            "envlock": "0.1.0",
            "started": "2026-11-25T12:00:00Z",
            "seconds": 1.5,
            "start": check,
            "end": check,
            "libraries": {"environment": [], "system": [], "looks": 1},
        },
    }
    return document  # type: ignore[no-any-return]


def changed(change: Callable[[Any], Any]) -> Receipt:
    other: Any = copy.deepcopy(receipt())
    change(other)
    return other  # type: ignore[no-any-return]


CHANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "hash": ("runtime", lambda row: row["runtime"].update(hash="rt1:bb")),
    "environment during the run": ("runtime", lambda row: row["runtime"].update(held=False)),
    "PYTHONHASHSEED": ("settings", lambda row: row["settings"].update(PYTHONHASHSEED="1")),
    "OMP_NUM_THREADS": ("settings", lambda row: row["variables"].update(OMP_NUM_THREADS="2")),
    "threads": ("class", lambda row: row["numerics"].update(name="nc1:b", host={"threads": "2"})),
    "commit": ("commit", lambda row: row["code"].update(commit="beef")),
    "uncommitted changes": ("commit", lambda row: row["code"].update(changes="d")),
    "words": ("command", lambda row: row["command"].append("--lr=1")),
    "exit status": ("outputs", lambda row: row.update(exit_status=1)),
    "model.npz": ("outputs", lambda row: row["outputs"]["model.npz"].update(sha256="cd")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_each_kind_of_change_is_named(what: str) -> None:
    stage, change = CHANGES[what]
    first = compare(receipt(), changed(change)).differences[0]
    assert (first.stage, first.what) == (stage, what)


def test_what_causes_the_others_comes_first() -> None:
    other = receipt()
    for _, change in CHANGES.values():
        change(other)
    stages = [each.stage for each in compare(receipt(), other).differences]
    assert stages == sorted(stages, key=list(STAGES).index)
    assert list(dict.fromkeys(stages)) == list(STAGES)


def test_when_how_long_and_where_libraries_lie_are_not_compared() -> None:
    def later(row: Any) -> None:
        row["about"].update(seconds=9.0, started="2027-01-01T00:00:00Z")
        row["variables"].update(LD_LIBRARY_PATH="/opt/two")

    found = compare(receipt(), changed(later))
    assert (found.differences, found.unknown, found.outputs_equal) == ((), (), True)


def test_what_one_does_not_know_is_no_difference_and_is_told(tmp_path: Path) -> None:
    other = changed(lambda row: row.update(numerics=None, code=None))
    write_receipt(tmp_path / "a.json", receipt())
    write_receipt(tmp_path / "b.json", other)
    result = said(tmp_path)
    assert result.exit_code == 0
    assert result.stdout == (
        "equal: 1 output, and all that decided them\n"
        "note: the numerics class is not in both receipts and was not compared\n"
        "note: the commit is not in both receipts and was not compared\n"
    )


def said(folder: Path, *words: str) -> Any:
    files = [str(folder / "a.json"), str(folder / "b.json")]
    return CliRunner().invoke(cli, ["receipt", "compare", *files, *words], standalone_mode=False)


def test_the_first_difference_is_said(tmp_path: Path) -> None:
    write_receipt(tmp_path / "a.json", receipt())
    other = changed(lambda row: (row["settings"].clear(), row["command"].append("--secret")))
    write_receipt(tmp_path / "b.json", other)
    result = said(tmp_path)
    assert result.return_value == 1
    assert result.stdout == (
        "differs first: settings, PYTHONHASHSEED\n"
        "  A  0\n"
        "  B  not there\n"
        "  and 1 more difference, which it may have caused (`-v` has all)\n"
        "  1 output: equal all the same\n"
    )
    document = json.loads(said(tmp_path, "--json").stdout)
    assert (document["equal"], document["outputs_equal"], len(document["differences"])) == (False, True, 2)


@pytest.mark.parametrize(
    ("change", "words", "lines"),
    [
        (lambda row: row.update(numerics=None), ["-q"], ["equal: 1 output, and all that decided them"]),
        (
            lambda row: row.update(outputs={}),
            ["-q"],
            ["differs first: outputs, model.npz", "  A  ab", "  B  not there"],
        ),
        (
            lambda row: (row["settings"].clear(), row["command"].append("-x"), row.update(code=None)),
            ["-v"],
            [
                "differs first: settings, PYTHONHASHSEED",
                "  A  0",
                "  B  not there",
                "differs too: command, words",
                "  A  python train.py",
                "  B  python train.py -x",
                "  1 output: equal all the same",
                "note: the commit is not in both receipts and was not compared",
            ],
        ),
        (
            lambda row: (row["settings"].clear(), row["command"].append("-x"), row["command"].append("-y")),
            ["-q"],
            [
                "differs first: settings, PYTHONHASHSEED",
                "  A  0",
                "  B  not there",
                "  and 1 more difference, which it may have caused (`-v` has all)",
            ],
        ),
        (
            lambda row: (row["settings"].clear(), row["command"].append("-x"), row.update(exit_status=1)),
            ["-q"],
            [
                "differs first: settings, PYTHONHASHSEED",
                "  A  0",
                "  B  not there",
                "  and 2 more differences, which it may have caused (`-v` has all)",
            ],
        ),
    ],
)
def test_how_much_is_said(
    tmp_path: Path, change: Callable[[Any], Any], words: list[str], lines: list[str]
) -> None:
    write_receipt(tmp_path / "a.json", receipt())
    write_receipt(tmp_path / "b.json", changed(change))
    assert said(tmp_path, *words).stdout.splitlines() == lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no receipt: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("{}", "is no receipt: its schema is not `envlock.receipt/1`"),
        ('{"schema": "envlock.receipt/1"}', "is no receipt: `runtime` is missing"),
    ],
)
def test_what_is_no_receipt(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(CouldNotTell) as caught:
        read_receipt(path)
    assert caught.value.message == f"`{path}` {message}"
    assert caught.value.hint == "`envlock run -- CMD` writes one"


def test_a_receipt_that_is_larger_than_any(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(CouldNotTell) as caught:
        read_receipt(path)
    assert caught.value.message == f"`{path}` is no receipt: it is larger than any receipt"


def test_a_place_where_no_receipt_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "a.json"
    for call, reason in (
        (lambda: prove_writable(tmp_path), "it is a folder"),
        (lambda: prove_writable(below), "not a directory"),
        (lambda: reserve(below), "not a directory"),
        (lambda: write_receipt(below, receipt()), "not a directory"),
    ):
        with pytest.raises(DiskFailed) as caught:
            call()
        assert caught.value.message == f"the receipt cannot be written: {reason}"
        assert caught.value.hint == "name another file: `envlock run --receipt FILE -- CMD`"


@pytest.mark.parametrize("command", ["show", "compare"])
def test_what_the_command_says_of_no_receipt(tmp_path: Path, command: str) -> None:
    path = tmp_path / "a.json"
    words = ["receipt", command, str(path)] + [str(path)] * (command == "compare")
    assert str(CliRunner().invoke(cli, words).exception) == f"cannot read `{path}`: No such file or directory"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"numerics": None}, "class     not asked for"),
        ({"code": None}, "commit    not known: no git repository"),
        (
            {"code": {"commit": None, "folder": ".", "changes": "00", "changed_files": ["a"]}},
            "commit    none yet, and 1 file not as committed",
        ),
        (
            {"code": {"commit": "c0", "folder": ".", "changes": "00", "changed_files": ["a", "b"]}},
            "commit    c0, and 2 files not as committed",
        ),
        (
            {"outputs": {"a": {"sha256": None, "size": 0, "files": 0, "written": False}}},
            "output    a  not there",
        ),
        (
            {"runtime": {"platform": "linux-64", "hash": "rt1:aa", "held": False}},
            "runtime   rt1:aa (linux-64), CHANGED while the command ran",
        ),
    ],
)
def test_what_a_receipt_says_for_people(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**receipt(), **changes}))
    shown = CliRunner().invoke(cli, ["receipt", "show", str(path)])
    assert shown.exit_code == 0
    assert line in shown.stdout.splitlines()
    as_json = CliRunner().invoke(cli, ["receipt", "show", "--json", str(path)])
    assert json.loads(as_json.stdout) == {**receipt(), **changes}


def test_a_receipt_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CouldNotTell) as caught:
        read_receipt(tmp_path / "a.json")
    assert caught.value.message == f"cannot read `{tmp_path / 'a.json'}`: No such file or directory"
