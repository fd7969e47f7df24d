"""A folder that appears whole, whatever kills its makers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from envlock.image import beside as module
from envlock.image.beside import beside, take_the_place
from envlock.resolve.wheels.entries import EntryCache, write_cached

LEFT = ".image.0123456789ab"


def make(target: Path, content: str) -> None:
    with beside(target) as new:
        new.mkdir()
        (new / "file").write_text(content)
        take_the_place(new, target)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_made_and_made_anew(tmp_path: Path) -> None:
    for content in ("old", "new"):
        make(tmp_path / "image", content)
        assert (tmp_path / "image/file").read_text() == content
        assert names(tmp_path) == ["image"]


def test_a_failure_leaves_the_old(tmp_path: Path) -> None:
    make(tmp_path / "image", "old")
    with pytest.raises(FileNotFoundError), beside(tmp_path / "image") as new:
        (new / "file").write_text("in a folder that nobody made")
    assert (tmp_path / "image/file").read_text() == "old"
    assert names(tmp_path) == ["image"]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from envlock.image.beside import beside\n"
        "with beside(Path(sys.argv[1])) as new:\n    new.mkdir(); print('here', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "image")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        make(tmp_path / "image", "beside a living one")
        living = [name for name in names(tmp_path) if name.startswith(".")]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(living) == 1, "a living run keeps its folder"
    assert names(tmp_path) == [*living, "image"]
    make(tmp_path / "image", "after a dead one")
    assert names(tmp_path) == ["image"]


def test_only_folders_of_the_same_target_are_swept(tmp_path: Path) -> None:
    others = [".image.2.0123456789ab", ".other.0123456789ab", ".image.notes", ".image.0123456789abcd"]
    for name in (LEFT, *others):
        (tmp_path / name).mkdir()
    make(tmp_path / "image", "new")
    assert names(tmp_path) == sorted([*others, "image"])


def test_at_no_moment_nothing_stands_there(tmp_path: Path) -> None:
    target = tmp_path / "image"
    make(target, "0")
    seen, done = list[bool](), threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append((target / "file").exists())

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(100):
        make(target, str(number))
    done.set()
    watcher.join()
    assert all(seen)


def test_without_an_exchange_the_next_run_brings_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    make(tmp_path / "image", "old")
    make(tmp_path / "image", "new")
    assert (tmp_path / "image/file").read_text() == "new"
    (tmp_path / LEFT).mkdir()
    (tmp_path / "image").rename(tmp_path / LEFT / "old")  # and killed here
    with pytest.raises(ValueError, match="half-way"), beside(tmp_path / "image"):
        raise ValueError("half-way")
    assert (tmp_path / "image/file").read_text() == "new"
    assert names(tmp_path) == ["image"]


def test_temporary_files_of_killed_writers_of_the_cache_are_swept(tmp_path: Path) -> None:
    cache = EntryCache(directory=tmp_path)
    old, young, entry = (tmp_path / name for name in (".new-a", ".new-b", "entry"))
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    write_cached(entry, b"whole")
    assert names(tmp_path) == [".new-b", "entry"]
    assert cache.entries("0" * 64) is None


@pytest.mark.parametrize("moment", ["before the first step", "between the two steps"])
def test_another_run_is_faster_where_two_folders_cannot_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As on NFS. For a moment nothing stands there, or already what the other run has put there."""
    target, rename, calls = tmp_path / "image", Path.rename, list[Path]()
    make(target, "old")

    def other(one: Path, to: Path) -> Path:
        moved, calls[:] = rename(one, to), [*calls, to]
        if calls == [to]:
            target.mkdir()
            (target / "file").write_text("of the other run")
        return moved

    def no_exchange(one: Path, to: Path) -> bool:
        if moment == "before the first step" and not (tmp_path / "aside").exists():
            rename(target, tmp_path / "aside")
        return False

    monkeypatch.setattr(module, "_exchange", no_exchange)
    if moment == "between the two steps":
        monkeypatch.setattr(Path, "rename", other)
    make(target, "new")
    assert (target / "file").read_text() == "new"
    assert not [name for name in names(tmp_path) if name.startswith(".")]
