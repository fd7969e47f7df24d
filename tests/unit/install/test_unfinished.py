"""What a killed sync has left, cleared up by the next."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from envlock.install.unfinished import at_work, clear_up

NAME = ".envlock-sync"


def test_what_was_written_half_goes_and_what_was_there_before_stays(tmp_path: Path) -> None:
    mine = tmp_path / "share/.tmpOLDER1"
    mine.parent.mkdir()
    mine.touch()
    time.sleep(0.02)  # the clock of a file system is coarse
    (tmp_path / NAME).write_text(json.dumps({"names": ["demo"], "paths": []}))
    half = [tmp_path / name for name in (".tmpAAAAA1", "bin/.tmpAAAAA2", "share/man/.tmpAAAAA3")]
    for path in half:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    os.symlink(mine, tmp_path / ".tmpLINK01")
    (tmp_path / "share/.tmpFOLDER").mkdir()
    with at_work(tmp_path / NAME) as note:
        clear_up(note, tmp_path, [tmp_path / "lib"])
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob(".tmp*"))
    assert left == [".tmpLINK01", "share/.tmpFOLDER", "share/.tmpOLDER1"]


def test_without_a_note_nothing_goes(tmp_path: Path) -> None:
    (tmp_path / ".tmpAAAAA1").touch()
    with at_work(tmp_path / NAME) as note:
        clear_up(note, tmp_path, [tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == [".tmpAAAAA1"]
