"""Names of dist-info and egg-info, and what a RECORD owns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from envlock.agent import installed
from envlock.agent.expect import ExpectedDistribution, ExpectedFixup
from envlock.agent.installed import (
    Installed,
    Owned,
    entry_point_groups,
    find_infos,
    groups_in,
    read_distribution,
    record_bytes,
    relative_to_prefix,
    split_info,
)
from envlock.agent.prefix import Layout
from tests.unit.agent.made import write


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


EMPTY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
EMPTY_HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def made(
    root: Path, info: str, expected: ExpectedDistribution | None = None, **files: str | None
) -> Installed:
    """Read a dist-info of these files; a None is a folder."""
    site = root / "lib/python3.11/site-packages"
    (site / info).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = site / info / name.replace("_txt", ".txt").replace("_json", ".json")
        path.mkdir() if text is None else path.write_text(text, "utf-8")
    places = Layout(
        (str(site),), str(root / "bin"), str(root), str(root / "include/site/python3.11"), "python3.11"
    )
    return read_distribution(str(site), info, places, (3, 11), expected)


def test_all_that_a_dist_info_says(tmp_path: Path) -> None:
    info, root, site = "Demo_Pkg-1.0+x.dist-info", str(tmp_path), f"{tmp_path}/lib/python3.11/site-packages"
    points = "[console_scripts]\ndemo = demo.cli:main\n[demo.plugins]\nx = demo:x\n"
    record = (
        f"demo/a.py,sha256={EMPTY},7\n"
        "demo/b.py,sha512=" + "A" * 86 + ",\n"
        "demo/c.py,md5=x,3\n"
        "demo/__pycache__/a.cpython-311.pyc,,\n"
        "../../../bin/demo,sha256=x,1\n"
        f"../../../bin/own,sha512={'A' * 86},9\n"
        "../../../bin/__pycache__/own.cpython-311.pyc,,\n"
        f"../../../{info}/INSTALLER,,\n"
        "../../../include/site/python3.11/demo.pkg/a.h,,\n"
        f"{info}/RECORD,,\n{info}/entry_points.txt,,\n"
        "../../../../evil,,\n"
    )
    direct = json.dumps({"url": "file:///srv/a%20b/./x", "dir_info": {"editable": True}})
    assert made(tmp_path, info, RECORD=record, entry_points_txt=points, direct_url_json=direct) == Installed(
        name="demo-pkg",
        version="1.0+x",
        site=site,
        info=info,
        entries=[
            Owned("lib", "demo/a.py", f"{site}/demo/a.py", "sha256", EMPTY_HEX, 7),
            Owned("lib", "demo/b.py", f"{site}/demo/b.py", "sha512", "0" * 128, None),
            Owned("lib", "demo/c.py", f"{site}/demo/c.py", "sha256", "", 3),
            Owned("scripts", "own", f"{root}/bin/own", "sha256", "", 9),
            Owned("data", f"{info}/INSTALLER", f"{root}/{info}/INSTALLER", "sha256", "", None),
            Owned("headers", "a.h", f"{root}/include/site/python3.11/demo.pkg/a.h", "sha256", "", None),
            Owned("lib", f"{info}/entry_points.txt", f"{site}/{info}/entry_points.txt", "sha256", "", None),
        ],
        owned=[
            f"{site}/demo/a.py",
            f"{site}/demo/b.py",
            f"{site}/demo/c.py",
            f"{site}/demo/__pycache__/a.cpython-311.pyc",
            f"{root}/bin/demo",
            f"{root}/bin/own",
            f"{root}/bin/__pycache__/own.cpython-311.pyc",
            f"{root}/{info}/INSTALLER",
            f"{root}/include/site/python3.11/demo.pkg/a.h",
            f"{site}/{info}/RECORD",
            f"{site}/{info}/entry_points.txt",
        ],
        absent=[],
        scripts={"demo": "demo.cli:main"},
        entry_points=points,
        editable="/srv/a b/x",
        problems=[("../../../../evil", "leaves the prefix")],
    )


@pytest.mark.usefixtures("ascii_locale")
def test_files_are_utf_8_wherever_they_are_read(tmp_path: Path) -> None:
    points = "[console_scripts]\né = m:f\n"
    record = "é.py,,\n../../../bin/é,,\ndemo-1.dist-info/entry_points.txt,,\n"
    found = made(tmp_path, "demo-1.dist-info", RECORD=record, entry_points_txt=points)
    assert (found.scripts, found.problems) == ({"é": "m:f"}, [])
    assert [entry.path for entry in found.entries] == ["é.py", "demo-1.dist-info/entry_points.txt"]


@pytest.mark.parametrize(
    ("info", "name"), [("My.Demo.dist-info", "my-demo"), ("demo.egg-info", "demo"), ("x-.dist-info", "x-")]
)
def test_a_folder_without_a_version_is_read_too(tmp_path: Path, info: str, name: str) -> None:
    points = "[demo]\nx = y\n"
    found = made(tmp_path, info, entry_points_txt=points)
    site = f"{tmp_path}/lib/python3.11/site-packages"
    problems = [(f"{info}/RECORD", "is missing"), (f"{info}/entry_points.txt", "is not in its RECORD")]
    assert found == Installed(name, "", site, info, [], [], [], {}, points, None, problems)


def test_what_the_lock_says_of_members_is_laid_over(tmp_path: Path) -> None:
    root, site = str(tmp_path), f"{tmp_path}/lib/python3.11/site-packages"
    fixups = (
        ExpectedFixup("lib", "a.py", "1" * 64),
        ExpectedFixup("lib", "b.py", None),
        ExpectedFixup("scripts", "new", "2" * 64),
        ExpectedFixup("data", "none", None),
        ExpectedFixup("headers", "h.h", "3" * 64),
    )
    record = "a.py,,5\nb.py,,\n../../../bin/c,,\n"
    found = made(tmp_path, "demo-1.dist-info", ExpectedDistribution("1", "0" * 64, fixups), RECORD=record)
    header = f"{root}/include/site/python3.11/demo/h.h"
    assert found.entries == [
        Owned("lib", "a.py", f"{site}/a.py", "sha256", "1" * 64),
        Owned("scripts", "c", f"{root}/bin/c", "sha256", ""),
        Owned("scripts", "new", f"{root}/bin/new", "sha256", "2" * 64),
        Owned("headers", "h.h", header, "sha256", "3" * 64),
    ]
    assert found.owned == [f"{site}/a.py", f"{root}/bin/c", f"{root}/bin/new", header]
    assert found.absent == [f"{site}/b.py", f"{root}/none"]


@pytest.mark.parametrize("name", ["pip", "setuptools", "wheel", "demo"])
def test_only_seeds_have_aliases_of_their_scripts(tmp_path: Path, name: str) -> None:
    points = f"[console_scripts]\n{name} = m:f\n{name}9 = m:g\n"
    aliases = [f"{name}-3.11", f"{name}3", f"{name}4.2", f"{name}9"]
    record = "".join(f"../../../bin/{script},,\n" for script in (name, *aliases, "other-3", f"{name}-x"))
    record += f"{name}-1.dist-info/entry_points.txt,,\n"
    found = made(tmp_path, f"{name}-1.dist-info", RECORD=record, entry_points_txt=points)
    scripts = {name: "m:f", f"{name}9": "m:g"}
    if name == "pip":
        scripts = {"pip": "m:f", "pip3": "m:f", "pip3.11": "m:f"}  # as installers write them, without `pip9`
    kept = ["other-3", f"{name}-x"]
    if name == "demo":
        kept = [*aliases[:3], *kept]
    else:
        scripts = {**dict.fromkeys(aliases, "m:f"), **scripts}
    assert (found.scripts, found.problems) == (scripts, [])
    assert [entry.path for entry in found.entries if entry.place == "scripts"] == kept


@pytest.mark.parametrize(
    ("path", "content", "counts"),
    [
        ("demo-1.virtualenv", b"", False),
        ("demo-1.virtualenv", b"x", True),
        ("demo-1.virtualenv", None, True),
        ("demo-2.virtualenv", b"", True),
        ("x/demo-1.virtualenv", b"", True),
        ("../../../bin/demo-1.virtualenv", b"", True),
        ("demo-1.py", b"", True),
    ],
)
def test_the_empty_file_that_virtualenv_leaves_does_not_count(
    tmp_path: Path, path: str, content: bytes | None, counts: bool
) -> None:
    (tmp_path / "bin").mkdir()
    site = tmp_path / "lib/python3.11/site-packages"
    if content is not None:
        site.mkdir(parents=True)
        write(tmp_path / "bin" / path[len("../../../bin/") :] if path[0] == "." else site / path, content)
    found = made(tmp_path, "demo-1.dist-info", RECORD=f"{path},,\n")
    assert (len(found.entries), len(found.owned), found.problems) == (int(counts), 1, [])


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"a.py,,\n", None),
        (b"a.py,,\n\n", "cannot be read: it is larger than any RECORD"),
        (b'a"\0,\n', "holds a path with control characters"),
        (b"a\rb\n", "holds a path with control characters"),
        (
            b"\xffa.py,,\n"[:7],
            "cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (None, "is missing"),
        (b"", None),
    ],
)
def test_a_record_that_cannot_be_read_is_a_problem(
    tmp_path: Path, record: bytes | None, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "_MOST_RECORD_BYTES", 7)
    info = tmp_path / "lib/python3.11/site-packages/demo-1.dist-info"
    if record is not None:
        write(info / "RECORD", record)
    found = made(tmp_path, info.name)
    assert found.problems == ([] if reason is None else [("demo-1.dist-info/RECORD", reason)])
    assert [entry.path for entry in found.entries] == (["a.py"] if record == b"a.py,,\n" else [])
    assert record_bytes(str(info.parent), info.name) == len(record or b"")


def test_a_record_that_is_a_pipe_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "lib/python3.11/site-packages/demo-1.dist-info/RECORD"
    path.parent.mkdir(parents=True)
    for name in ("RECORD", "METADATA", "direct_url.json"):
        os.mkfifo(path.with_name(name))
    found = made(tmp_path, "demo-1.dist-info")
    reason = f"cannot be read: [Errno 22] not a regular file: '{path}'"
    assert (found.entries, found.problems) == ([], [("demo-1.dist-info/RECORD", reason)])
    assert found.editable is None


def test_a_record_that_is_a_folder_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "lib/python3.11/site-packages/demo-1.dist-info/RECORD"
    found = made(tmp_path, "demo-1.dist-info", RECORD=None)
    reason = f"cannot be read: [Errno 21] Is a directory: '{path}'"
    assert (found.entries, found.problems) == ([], [("demo-1.dist-info/RECORD", reason)])


@pytest.mark.parametrize(
    ("document", "folder"),
    [
        ({"url": "file:///srv/demo", "dir_info": {"editable": True}}, "/srv/demo"),
        ({"url": "file:///srv/demo", "dir_info": {"editable": False}}, None),
        ({"url": "file:///srv/demo", "dir_info": {}}, None),
        ({"url": "file:///srv/demo"}, None),
        ({"dir_info": {"editable": True}}, None),
        ({"url": 7, "dir_info": {"editable": True}}, None),
        ({"url": "file://[", "dir_info": {"editable": True}}, None),
        ({"dir_info": []}, None),
        ([], None),
        ("{", None),
        ("[" * 100_000, None),
    ],
    ids=range(11),
)
def test_where_an_editable_installation_leads(tmp_path: Path, document: Any, folder: str | None) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    assert made(tmp_path, "demo-1.dist-info", RECORD="", direct_url_json=text).editable == folder


def test_groups_of_entry_points(tmp_path: Path) -> None:
    text = "[b]\nx = [y]\n  [ a.c ]\n#[d]\n[b]\n"
    assert entry_point_groups(text) == ["b", " a.c ", "b"]
    write(tmp_path / "one-1.dist-info/entry_points.txt", text.encode())
    write(tmp_path / "two-1.egg-info/entry_points.txt", b"[e]\n")
    write(tmp_path / "three-1.dist-info/entry_points.txt", b"[f]\n\xff")
    write(tmp_path / "four/entry_points.txt", b"[g]\n")
    write(tmp_path / "five-1.dist-info/METADATA")
    assert groups_in(str(tmp_path)) == [" a.c ", "b", "e"]
    assert record_bytes(str(tmp_path), "one-1.dist-info") == 0


@pytest.mark.parametrize(
    ("path", "name"),
    [("/env/bin/x", "bin/x"), ("/env2/bin/x", "/env2/bin/x"), ("/env", "/env"), ("/a/env/x", "/a/env/x")],
)
def test_files_are_named_relative_to_the_prefix(path: str, name: str) -> None:
    assert relative_to_prefix(path, "/env") == name
