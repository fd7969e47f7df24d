"""The libraries of a wheel, as a stream."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from envlock.errors import InvalidInput
from envlock.resolve.wheels.code import read_unpacked, read_wheel
from envlock.stack.code import LibraryCode
from tests.support import gpu_library as made


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_wheel_and_the_same_unpacked(tmp_path: Path) -> None:
    members = {
        "x/lib/libx.so.2": made.gpu_library(["sm_80", "compute_80"]),
        "x/_c.so": made.make_library(made.versions("GLIBC_2.17", "GLIBCXX_3.4.19")),
        "x/nothing.so": made.make_library({}),
        "x/text.so": b"INPUT(libx.so.2)",
        "x/lib.py": b"",
    }
    expected = (
        (
            LibraryCode(path="x/_c.so", glibc="2.17", glibcxx="3.4.19"),
            LibraryCode(path="x/lib/libx.so.2", parts=((1, ("sm_80", "compute_80")),), ptx_isa="0.0"),
        ),
        (),
    )
    path = wheel(tmp_path / "x-1-py3-none-any.whl", members)
    assert read_wheel(path) == expected
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert read_unpacked(tmp_path / "unpacked", iter(members)) == expected


def test_a_bad_library_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    good, cut = made.gpu_library(["sm_90"]), made.gpu_library(["sm_80"])[:-1]
    found = read_wheel(wheel(tmp_path / "x-1-py3-none-any.whl", {"a.so": cut, "b.so": good}))
    assert found == (
        (LibraryCode(path="b.so", parts=((1, ("sm_90",)),)),),
        ("a.so: its table of sections is cut off",),
    )


def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    """64 MiB of zeros between a header and its table, in less than one."""
    whole = made.make_library({".nv_fatbin": made.Part(kind=1, data=bytes(64 << 20))})
    path = wheel(tmp_path / "x-1-py3-none-any.whl", {"a.so": whole})
    assert path.stat().st_size < 1 << 20
    del whole
    tracemalloc.start()
    assert read_wheel(path) == ((), ())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 48 << 20


def test_a_zip_whose_directory_lies(tmp_path: Path) -> None:
    path = wheel(tmp_path / "x-1-py3-none-any.whl", {"a.so": made.gpu_library(["sm_80"])})
    content = bytearray(path.read_bytes())
    at = content.index(b"a.so") + 4
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(bytes(content))
    assert read_wheel(path) == ((), ("a.so: the zip holds other bytes than it claims",))


def test_what_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    path.write_bytes(b"PK")
    with pytest.raises(InvalidInput) as caught:
        read_wheel(path)
    assert caught.value.message == "no wheel that can be read: File is not a zip file"


def test_more_bytes_than_any_wheel_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envlock.resolve.wheels.code._MOST_BYTES", 10)
    path = wheel(tmp_path / "x-1-py3-none-any.whl", {"a.so": made.gpu_library(["sm_80"])})
    with pytest.raises(InvalidInput) as caught:
        read_wheel(path)
    assert caught.value.message == "it claims more members or bytes than any wheel has"
