"""Staged packages put into a prefix, stopped before each change in turn: the next run completes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from envlock.errors import DiskFailed, UsageFault
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


def test_what_stands_in_the_way_of_a_package_is_left_and_told(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    put(prefix, "notes", "1", OLD)
    (prefix / "share/only-new.txt").mkdir()
    (prefix / "share/both.txt").unlink()
    (tmp_path / "elsewhere").mkdir()
    (prefix / "link").symlink_to(tmp_path / "elsewhere")
    (prefix / "file").write_text("")
    staged = tmp_path / "staged"
    put(staged, "notes", "2", {**NEW, "link/a.txt": "a", "file/b.txt": "b"})
    placing = Placing(prefix, staged)
    placing.place([package("notes")])
    assert {each.path: each.reason for each in placing.left} == {
        "share/only-new.txt": "is a folder where a file belongs",
        "link/a.txt": "lies behind the link `link`",
        "file/b.txt": "lies below `file`, which is no folder",
    }
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (prefix / "share/both.txt").read_text() == "new"


def test_bytecode_of_a_module_that_is_another_one_now_goes(tmp_path: Path) -> None:
    prefix, staged = tmp_path / "prefix", tmp_path / "staged"
    put(prefix, "notes", "1", {"lib/a.py": "1", "lib/gone/b.py": "1"})
    for name in ("lib/__pycache__/a.cpython-311.pyc", "lib/gone/__pycache__/b.cpython-311.pyc"):
        (prefix / name).parent.mkdir(exist_ok=True)
        (prefix / name).write_text("")
    put(staged, "notes", "2", {"lib/a.py": "2"})
    Placing(prefix, staged).place([package("notes")])
    assert sorted(files(prefix)) == ["conda-meta/notes-2-h0_0.json", "lib/a.py"]
    assert not (prefix / "lib/gone").exists()


def test_a_prefix_where_nothing_can_be_put(tmp_path: Path) -> None:
    """The staged file is gone: what the system says is told with the place."""
    staged = tmp_path / "staged"
    put(staged, "notes", "2", NEW)
    placing = Placing(tmp_path / "prefix", staged)
    (staged / "share/same.txt").unlink()
    with pytest.raises(DiskFailed) as caught:
        placing.place([package("notes")])
    path = tmp_path / "prefix/share/same.txt"
    assert caught.value.message == f"cannot write `{path}`: no such file or directory"
    assert caught.value.hint == "make the environment writable, then run `envlock sync --repair` again"


def test_a_workshop_that_another_run_holds_or_that_cannot_be_made(tmp_path: Path) -> None:
    with workshop(tmp_path / "env"), pytest.raises(UsageFault) as busy, workshop(tmp_path / "env"):
        pass
    assert busy.value.message == f"another `envlock sync` is at work on `{tmp_path / 'env'}`"
    assert busy.value.hint == "wait until it is done"
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskFailed) as caught, workshop(tmp_path / "file" / "env"):
        pass
    assert caught.value.message == f"cannot write `{tmp_path / 'file' / '.env.envlock'}`: not a directory"


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
