"""The stat cache: what it keeps, and what it never trusts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from envlock.agent.hashing import Row, stat_row
from envlock.agent.warm import Known, load, save

OLD = time.time_ns() + 10**12


def saved(tmp_path: Path, started_ns: int = OLD) -> tuple[Path, Path]:
    target = tmp_path / "file"
    target.write_text("x")
    cache = tmp_path / "deep" / "rows"
    known = {
        str(target): Known(stat_row(str(target)), True, "ab" * 32),
        str(tmp_path / "missing"): Known(None, False, ""),
    }
    save(str(cache), {"facts": 1}, known, started_ns)
    return cache, target


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    cache, target = saved(tmp_path)
    loaded = load(str(cache))
    assert loaded is not None
    assert loaded.head == {"facts": 1}
    assert loaded.known[str(target)] == Known(stat_row(str(target)), True, "ab" * 32)
    assert loaded.changed() == []


def test_a_change_a_removal_and_an_appearance(tmp_path: Path) -> None:
    cache, target = saved(tmp_path)
    loaded = load(str(cache))
    assert loaded is not None
    target.write_text("y")
    assert loaded.changed() == [str(target)]
    target.unlink()
    (tmp_path / "missing").write_text("")
    assert loaded.changed() == [str(target), str(tmp_path / "missing")]


def test_rows_younger_than_two_seconds_are_not_trusted(tmp_path: Path) -> None:
    cache, target = saved(tmp_path, time.time_ns())
    loaded = load(str(cache))
    assert loaded is not None
    assert loaded.changed() == [str(target)]


@pytest.mark.parametrize("seconds", [-(10**9), -7200, 7200, 10**9])
def test_a_file_dated_in_the_past_or_the_future_is_known_by_its_ctime(tmp_path: Path, seconds: int) -> None:
    """Its mtime is set as it was after the change, as a forger or a restored backup does."""
    target = tmp_path / "file"
    target.write_text("x")
    at = time.time_ns() + seconds * 10**9
    os.utime(target, ns=(at, at))
    cache, started = tmp_path / "rows", max(OLD, at + 10**12)
    save(str(cache), {}, {str(target): Known(stat_row(str(target)), False, "ab" * 32)}, started)
    loaded = load(str(cache))
    assert loaded is not None
    assert loaded.changed() == []
    with target.open("r+") as file:
        file.write("y")
    os.utime(target, ns=(at, at))
    assert target.stat().st_mtime_ns == at
    assert loaded.changed() == [str(target)]


@pytest.mark.parametrize("back", [3600, 10**8])
def test_after_the_clock_was_set_back_nothing_is_trusted(tmp_path: Path, back: int) -> None:
    """The pass begins before the files were written, by its clock: a change could get the very same times."""
    cache, target = saved(tmp_path, time.time_ns() - back * 10**9)
    loaded = load(str(cache))
    assert loaded is not None
    assert loaded.changed() == [str(target)]


def test_a_file_from_the_future_is_read_each_time(tmp_path: Path) -> None:
    cache, target = tmp_path / "rows", tmp_path / "file"
    target.write_text("x")
    later = time.time_ns() + 10**13
    os.utime(target, ns=(later, later))
    save(str(cache), {}, {str(target): Known(stat_row(str(target)), False, "")}, time.time_ns())
    loaded = load(str(cache))
    assert loaded is not None
    assert loaded.changed() == [str(target)]


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    old, young = tmp_path / ".warm-old", tmp_path / ".warm-young"
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    save(str(tmp_path / "rows"), {}, {}, OLD)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".warm-young", "rows"]


def test_a_temporary_file_that_another_has_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose clock is an hour ahead takes it for a leftover: the pass is not kept, and that is all."""

    unlink = os.unlink

    def replace(one: str, other: str) -> None:
        unlink(one)
        raise FileNotFoundError(one)

    monkeypatch.setattr("os.replace", replace)
    monkeypatch.setattr("os.path.exists", lambda path: True)  # it went after this look
    save(str(tmp_path / "rows"), {}, {}, OLD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [0, 20, 60, 100, -1])
def test_a_damaged_cache_is_no_cache(tmp_path: Path, at: int) -> None:
    cache, _ = saved(tmp_path)
    content = bytearray(cache.read_bytes())
    content[at] ^= 1
    cache.write_bytes(bytes(content))
    assert load(str(cache)) is None


def test_no_cache_and_no_place_for_one(tmp_path: Path) -> None:
    assert load(str(tmp_path / "none")) is None
    (tmp_path / "file").write_text("")
    save(str(tmp_path / "file" / "below"), {}, {}, OLD)
    assert os.listdir(tmp_path) == ["file"]


def test_a_name_that_no_file_can_have_is_not_kept(tmp_path: Path) -> None:
    """Names are parted by NUL in the file; a RECORD may hold any."""
    row = Known(Row(1, 2, 3, 4, 5, 6), False, "")
    save(str(tmp_path / "rows"), {}, {"a\0b": row, "c": row}, OLD)
    loaded = load(str(tmp_path / "rows"))
    assert loaded is not None
    assert loaded.known == {"c": row}
