"""Files of a prefix against the records of its packages, as conda and rattler leave them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from envlock.agent.conda.full_pass import CondaPass
from envlock.agent.contents import Contents
from envlock.agent.expect import ExpectedConda
from envlock.agent.facts import CondaFacts
from tests.unit.agent.made import target, write

HOLD = "/opt/placehold"
TOOL = ExpectedConda("1.0", "", ("tool = tool:main", "other = tool:other [extra]"), ())


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def row(path: str, content: bytes | None = b"packaged", **more: Any) -> dict[str, Any]:
    fixed: dict[str, Any] = {"_path": path, "path_type": "hardlink"}
    return {**fixed, **({} if content is None else {"sha256": digest(content)}), **more}


def link(path: str, content: bytes = b"packaged") -> dict[str, Any]:
    return row(path, content, path_type="softlink")


def record(prefix: Path, name: str, *rows: dict[str, Any], depends: tuple[str, ...] = ()) -> None:
    document = {
        "name": name,
        "version": "1.0",
        "build": "0",
        "build_number": 0,
        "subdir": "linux-64",
        "depends": depends,
        "paths_data": {"paths": rows},
    }
    write(prefix / f"conda-meta/{name}-1.0-0.json", json.dumps(document).encode())


def passed(prefix: Path, *, meanwhile: Callable[[], object] = lambda: None, **expected: Any) -> CondaPass:
    """A pass up to its description; `meanwhile` happens while the files are hashed."""
    one = CondaPass(Contents(target(prefix), None), str(prefix), expected, hashes=True)
    one.plan()
    meanwhile()
    one.contents.hash(1)
    return one


def described(prefix: Path, **expected: Any) -> CondaFacts:
    return passed(prefix, **expected).describe(lambda _: True)


def changed(prefix: Path) -> dict[str, str]:
    """What differs, by file."""
    found = described(prefix)
    assert found["problems"] == []
    return {file["file"]: file["reason"] for package in found["packages"] for file in package["changed"]}


def test_a_prefix_as_it_was_packaged(tmp_path: Path) -> None:
    rows = [row("lib/x"), row("etc/x", f"home={HOLD}\n".encode(), prefix_placeholder=HOLD), link("lib/y")]
    record(tmp_path, "tool", *rows, row("share/empty", None, path_type="directory"))
    write(tmp_path / "lib/x", b"packaged")
    write(tmp_path / "etc/x", f"home={tmp_path}\n".encode())
    (tmp_path / "lib/y").symlink_to("x")
    (tmp_path / "share/empty").mkdir(parents=True)
    [package] = described(tmp_path)["packages"]
    assert (package["changed"], package["problems"]) == ([], [])
    assert package["digest"] == package["claimed"]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda path: path.symlink_to("x"), "is a link to `x` where a file belongs"),
        (lambda path: path.mkdir(), "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: path.write_bytes(b"other"), "differs"),
        (lambda _: None, "is missing"),
    ],
    ids=["link", "folder", "pipe", "other bytes", "nothing"],
)
def test_what_stands_where_a_file_belongs(
    tmp_path: Path, made: Callable[[Path], object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, "tool", row("x"))
    monkeypatch.chdir(tmp_path)
    made(Path("x"))
    assert changed(tmp_path) == {"x": reason}


def test_a_file_where_a_folder_belongs(tmp_path: Path) -> None:
    record(tmp_path, "tool", row("share/empty", None, path_type="directory"))
    write(tmp_path / "share/empty")
    assert changed(tmp_path) == {"share/empty": "is no folder"}


UNKNOWN: list[tuple[dict[str, Any], str]] = [
    (row("x/below"), "Not a directory"),
    (row("x", None), "its package has no hash for it"),
    (row("x", prefix_placeholder=HOLD, file_mode="text"), "is too large to put its prefix back"),
]


@pytest.mark.parametrize(("due", "reason"), UNKNOWN, ids=[reason for _, reason in UNKNOWN])
def test_what_cannot_be_looked_at_is_neither_changed_nor_the_packages(
    tmp_path: Path, due: dict[str, Any], reason: str
) -> None:
    record(tmp_path, "tool", due, row("y"))
    write(tmp_path / "x")
    os.truncate(tmp_path / "x", (1 << 30) + 1)
    write(tmp_path / "y", b"packaged")
    one = passed(tmp_path)
    [package] = one.describe(lambda _: True)["packages"]
    assert (package["changed"], package["digest"]) == ([], None)
    assert one.unreadable == [[due["_path"], reason]]


def test_a_file_that_is_replaced_while_it_is_hashed(tmp_path: Path) -> None:
    record(tmp_path, "tool", row("x"))
    file = tmp_path / "x"
    write(file, b"packaged")
    one = passed(tmp_path, meanwhile=file.unlink)
    write(file, b"packaged")
    [package] = one.describe(lambda _: True)["packages"]
    assert (package["changed"], package["digest"]) == ([], None)
    assert one.unreadable == [["x", "No such file or directory"]]


# -- a path that two packages have ----------------------------------------------------------------


def test_the_package_that_is_linked_last_has_the_file(tmp_path: Path) -> None:
    record(tmp_path, "base", row("x", b"of base"))
    record(tmp_path, "user", row("x", b"of user"), depends=("base",))
    write(tmp_path / "x", b"of user")
    found = described(tmp_path)
    assert found["clobbers"] == [
        {"file": "x", "packages": ["base", "user"], "due": "user", "found": "user"},
    ]
    assert [(package["changed"], package["digest"]) for package in found["packages"]] == [
        ([], package["claimed"]) for package in found["packages"]
    ]


@pytest.mark.parametrize(("content", "holder"), [(b"of base", "base"), (b"of nobody", None)])
def test_another_file_than_that_of_the_last_one(tmp_path: Path, content: bytes, holder: str | None) -> None:
    record(tmp_path, "base", row("x", b"of base"))
    record(tmp_path, "user", row("x", b"of user"), depends=("base",))
    write(tmp_path / "x", content)
    found = described(tmp_path)
    assert found["clobbers"] == [
        {"file": "x", "packages": ["base", "user"], "due": "user", "found": holder},
    ]
    assert [package["changed"] for package in found["packages"]] == [
        [],
        [
            {
                "path": "x",
                "file": "x",
                "expected": digest(b"of user"),
                "observed": digest(content),
                "reason": "differs",
            }
        ],
    ]


def test_a_plain_file_that_was_pushed_aside_by_one_with_the_prefix(tmp_path: Path) -> None:
    """rattler's record of the package that lost says where its file was to be."""
    record(tmp_path, "base", row("__clobbers__/base/x", b"plain", original_path="x"))
    text = f"home={HOLD}\n".encode()
    record(tmp_path, "user", row("x", text, prefix_placeholder=HOLD, file_mode="text"), depends=("base",))
    write(tmp_path / "x", f"home={tmp_path}\n".encode())
    write(tmp_path / "__clobbers__/base/x", b"plain")
    found = described(tmp_path)
    assert found["clobbers"] == [
        {"file": "x", "packages": ["base", "user"], "due": "user", "found": "user"},
    ]
    assert [package["changed"] for package in found["packages"]] == [[], []]


