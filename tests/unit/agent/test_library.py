"""Code for GPUs and the needs of a host, out of libraries: made by hand, made by a compiler, and hostile."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.agent.elf_needs import HostNeeds
from envlock.agent.elf_sections import LibraryFault
from envlock.agent.fatbin import GpuCode
from envlock.agent.library import Library, describe_library, read_library
from tests.support import gpu_library as made
from tests.support.elf import make_elf


def read(path: Path, content: bytes) -> Library | None:
    path.write_bytes(content)
    return read_library(str(path))


def fault_of(path: Path, content: bytes) -> str:
    with pytest.raises(LibraryFault) as caught:
        read(path, content)
    return str(caught.value)


def outcome(path: Path, content: bytes) -> str | None:
    """The fault of a library that may be whole; any other exception is a bug."""
    try:
        read(path, content)
    except LibraryFault as fault:
        return str(fault)
    return None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lib.so"


def fatbin(data: bytes) -> bytes:
    return made.make_library({".nv_fatbin": made.Part(kind=1, data=data)})


def test_machine_code_and_ptx_by_container(path: Path) -> None:
    both = ["sm_80", "sm_90a", "compute_90"]
    data = made.parts(both, ["sm_80"], both) + made.container(made.entry("compute_120", isa=(9, 0)))
    found = read(path, fatbin(data))
    assert found is not None
    assert found.gpu == GpuCode(
        ((2, ("sm_80", "sm_90a", "compute_90")), (1, ("compute_120",)), (1, ("sm_80",))), (9, 0)
    )


def test_padding_between_containers_and_other_kinds_of_entries(path: Path) -> None:
    first = made.container(made.entry("sm_75"), made.entry("sm_80", kind=16))
    found = read(path, fatbin(first + bytes(8 * 1000) + made.parts(["sm_103f"]) + bytes(40)))
    assert found is not None
    assert found.gpu == GpuCode(((1, ("sm_103f",)), (1, ("sm_75",))), None)


def test_code_larger_than_what_is_held_at_once(path: Path) -> None:
    big = made.container(made.entry("sm_80", body=bytes(3 << 20)), made.entry("sm_90"))
    found = read(path, fatbin(big + big))
    assert found is not None
    assert found.gpu == GpuCode(((2, ("sm_80", "sm_90")),), None)


def test_needs_of_the_host(path: Path) -> None:
    names = ("GLIBC_2.2.5", "GLIBC_2.28", "GLIBCXX_3.4.22", "GLIBC_2.34", "GLIBC_PRIVATE", "CXXABI_1.3")
    found = read(path, made.make_library({**made.versions(*names, weak=["GLIBC_2.34"]), **made.isa_note(4)}))
    assert found == Library(62, None, HostNeeds((2, 28), (3, 4, 22), "x86-64-v3"))


def test_relative_relocations_need_the_loader_of_2_36(path: Path) -> None:
    found = read(path, made.make_library(made.versions("GLIBC_2.2.5", "GLIBC_ABI_DT_RELR")))
    assert found is not None
    assert found.needs == HostNeeds((2, 36), None, None)


def test_what_is_no_library_and_what_has_no_sections(path: Path) -> None:
    assert read(path, b"GIF89a") is None
    assert read(path, make_elf(needed=["libm.so.6"])) == Library(62, None, HostNeeds(None, None, None))


def test_the_interpreter_needs_no_newer_glibc_than_runs_it() -> None:
    import platform

    found = read_library(str(Path(sys.executable).resolve()))
    assert found is not None
    assert found.needs.glibc is not None
    here = tuple(map(int, platform.libc_ver()[1].split(".")))
    assert (2, 2) <= found.needs.glibc[:2] <= here


@pytest.mark.slow
def test_a_section_that_a_linker_laid_out(path: Path, tmp_path: Path) -> None:
    assert shutil.which("gcc"), "CI has a compiler"
    (tmp_path / "code.bin").write_bytes(made.parts(["sm_80", "compute_80"], ["sm_80"]))
    (tmp_path / "a.S").write_text('.section .nv_fatbin,"a"\n.incbin "code.bin"\n')
    (tmp_path / "b.c").write_text('#include <stdio.h>\nint f(void) { return puts("x"); }\n')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(path), "a.S", "b.c"], cwd=tmp_path, check=True)
    found = read_library(str(path))
    assert found is not None
    assert found.gpu == GpuCode(((1, ("sm_80",)), (1, ("sm_80", "compute_80"))), (0, 0))
    assert found.needs.glibc is not None


# Hostile ones


def test_a_truncated_library(path: Path) -> None:
    whole = made.gpu_library(["sm_80"])
    assert fault_of(path, whole[:-1]) == "its table of sections is cut off"
    assert fault_of(path, whole[:60]) == "its header is cut off"


def test_every_cut_is_told_or_harmless(path: Path) -> None:
    whole = made.make_library(
        {**made.versions("GLIBC_2.28"), ".nv_fatbin": made.Part(kind=1, data=made.parts(["sm_80"]))}
    )
    for cut in range(len(whole)):
        told = outcome(path, whole[:cut])
        assert told is None or "cut off" in told


def test_every_byte_may_be_wrong(path: Path) -> None:
    whole = made.make_library(
        {
            **made.versions("GLIBC_2.28"),
            **made.isa_note(2),
            ".nv_fatbin": made.Part(kind=1, data=made.parts(["sm_80"])),
        }
    )
    for place in range(len(whole)):
        assert outcome(path, whole[:place] + b"\xff" + whole[place + 1 :]) != ""


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\1" * 16, "byte 0 of its .nv_fatbin begins no container of code"),
        (made.parts(["sm_80"]) + b"\1", "byte 88 of its .nv_fatbin begins no container of code"),
        (
            struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 1 << 60),
            "the container of code at byte 0 of its .nv_fatbin is cut off",
        ),
        (
            made.container(made.entry("sm_80")[:40]),
            "the code at byte 16 of its .nv_fatbin is cut off",
        ),
        (
            made.container(struct.pack("<HHIQ", 2, 0x101, 64, 1 << 40) + bytes(48)),
            "the code at byte 16 of its .nv_fatbin is cut off",
        ),
        (
            made.container(struct.pack("<HHIQ", 2, 0x101, 0, 0) + bytes(48)),
            "the code at byte 16 of its .nv_fatbin is cut off",
        ),
        (
            made.container(made.entry("sm_8000")),
            "the code at byte 16 of its .nv_fatbin is for no GPU: 8000",
        ),
    ],
)
def test_containers_that_contradict_themselves(path: Path, data: bytes, told: str) -> None:
    assert fault_of(path, fatbin(data)) == told


def test_more_entries_than_any_library_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envlock.agent.fatbin._MOST_ENTRIES", 100)
    told = fault_of(path, fatbin(made.container() * 200))
    assert told == "its .nv_fatbin has more than 100 entries by byte 1600"


def test_more_kinds_of_containers_than_any_library_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envlock.agent.fatbin._MOST_SETS", 3)
    told = fault_of(path, fatbin(made.parts(*([f"sm_{number}"] for number in range(80, 84)))))
    assert told == "its .nv_fatbin has more than 3 kinds of containers"


def test_a_library_that_is_larger_than_any(path: Path) -> None:
    """No byte of it is on the disk."""
    path.write_bytes(made.gpu_library(["sm_80"]))
    os.truncate(path, (32 << 30) + 1)
    with pytest.raises(LibraryFault, match=r"^it is larger than 32 GiB$"):
        read_library(str(path))


def test_a_library_of_32_bits_has_its_sections_too(path: Path) -> None:
    """As the last of three: nothing, the code, the names."""
    code, names = made.parts(["sm_80"]), b"\0.nv_fatbin\0"
    rows = [
        (0,) * 10,
        (1, 1, 2, 0, 52, len(code), 0, 0, 8, 0),
        (0, 3, 0, 0, 52 + len(code), len(names), 0, 0, 1, 0),
    ]
    table_at = 52 + len(code) + len(names)
    header = struct.pack("<HHIIIIIHHHHHH", 3, 3, 1, 0, 0, table_at, 0, 52, 32, 0, 40, len(rows), 2)
    table = b"".join(struct.pack("<10I", *row) for row in rows)
    found = read(path, b"\x7fELF\1\1\1" + bytes(9) + header + code + names + table)
    assert found is not None
    assert (found.machine, found.gpu) == (3, GpuCode(((1, ("sm_80",)),), None))


class Shorter:
    """A member of a wheel whose bytes end before the size that the archive tells."""

    def __init__(self, content: bytes, end: int) -> None:
        self.size, self._content = len(content), content[:end]

    def read_at(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]


def test_a_member_that_is_shorter_than_it_claims() -> None:
    content = made.gpu_library(["sm_80"])
    with pytest.raises(LibraryFault, match=r"^its table of sections is cut off$"):
        describe_library(Shorter(content, len(content) - 1))
    moved = bytearray(content)  # the section stands behind the table
    table = struct.unpack_from("<Q", content, 40)[0]
    struct.pack_into("<Q", moved, table + 64 + 24, len(content))
    moved += made.parts(["sm_80"])
    with pytest.raises(LibraryFault, match=r"^its section `\.nv_fatbin` is cut off$"):
        describe_library(Shorter(bytes(moved), len(moved) - 1))


def test_a_section_that_claims_to_be_huge_is_not_read(path: Path) -> None:
    whole = bytearray(made.make_library(made.versions("GLIBC_2.28")))
    at = struct.unpack_from("<Q", whole, 40)[0] + 2 * 64
    struct.pack_into("<Q", whole, at + 32, 1 << 50)
    assert fault_of(path, bytes(whole)) == f"its section `.gnu.version_r` claims {1 << 50} bytes"


def test_versions_that_go_on_and_on(path: Path) -> None:
    strings = made.Part(kind=3, data=b"\0")
    chain = struct.pack("<HHIII", 1, 0, 1, 0, 16) * 150_000
    table = made.Part(kind=0x6FFFFFFE, data=chain, link=".dynstr")
    told = fault_of(path, made.make_library({".dynstr": strings, ".gnu.version_r": table}))
    assert told == "its table of versions has more than 100000 names"
