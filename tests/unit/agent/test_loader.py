"""Which file stands behind a name: the order of ld.so(8), held against the loader itself."""

from __future__ import annotations

import os
import struct
import subprocess
import sysconfig
from pathlib import Path

import pytest

from envlock.agent.loader import Examined, Loader, System, examine, this_system
from envlock.agent.loader_cache import read_cache
from tests.support.compiled import compile_library
from tests.support.elf import make_elf

NOTHING = System({}, ())


def write(path: Path, content: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def cudnn(folder: Path, *, runpath: str = "", rpath: str = "") -> dict[str, str]:
    """A front and the part that it opens by name alone."""
    return {
        "front": write(
            folder / "env/libcudnn.so.9", make_elf(needed=["libm.so.6"], runpath=runpath, rpath=rpath)
        ),
        "part": write(folder / "env/libcudnn_ops.so.9", make_elf(runpath=runpath, rpath=rpath)),
    }


def test_a_planted_part_is_taken_through_runpath(tmp_path: Path) -> None:
    files = cudnn(tmp_path, runpath="$ORIGIN")
    planted = write(tmp_path / "plant/libcudnn_ops.so.9", make_elf())
    found = examine(Loader(str(tmp_path / "plant"), NOTHING), files.values())
    (shadow,) = found.shadows
    assert shadow == ("LD_LIBRARY_PATH", planted, "libcudnn_ops.so.9", files["part"], [files["front"]])


def test_rpath_goes_before_the_variable(tmp_path: Path) -> None:
    files = cudnn(tmp_path, rpath="$ORIGIN")
    needs = write(tmp_path / "env/libuser.so", make_elf(needed=["libcudnn_ops.so.9"], rpath="$ORIGIN"))
    write(tmp_path / "plant/libcudnn_ops.so.9", make_elf())
    loader = Loader(str(tmp_path / "plant"), NOTHING)
    assert loader.resolve("libcudnn_ops.so.9", needs) == files["part"]
    assert examine(loader, [*files.values(), needs]).shadows == []


def test_runpath_makes_rpath_void(tmp_path: Path) -> None:
    needs = write(tmp_path / "env/a.so", make_elf(needed=["b.so"], rpath="$ORIGIN", runpath="$ORIGIN/none"))
    write(tmp_path / "env/b.so", make_elf())
    assert Loader("", NOTHING).resolve("b.so", needs) is None


def test_a_library_of_the_system_that_the_variable_replaces(tmp_path: Path) -> None:
    needs = write(tmp_path / "env/a.so", make_elf(needed=["libstdc++.so.6", "libm.so.6"]))
    usual = write(tmp_path / "lib/libstdc++.so.6", make_elf())
    other = write(tmp_path / "opt/libstdc++.so.6", make_elf())
    (tmp_path / "opt/libm.so.6").symlink_to(write(tmp_path / "lib/libm.so.6", make_elf()))
    system = System({"libstdc++.so.6": usual}, (str(tmp_path / "lib"),))
    found = examine(Loader(str(tmp_path / "opt"), system), [needs])
    assert found.shadows == [("LD_LIBRARY_PATH", other, "libstdc++.so.6", usual, [needs])]


def test_two_providers_and_none(tmp_path: Path) -> None:
    own = write(tmp_path / "one/libcudart.so.12", make_elf())
    first = write(tmp_path / "one/a.so", make_elf(needed=["libcudart.so.12"], rpath="$ORIGIN"))
    second = write(
        tmp_path / "two/b.so", make_elf(needed=["libcudart.so.12", "libmlx5.so.1", "libcuda.so.1"])
    )
    apt = write(tmp_path / "usr/libcudart.so.12", make_elf())
    found = examine(Loader("", System({"libcudart.so.12": apt}, ())), [own, first, second])
    assert found == Examined([], {"libcudart.so.12": [own, apt]}, {"libmlx5.so.1": [second]})


def test_copies_that_wheels_bring_are_no_providers(tmp_path: Path) -> None:
    """NumPy's and SciPy's wheels each hold a libgfortran of the same name."""
    name = "libgfortran-040039e1-0352e75f.so.5.0.0"
    files = [write(tmp_path / folder / name, make_elf()) for folder in ("numpy", "scipy")]
    for folder in ("numpy", "scipy"):
        files.append(write(tmp_path / folder / "a.so", make_elf(needed=[name], rpath="$ORIGIN")))
    assert examine(Loader("", NOTHING), files) == Examined([], {}, {})


def test_a_name_that_another_locked_library_bears_is_not_missing(tmp_path: Path) -> None:
    """torchvision asks for libc10.so without a path: `import torch` has loaded it by then."""
    files = [
        write(tmp_path / "torch/libc10.so", make_elf()),
        write(tmp_path / "tv/_C.so", make_elf(needed=["libc10.so"])),
    ]
    assert examine(Loader("", NOTHING), files).unresolved == {}


def cache_of(rows: list[tuple[int, str, str]], before: bytes = b"") -> bytes:
    texts, entries = b"", b""
    start = 48 + 24 * len(rows)
    for flags, name, file in rows:
        key = start + len(texts)
        texts += name.encode() + b"\0"
        value = start + len(texts)
        texts += file.encode() + b"\0"
        entries += struct.pack("<iIIIQ", flags, key, value, 0, 0)
    header = struct.pack("<20sII20x", b"glibc-ld.so.cache1.1", len(rows), len(texts))
    return before + header + entries + texts


@pytest.mark.parametrize("before", [b"", b"ld.so-1.7.0\0" + bytes(20)])
def test_the_cache_by_machine(tmp_path: Path, before: bytes) -> None:
    rows = [(0x0003, "liba.so.1", "/lib32/liba.so.1"), (0x0303, "liba.so.1", "/lib64/liba.so.1")]
    path = write(tmp_path / "cache", cache_of(rows, before))
    assert read_cache(path, "x86_64") == {"liba.so.1": "/lib64/liba.so.1"}


@pytest.mark.parametrize("cut", [0, 10, 30, 60, 90])
def test_a_broken_cache_is_none(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "cache", cache_of([(0x0303, "liba.so.1", "/lib64/liba.so.1")])[:cut])
    assert read_cache(path, "x86_64") == {}
    assert read_cache(str(tmp_path / "none"), "x86_64") == {}


@pytest.mark.slow
@pytest.mark.parametrize("dtags", ["--enable-new-dtags", "--disable-new-dtags"])
@pytest.mark.parametrize("variable", ["", "plant"])
def test_the_loader_agrees(tmp_path: Path, dtags: str, variable: str) -> None:
    """The same question to ld.so itself, for a library compiled here and for those of the interpreter."""
    for folder in ("env", "plant"):
        compile_library(tmp_path / folder, "libpart.so.1", "int part(void) { return 1; }")
    flags = (f"-L{tmp_path}/env", "-l:libpart.so.1", f"-Wl,{dtags}", "-Wl,-rpath,$ORIGIN")
    source = "int part(void); int user(void) { return part(); }"
    compile_library(tmp_path / "env", "libuser.so.1", source, *flags)
    library_path = str(tmp_path / variable) if variable else ""
    own = [str(tmp_path / "env/libuser.so.1")]
    dynload = Path(sysconfig.get_path("platstdlib"), "lib-dynload")
    loader = Loader(library_path, this_system())
    for path in [*own, *(str(each) for each in sorted(dynload.glob("_[cs]*.so")))]:
        told = asked_of_ldd(path, library_path)
        for name in set(loader.dynamic(path).needed) & set(told):
            got = loader.resolve(name, path)
            assert got is not None
            assert os.path.realpath(got) == os.path.realpath(told[name]), (path, name)


def asked_of_ldd(path: str, library_path: str) -> dict[str, str]:
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": library_path}
    text = subprocess.run(["ldd", path], capture_output=True, text=True, check=True, env=environment).stdout
    pairs = (line.strip().split(" => ") for line in text.splitlines() if " => /" in line)
    return {name: file.split(" (")[0] for name, file in pairs}