# -- links ----------------------------------------------------------------------------------------


def linked(prefix: Path, to: str, *more: dict[str, Any]) -> dict[str, str]:
    """A package with the link `lib/y`, led to `to` now, and with `more`; another with `lib/other`."""
    record(prefix, "other", row("lib/other", b"another version"))
    record(prefix, "tool", link("lib/y"), row("share/tool"), *more)
    for file, content in {
        "lib/other": b"another version",
        "share/tool": b"packaged",
        "lib/z": b"mine",
    }.items():
        write(prefix / file, content)
    (prefix / "lib/y").symlink_to(to)
    return changed(prefix)


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("../share", "leads to the folder `share`, the packaged one to a file"),
        ("nowhere", "leads to `lib/nowhere`, which is missing"),
        ("z", "leads to `lib/z`, which no package owns"),
        ("/", "leads out of the prefix, to `/`"),
        ("other", "leads to `lib/other`, the packaged one to another file"),
    ],
)
def test_links_that_lead_elsewhere(tmp_path: Path, to: str, reason: str) -> None:
    assert linked(tmp_path, to) == {"lib/y": reason}


def test_a_link_to_its_packages_own_file(tmp_path: Path) -> None:
    assert linked(tmp_path, "../share/tool") == {}


def test_a_link_to_another_file_of_its_own_package(tmp_path: Path) -> None:
    assert linked(tmp_path, "z", row("lib/z", b"mine")) == {
        "lib/y": "leads to `lib/z`, the packaged one to another file"
    }


def test_a_link_that_another_package_s_new_version_answers(tmp_path: Path) -> None:
    """Packaged with a link to a file that its own package never had."""
    record(tmp_path, "other", row("lib/other", b"another version"))
    record(tmp_path, "tool", link("lib/y", b"first version"))
    write(tmp_path / "lib/other", b"another version")
    (tmp_path / "lib/y").symlink_to("other")
    assert changed(tmp_path) == {}


def test_a_file_where_a_link_belongs(tmp_path: Path) -> None:
    record(tmp_path, "tool", link("lib/y"))
    write(tmp_path / "lib/y", b"packaged")
    assert changed(tmp_path) == {"lib/y": "is no link"}


# -- scripts of entry points ----------------------------------------------------------------------


def test_scripts_of_entry_points(tmp_path: Path) -> None:
    extra = {"_path": "bin/extra", "path_type": "unix_python_entry_point"}
    record(tmp_path, "tool", extra)
    write(tmp_path / "bin/real")
    (tmp_path / "bin/tool").symlink_to("real")
    os.mkfifo(tmp_path / "bin/other")
    [package] = described(tmp_path, tool=TOOL)["packages"]
    assert [(one["file"], one["reason"]) for one in package["scripts"]] == [
        ("bin/other", "cannot be read: not a regular file"),
        ("bin/tool", "is a link where a script belongs"),
        ("bin/extra", "is no entry point of the package"),
    ]
    (tmp_path / "bin/tool").unlink()
    [package] = described(tmp_path, tool=TOOL)["packages"]
    assert [one["reason"] for one in package["scripts"]][1] == "is missing"
