"""An interpreter is asked what it is once in a run, while nothing that it said it from has changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from envlock.agent import target
from envlock.agent.description import describe, told
from envlock.agent.interpreter import Interpreter, from_json
from envlock.agent.target import Answers, open_target


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The interpreters that are started."""
    started: list[str] = []

    def ask(executable: str, prefix: str, is_venv: bool, from_source: bool = False) -> Interpreter:
        started.append(executable)
        return from_json(describe(prefix, is_venv))

    monkeypatch.setattr(target, "ask", ask)
    return started


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    home = Path(sys.executable).resolve().parent
    folder = tmp_path / "env/bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(home / Path(sys.executable).resolve().name)
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = {home}\n")
    return tmp_path / "env"


def test_an_answer_is_used_again(venv: Path, asked: list[str]) -> None:
    answers = Answers()
    first, second = (open_target(str(venv), in_process=False, answers=answers)[0] for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.interpreter == second.interpreter
    assert asked == [str(venv / "bin/python")]


@pytest.mark.parametrize("change", ["pyvenv.cfg", "bin/python3", "bin/pyvenv.cfg", "conda-meta"])
def test_a_change_is_asked_about(venv: Path, asked: list[str], change: str) -> None:
    answers = Answers()
    open_target(str(venv), in_process=False, answers=answers)
    if change == "pyvenv.cfg":
        (venv / change).write_text((venv / change).read_text() + "version = 3\n")
    elif change == "bin/python3":
        (venv / change).symlink_to("python")
    elif change == "conda-meta":
        (venv / change).mkdir()
    else:
        (venv / change).write_text("")
    open_target(str(venv), in_process=False, answers=answers)
    assert asked == [str(venv / "bin/python")] * 2


def test_another_file_of_the_same_name_is_asked(venv: Path, asked: list[str]) -> None:
    """In its own place, with its size and time."""
    python = venv / "bin/python"
    real = python.resolve()
    python.unlink()
    os.link(real, python) if os.stat(real).st_dev == os.stat(venv).st_dev else python.write_bytes(
        real.read_bytes()
    )
    answers = Answers()
    open_target(str(venv), in_process=False, answers=answers)
    then = python.stat()
    python.unlink()
    python.write_bytes(real.read_bytes())
    python.chmod(0o755)
    os.utime(python, ns=(then.st_atime_ns, then.st_mtime_ns))
    open_target(str(venv), in_process=False, answers=answers)
    assert asked == [str(python)] * 2


def test_a_description_is_told_as_json() -> None:
    import json

    odd = {"a": 'é\udcff\n"\\', "b": [3, 11, 7], "c": [], "d": ["", "x"]}
    assert told(odd) == json.dumps(odd)


def test_the_standard_library_of_a_python_that_does_not_list_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.8 and 3.9: what it is built with, and the files of its folders, where they are."""
    own, library = sorted(sys.stdlib_module_names), tmp_path / "lib"
    assert describe(str(tmp_path), True)["stdlib_names"] == own
    monkeypatch.delattr(sys, "stdlib_module_names")
    (library / "lib-dynload").mkdir(parents=True)
    for name in ("json", "re.py", "no-module.txt", "lib-dynload/_ssl.cpython-39.so"):
        (library / name).touch()
    folders = {"stdlib": str(library), "platstdlib": str(library)}
    monkeypatch.setattr("sysconfig.get_path", folders.get)
    found = set(describe(str(tmp_path), True)["stdlib_names"]) - set(sys.builtin_module_names)
    assert found == {"json", "re", "_ssl"}
    folders.update(stdlib=str(tmp_path / "none"), platstdlib=str(tmp_path / "none"))
    assert describe(str(tmp_path), True)["stdlib_names"] == sorted(sys.builtin_module_names)
