"""What lies in a conda prefix and belongs to no package."""

from __future__ import annotations

import os
from pathlib import Path

from envlock.agent.conda.foreign import PrefixWalk, Strangers
from envlock.agent.contents import Contents
from envlock.agent.foreign import Found
from envlock.agent.hashing import ELF_MAGIC
from tests.unit.agent.made import target, write


def strangers(prefix: Path, *owned: str) -> Strangers:
    walk = PrefixWalk(Contents(target(prefix), None), str(prefix), [f"{prefix}/bin"])
    walk.walk()
    return walk.strangers({f"{prefix}/{file}" for file in owned}, [f"{prefix}/lib/python3.11"])


def test_files_of_nobody_by_who_would_pick_them_up(tmp_path: Path) -> None:
    kinds = {
        "etc/conda/activate.d/x.sh": "shell",
        "lib/data.bin": "library",
        "lib/libx.so": "library",
        "lib/python3.11/x.py": "module",
        "lib/python311.zip": "module",
        "libexec/x": "executable",
        "pyvenv.cfg": "startup",
        "share/program": "executable",
    }
    for file in [*kinds, "libexec/notes", "share/notes", "share/owned", "bin/judged", "envs/other/x.so"]:
        write(tmp_path / file, ELF_MAGIC if file in ("lib/data.bin", "share/program") else b"")
    (tmp_path / "libexec/x").chmod(0o755)
    write(tmp_path / "conda-meta/history")
    found = strangers(tmp_path, "share/owned")
    assert found.code == [Found(str(tmp_path / file), kind, "conda", "") for file, kind in kinds.items()]
    assert found.rest == ["libexec/notes", "share/notes"]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """Nobody writes into the pipe."""
    (tmp_path / "var").mkdir()
    os.mkfifo(tmp_path / "var/pipe")
    (tmp_path / "sbin").symlink_to("nowhere")
    assert strangers(tmp_path) == Strangers([], ["sbin", "var/pipe"])
