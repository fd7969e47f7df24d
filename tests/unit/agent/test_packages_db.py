"""Files that the system's packages own, with the bytes that they came with, by dpkg and by rpm."""

from __future__ import annotations

import os
from hashlib import md5
from pathlib import Path

import pytest

from envlock.agent import packages_db
from envlock.agent.packages_db import owned_by_system

STATUS = """\
Package: base-files
Conffiles:
 /etc/kept {kept}
 /etc/odd
Description: one
 /etc/other {other}
"""


def made(root: Path, *files: str) -> list[str]:
    """Each with its own name in it."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(file)
    return [str(root / file) for file in files]


def checksum(text: str) -> str:
    return md5(text.encode()).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of a system with dpkg."""
    base = tmp_path.resolve()
    info = base / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    rows = [f"{checksum(name)}  {name}" for name in ("lib/own.so", "lib/gone.so", "lib/other.so")]
    (info / "one.md5sums").write_text("\n".join([*rows, f"{'0' * 32}  lib/changed.so", ""]))
    (info / "one.list").write_text("/lib/listed.so\n")
    text = STATUS.format(kept=checksum("etc/kept"), other=checksum("etc/other"))
    (info.parent / "status").write_text(text)
    return base


def test_what_dpkg_owns_with_the_recorded_bytes(root: Path) -> None:
    own = ["lib/own.so", "etc/kept"]
    paths = made(root, *own, "lib/changed.so", "lib/listed.so", "etc/odd", "etc/other")
    gone = str(root / "lib/gone.so")
    assert owned_by_system([*paths, gone], str(root)) == {str(root / name) for name in own}
    (root / "var/lib/dpkg/status").unlink()
    assert owned_by_system(paths, str(root)) == {str(root / "lib/own.so")}


def test_a_link_to_what_dpkg_owns_is_told_by_its_own_name(root: Path) -> None:
    made(root, "lib/own.so")
    (root / "lib/link.so").symlink_to("own.so")
    assert owned_by_system([str(root / "lib/link.so")], str(root)) == {str(root / "lib/link.so")}


def test_of_no_file_nothing_is_owned() -> None:
    assert owned_by_system([]) == set()


RPM = """#!/bin/sh
# Says what rpm says: the owner of each file, or what it verifies of them.
root=$2
case "$*" in
*-qf*)
    shift 5
    for path; do
        case "$path" in
        */stray.so) echo "file $path is not owned by any package" ;;
        */silent.so) ;;
        *) echo glibc ;;
        esac
    done ;;
*-V*)
    echo "S.5....T.    $root/lib/changed.so"
    echo "S.5....T.  c $root/etc/kept" ;;
esac
"""


@pytest.fixture
def rpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a system whose rpm is a script."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/rpm").write_text(RPM)
    (tmp_path / "bin/rpm").chmod(0o755)
    clean = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    monkeypatch.setattr(packages_db, "_CLEAN", clean)
    monkeypatch.setenv("PATH", clean["PATH"])
    return tmp_path.resolve()


def test_what_rpm_owns_and_does_not_find_changed(rpm: Path) -> None:
    paths = made(rpm, "lib/changed.so", "lib/own.so", "lib/stray.so", "etc/kept")
    assert owned_by_system(paths, str(rpm)) == {str(rpm / "lib/own.so")}
    assert owned_by_system(made(rpm, "lib/stray.so"), str(rpm)) == set()


def test_where_rpm_does_not_answer_for_each_file_none_is_owned(rpm: Path) -> None:
    assert owned_by_system(made(rpm, "lib/own.so", "lib/silent.so"), str(rpm)) == set()


def test_a_system_of_another_kind(rpm: Path) -> None:
    os.unlink(rpm / "bin/rpm")
    assert owned_by_system(made(rpm, "lib/own.so"), str(rpm)) == set()
