"""RPATH, RUNPATH and NEEDED out of ELF files, real and crafted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from envlock.agent.elf import NOTHING, Dynamic, origin_directories, read_dynamic
from tests.support.elf import make_elf


def test_a_made_library(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(
        make_elf(
            needed=["libm.so.6", "libx.so.1"],
            runpath="$ORIGIN/../a:/opt/b",
            rpath="${ORIGIN}",
            soname="lib.so.2",
        )
    )
    dynamic = read_dynamic(str(path))
    assert dynamic == Dynamic(
        ("libm.so.6", "libx.so.1"), ("${ORIGIN}",), ("$ORIGIN/../a", "/opt/b"), "lib.so.2"
    )
    assert origin_directories(dynamic, "/e/lib/lib.so", {}) == ["/e/lib", "/e/a"]


def test_the_running_interpreter() -> None:
    dynamic = read_dynamic(str(Path(sys.executable).resolve()))
    assert dynamic is not None
    assert any(name.startswith("libc.") for name in dynamic.needed)


def test_a_file_without_a_dynamic_section(tmp_path: Path) -> None:
    path = tmp_path / "static"
    content = bytearray(make_elf())
    content[64 + 56] = 6  # PT_DYNAMIC becomes PT_PHDR
    path.write_bytes(bytes(content))
    assert read_dynamic(str(path)) == NOTHING


@pytest.mark.parametrize("cut", [0, 3, 20, 63, 64, 100, 176, 200, 240])
def test_truncated_files_are_no_libraries(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.so"
    path.write_bytes(make_elf(needed=["libm.so.6"], runpath="$ORIGIN/x")[:cut])
    assert read_dynamic(str(path)) in (None, NOTHING)


def test_a_library_of_32_bits(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(make_elf(needed=["libm.so.6"], runpath="$ORIGIN", wide=False))
    assert read_dynamic(str(path)) == Dynamic(("libm.so.6",), (), ("$ORIGIN",), "")


def test_names_that_no_segment_holds(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    content = bytearray(make_elf(needed=["libm.so.6"]))
    content[64 + 16 + 6] = 1  # where the only segment is loaded
    path.write_bytes(bytes(content))
    assert read_dynamic(str(path)) is None


def test_what_is_not_there(tmp_path: Path) -> None:
    assert read_dynamic(str(tmp_path / "none")) is None
    os.mkfifo(tmp_path / "pipe")
    assert read_dynamic(str(tmp_path / "pipe")) is None
