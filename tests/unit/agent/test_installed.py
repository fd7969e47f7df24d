"""Names of dist-info and egg-info, and what a RECORD owns."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.agent.expect import ExpectedDistribution, ExpectedFixup
from envlock.agent.installed import find_infos, read_distribution, split_info
from envlock.agent.prefix import Layout


@pytest.mark.parametrize(
    ("info", "identity"),
    [
        ("six-1.17.0.dist-info", ("six", "1.17.0")),
        ("Jupyterlab_Widgets-3.0.13.dist-info", ("jupyterlab-widgets", "3.0.13")),
        ("torch-2.6.0+cu124.dist-info", ("torch", "2.6.0+cu124")),
        ("numpy-1.24.2.egg-info", ("numpy", "1.24.2")),
        ("x_y-1.0-py3.11.egg-info", ("x-y", "1.0")),
        ("nothing.dist-info", None),
        ("six-1.17.0", None),
    ],
)
def test_names(info: str, identity: tuple[str, str] | None) -> None:
    assert split_info(info) == identity


def layout(root: Path) -> Layout:
    site = root / "lib/python3.11/site-packages"
    (site / "demo-1.0.dist-info").mkdir(parents=True)
    headers = root / "include/site/python3.11"
    return Layout((str(site),), str(root / "bin"), str(root), str(headers), "python3.11")


def read(root: Path, record: str, *fixups: ExpectedFixup) -> list[tuple[str, str]]:
    places = layout(root)
    (Path(places.sites[0]) / "demo-1.0.dist-info/RECORD").write_text(record)
    expected = ExpectedDistribution("1.0", "0" * 64, fixups)
    found = read_distribution(places.sites[0], "demo-1.0.dist-info", places, (3, 11), expected)
    assert found is not None
    return [(entry.place, entry.path) for entry in found.entries] + [
        ("problem", f"{path} {reason}") for path, reason in found.problems
    ]


def test_rows_are_placed_and_what_does_not_count_is_left_out(tmp_path: Path) -> None:
    record = (
        "demo/a.py,,\ndemo/__pycache__/a.cpython-311.pyc,,\n../../../bin/tool,,\n../../../share/x,,\n"
        "../../../include/site/python3.11/Demo/a.h,,\ndemo-1.0.dist-info/RECORD,,\n"
        "demo-1.0.dist-info/INSTALLER,,\ndemo-1.0.dist-info/METADATA,,\n"
    )
    assert read(tmp_path, record) == [
        ("lib", "demo/a.py"),
        ("scripts", "tool"),
        ("data", "share/x"),
        ("headers", "a.h"),
        ("lib", "demo-1.0.dist-info/METADATA"),
    ]


def test_paths_that_leave_the_prefix_are_problems(tmp_path: Path) -> None:
    assert read(tmp_path, "../../../../evil,,\n") == [("problem", "../../../../evil leaves the prefix")]


def test_control_characters_in_a_record_are_a_problem(tmp_path: Path) -> None:
    assert read(tmp_path, 'demo/a.py,,\n"demo/b\0.py",,\n') == [
        ("problem", "demo-1.0.dist-info/RECORD holds a path with control characters")
    ]


def test_fixups_add_and_take_away(tmp_path: Path) -> None:
    fixups = (ExpectedFixup("lib", "demo/b.py", "1" * 64), ExpectedFixup("lib", "demo/a.py", None))
    assert read(tmp_path, "demo/a.py,,\n", *fixups) == [("lib", "demo/b.py")]


def test_infos_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("b-1.dist-info", "a-1.egg-info", "c"):
        (tmp_path / name).mkdir()
    assert find_infos(str(tmp_path)) == ["a-1.egg-info", "b-1.dist-info"]
    assert find_infos(str(tmp_path / "none")) == []
