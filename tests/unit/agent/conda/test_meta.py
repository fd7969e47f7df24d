"""Records as conda and as rattler write them say the same of one archive."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from envlock.agent.conda.meta import read_records
from envlock.agent.conda.paths import PathRow, paths_digest

SHA = "a" * 64
PYTHON = {
    "name": "python",
    "version": "3.13.1",
    "build": "h0",
    "build_number": 0,
    "subdir": "linux-64",
    "paths_data": {"paths": []},
}
ARCHIVE = [
    PathRow("bin/raw", "hardlink", SHA, None, None),
    PathRow("python-scripts/old", "hardlink", SHA, "/opt/p", "text"),
    PathRow("site-packages/tool.py", "hardlink", SHA, None, None),
]


def row(path: str, **more: Any) -> dict[str, Any]:
    return {"_path": path, "path_type": "hardlink", "sha256": SHA, **more}


def record(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    fixed = {"name": "tool", "version": "1.0", "build": "py_0", "build_number": 0, "subdir": "noarch"}
    return {**fixed, "noarch": "python", "paths_data": {"paths": rows}, **more}


def prefix_with(folder: Path, *records: dict[str, Any]) -> str:
    (folder / "conda-meta").mkdir()
    for one in records:
        name = f"{one['name']}-{one['version']}-{one['build']}.json"
        (folder / "conda-meta" / name).write_text(json.dumps(one))
    return str(folder)


BY_CONDA = [
    row("bin/raw"),
    row("python-scripts/old", prefix_placeholder="/opt/p", file_mode="text"),
    row("site-packages/tool.py", sha256_in_prefix=SHA),
    {"_path": "lib/python3.13/site-packages/__pycache__/tool.cpython-313.pyc", "path_type": "pyc_file"},
    {"_path": "bin/tool", "path_type": "unix_python_entry_point"},
]
BY_RATTLER = [
    row("bin/raw"),
    row("bin/old", prefix_placeholder="/opt/p", file_mode="text"),
    row("lib/python3.13/site-packages/tool.py"),
    {"_path": "bin/tool", "path_type": "unix_python_entry_point", "sha256": SHA},
]


def digests(folder: Path, rows: list[dict[str, Any]], expected: str) -> tuple[str, list[str]]:
    records = read_records(prefix_with(folder, PYTHON, record(rows)), {"tool": expected})
    assert records.problems == []
    tool = next(one for one in records.found if one.name == "tool")
    return tool.digest, sorted(placed.file for placed in tool.paths)


def test_conda_and_rattler_agree_on_the_archive(tmp_path: Path) -> None:
    expected = paths_digest(ARCHIVE)
    files = ["bin/old", "bin/raw", "lib/python3.13/site-packages/tool.py"]
    for name, rows in {"conda": BY_CONDA, "rattler": BY_RATTLER}.items():
        (tmp_path / name).mkdir()
        assert digests(tmp_path / name, rows, expected) == (expected, files)


def test_of_a_record_that_is_not_the_locks_the_first_reading_counts(tmp_path: Path) -> None:
    moved = [ARCHIVE[0]._replace(path="python-scripts/raw"), *ARCHIVE[1:]]
    digest, _ = digests(tmp_path, BY_RATTLER, "0" * 64)
    assert digest == paths_digest(moved)


def test_a_file_that_rattler_pushed_aside(tmp_path: Path) -> None:
    aside = "__clobbers__/tool/lib/python3.13/site-packages/tool.py"
    rows = [*BY_RATTLER[:2], row(aside, original_path="lib/python3.13/site-packages/tool.py")]
    expected = paths_digest(ARCHIVE)
    assert digests(tmp_path, rows, expected) == (expected, [aside, "bin/old", "bin/raw"])


def test_free_threaded_python_says_where_its_packages_are(tmp_path: Path) -> None:
    python = {**PYTHON, "python_site_packages_path": "lib/python3.13t/site-packages"}
    rows = [row("lib/python3.13t/site-packages/tool.py")]
    records = read_records(prefix_with(tmp_path, python, record(rows)), {})
    tool = next(one for one in records.found if one.name == "tool")
    assert [placed.row.path for placed in tool.paths] == ["site-packages/tool.py"]


def test_records_that_are_none_are_named(tmp_path: Path) -> None:
    prefix = prefix_with(tmp_path, PYTHON, record([row("../../etc/passwd")]))
    (tmp_path / "conda-meta" / "a.json").write_text("[]")
    (tmp_path / "conda-meta" / "b.json").write_text("{")
    (tmp_path / "conda-meta" / "c.json").write_text("{}")
    (tmp_path / "conda-meta" / "d.json").write_text(json.dumps(record([{**row("x"), "path_type": "what"}])))
    (tmp_path / "conda-meta" / "e.json").write_text(json.dumps(record([], name=7)))
    (tmp_path / "conda-meta" / "f.json").mkdir()
    (tmp_path / "conda-meta" / "g.json").touch()
    os.truncate(tmp_path / "conda-meta" / "g.json", (64 << 20) + 1)
    os.mkfifo(tmp_path / "conda-meta" / "h.json")
    assert sorted(read_records(prefix, {}).problems) == [
        ("conda-meta/a.json", "cannot be read: it is no table"),
        (
            "conda-meta/b.json",
            "cannot be read: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("conda-meta/c.json", "is no record of a conda package: `paths_data` is missing"),
        (
            "conda-meta/d.json",
            "is no record of a conda package: unknown kind of path: PathRow(path='x', path_type='what', "
            f"sha256='{SHA}', prefix_placeholder=None, file_mode=None)",
        ),
        ("conda-meta/e.json", "is no record of a conda package: `name` is no text"),
        ("conda-meta/f.json", "cannot be read: Is a directory"),
        ("conda-meta/g.json", "cannot be read: it is larger than any record"),
        ("conda-meta/h.json", "cannot be read: not a regular file"),
        (
            "conda-meta/tool-1.0-py_0.json",
            "is no record of a conda package: `../../etc/passwd` leaves the prefix",
        ),
    ]
