"""Folders walked as Python and the loader see them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from envlock.agent.hashing import Row, stat_row
from envlock.agent.tree import Tree
from tests.unit.agent.made import write


def test_a_folder_is_listed_under_each_of_its_names_and_never_below_itself(tmp_path: Path) -> None:
    write(tmp_path / "one/file")
    (tmp_path / "one/above").symlink_to(tmp_path)
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "gone").symlink_to("nowhere")
    tree = Tree({})
    tree.walk(str(tmp_path))
    assert sorted(tree.files) == [f"{tmp_path}/{name}" for name in ("gone", "one/file", "two/file")]
    assert (tree.files[f"{tmp_path}/gone"], tree.errors) == (None, [])
    before = dict(tree.files)
    tree.walk(f"{tmp_path}/one")
    assert (tree.files, tree.directories[f"{tmp_path}/one"]) == (before, stat_row(f"{tmp_path}/one"))


def test_a_root_that_is_not_there_may_appear_later(tmp_path: Path) -> None:
    tree = Tree({})
    tree.walk(f"{tmp_path}/none")
    assert tree.directories == {f"{tmp_path}/none": None}
    write(tmp_path / "file")
    tree.walk(f"{tmp_path}/file")
    assert tree.errors == [(f"{tmp_path}/file", "Not a directory")]


class Going(dict[str, "Row | None"]):
    """Rows that are known; whoever asks for one finds the file gone."""

    def get(self, path: str, default: Any = None) -> Any:
        os.unlink(path)
        return default


def test_a_file_that_goes_while_its_folder_is_read_is_told(tmp_path: Path) -> None:
    write(tmp_path / "file")
    tree = Tree(Going())
    tree.walk(str(tmp_path))
    assert tree.files == {f"{tmp_path}/file": None}
    assert tree.errors == [(f"{tmp_path}/file", "No such file or directory")]
