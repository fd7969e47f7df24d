"""Staged packages put into a prefix, stopped before each change in turn: the next run completes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from envlock.errors import UsageFault
from envlock.install.conda import place as module
from envlock.install.conda.place import Placing
from envlock.install.conda.workshop import workshop
from envlock.install.held import held as held_really
from envlock.install.inode import remove
from envlock.install.interpreter import is_missing
from envlock.install.unfinished import beside
from envlock.install.venv import is_to_be_made
from envlock.lock.model import CondaPackage

OLD = {"share/both.txt": "old", "share/same.txt": "same", "share/gone/only-old.txt": "old"}
NEW = {"share/both.txt": "new", "share/same.txt": "same", "share/only-new.txt": "new"}
STRANGER = {"lib/nobody.txt": "of a package that is not locked"}


class Stopped(BaseException):
    """A kill, as far as the code can tell."""


def put(prefix: Path, name: str, version: str, files: Mapping[str, str]) -> None:
    """A package in a prefix, as rattler leaves it."""
    rows = []
    for path, text in files.items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        rows.append({"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(text)})
    document = {
        "name": name, "version": version, "build": "h0_0", "subdir": "noarch", "noarch": "generic",
        "paths_data": {"paths": rows, "paths_version": 1},
    }  # fmt: skip
    record = prefix / f"conda-meta/{name}-{version}-h0_0.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text(json.dumps(document))


def package(name: str) -> CondaPackage:
    return CondaPackage(
        name=name, version="2", build="h0_0", build_number=0, subdir="noarch", noarch="generic",
        platforms=("linux-64",), channel="local", file="x", sha256="0" * 64, md5=None, size=1, timestamp=None,
        depends=(), constrains=(), paths="0" * 64, distributions=(), entry_points=(), site_packages=None,
        links=(),
    )  # fmt: skip


def files(prefix: Path) -> dict[str, str]:
    return {str(p.relative_to(prefix)): p.read_text() for p in sorted(prefix.rglob("*")) if p.is_file()}


def change(prefix: Path, staged: Path) -> None:
    put(staged, "notes", "2", NEW)
    placing = Placing(prefix, staged)
    placing.discard(
        frozenset({"stranger"}) & {path.name.split("-")[0] for path in prefix.glob("conda-meta/*")}
    )
    placing.place([package("notes")])


def stopped_at(number: int, work: Callable[..., object], counted: list[int]) -> Callable[..., object]:
    def guarded(*arguments: object) -> object:
        counted.append(1)
        if len(counted) == number:
            raise Stopped
        return work(*arguments)

    return guarded


def test_stopped_before_any_change_it_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was left of the old package once stayed for ever: its record went first."""
    wanted = tmp_path / "wanted"
    put(wanted, "notes", "2", NEW)
    for number in range(1, 100):
        prefix, counted = tmp_path / f"prefix-{number}", list[int]()
        put(prefix, "notes", "1", OLD)
        put(prefix, "stranger", "1", STRANGER)
        with monkeypatch.context() as patch:
            patch.setattr(module, "remove", stopped_at(number, remove, counted))
            patch.setattr(Path, "replace", stopped_at(number, Path.replace, counted))
            try:
                change(prefix, tmp_path / f"staged-{number}")
            except Stopped:
                assert files(prefix) != files(wanted)
            else:
                assert files(prefix) == files(wanted)
                break
        change(prefix, tmp_path / f"again-{number}")
        assert files(prefix) == files(wanted), f"stopped before change {number}"
    assert number == 8, "two files and a record each go, two files and a record come"


def test_a_workshop_that_goes_while_another_run_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last holder takes it away after it was made and before it is opened: told as a full disk."""
    taken = iter([tmp_path / ".env.envlock"])

    @contextmanager
    def held(path: Path, *, waits: bool) -> Iterator[TextIO]:
        for folder in taken:
            folder.rmdir()
        with held_really(path, waits=waits) as stream:
            yield stream

    monkeypatch.setattr("envlock.install.conda.workshop.held", held)
    with workshop(tmp_path / "env") as folder:
        assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_another_run_begins_to_make_between_two_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no `pyvenv.cfg` yet: that was told as something that is no environment."""
    venv, note = tmp_path / "env", beside(tmp_path / "env")

    def looked_at(path: Path) -> bool:
        (path / "bin").mkdir(parents=True)
        note.touch()
        return is_missing(path)

    monkeypatch.setattr("envlock.install.venv.is_missing", looked_at)
    assert is_to_be_made(venv, note)
    note.unlink()
    with pytest.raises(UsageFault, match="is there and is not a virtual environment"):
        is_missing(venv)
