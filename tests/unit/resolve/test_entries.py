"""The cache of entry lists and identities: what is read is true, what is broken is made anew."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from envlock.resolve.wheels.entries import EntryCache
from envlock.resolve.wheels.identity import WheelIdentity, identify_archive
from tests.support import wheels
from tests.support.wheels import make_wheel

PYTHON = (3, 11)
WHEEL = make_wheel(
    "demo",
    "1.0",
    files={"demo.py": b"x = 1\n", "odd.py": b""},
    requires=["filelock"],
    requires_python=">=3.9",
    record=wheels.spoilt(wheels.unhashed("odd.py"), wheels.ghost("ghost.py")),
)


@pytest.fixture
def cache(tmp_path: Path) -> EntryCache:
    return EntryCache(directory=tmp_path / "cache")


@pytest.fixture
def identity() -> WheelIdentity:
    return identify_archive(io.BytesIO(WHEEL.content), python=PYTHON, file=WHEEL.filename)


def files(cache: EntryCache) -> dict[str, Path]:
    """The one file of each kind, by the name of the folder."""
    found = [path for path in cache.directory.rglob("*") if path.is_file()]
    return {path.relative_to(cache.directory).parts[0]: path for path in found}


def test_what_is_kept_is_found(cache: EntryCache, identity: WheelIdentity) -> None:
    assert cache.identity(WHEEL.filename, WHEEL.sha256, PYTHON) is None
    assert cache.entries(identity.digest) is None
    cache.keep(identity, PYTHON)
    assert cache.identity(WHEEL.filename, WHEEL.sha256, PYTHON) == identity
    assert cache.entries(identity.digest) == identity.entries
    assert sorted(files(cache)) == ["entries-v1", "wheels-v1"]


def test_an_identity_is_that_of_one_python_and_one_file(cache: EntryCache, identity: WheelIdentity) -> None:
    cache.keep(identity, PYTHON)
    assert cache.identity(WHEEL.filename, WHEEL.sha256, (3, 12)) is None
    assert cache.identity("other-1.0-py3-none-any.whl", WHEEL.sha256, PYTHON) is None


@pytest.mark.parametrize("broken", [b"", b"envlock-dist-v1", b"\xff" * 100])
def test_a_broken_entry_list_is_ignored_and_made_anew(
    cache: EntryCache, identity: WheelIdentity, broken: bytes
) -> None:
    cache.keep(identity, PYTHON)
    files(cache)["entries-v1"].write_bytes(broken)
    assert cache.entries(identity.digest) is None
    assert cache.identity(WHEEL.filename, WHEEL.sha256, PYTHON) is None
    cache.keep(identity, PYTHON)
    assert cache.entries(identity.digest) == identity.entries


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "envlock.wheel/2"},
        {"size": "1"},
        {"size": True},
        {"digest": 5},
        {"digest": "../../../etc/passwd"},
        {"fixups": [["lib", "x"]]},
        {"fixups": [["lib", "x", 5]]},
        {"fixups": None},
        {"requires_dist": [1]},
        {"requires_python": 3},
        {"proved": 1},
        {"sha256": "0" * 64},
    ],
)
def test_an_identity_that_was_changed_is_ignored(
    cache: EntryCache, identity: WheelIdentity, change: dict[str, Any]
) -> None:
    cache.keep(identity, PYTHON)
    path = files(cache)["wheels-v1"]
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert cache.identity(WHEEL.filename, WHEEL.sha256, PYTHON) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", '"x"', "{}"])
def test_an_identity_that_is_none_is_ignored(cache: EntryCache, identity: WheelIdentity, text: str) -> None:
    cache.keep(identity, PYTHON)
    files(cache)["wheels-v1"].write_text(text)
    assert cache.identity(WHEEL.filename, WHEEL.sha256, PYTHON) is None


@pytest.mark.parametrize("name", ["", "../x", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_names_that_are_no_hash_are_not_looked_for(cache: EntryCache, name: str) -> None:
    assert cache.entries(name) is None
    assert cache.identity("x.whl", name, PYTHON) is None


def test_a_cache_that_cannot_be_written_to_is_no_failure(tmp_path: Path, identity: WheelIdentity) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    cache = EntryCache(directory=blocked)
    cache.keep(identity, PYTHON)
    assert cache.identity(WHEEL.filename, WHEEL.sha256, PYTHON) is None


def test_a_write_that_fails_leaves_nothing(
    cache: EntryCache, identity: WheelIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache.keep(identity, PYTHON)
    assert files(cache) == {}


def test_entries_that_are_there_are_not_written_again(cache: EntryCache, identity: WheelIdentity) -> None:
    cache.keep_entries(identity.entries)
    path = files(cache)["entries-v1"]
    os.utime(path, (0, 0))
    cache.keep_entries(identity.entries)
    assert path.stat().st_mtime == 0
