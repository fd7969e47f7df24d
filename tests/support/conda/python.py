"""The running CPython as a conda package that can be installed anywhere.

Pruned of tests and of what needs Tk, stripped where binutils are at hand; search paths of its libraries
become relative, and every text that names the old prefix names conda's placeholder instead.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.conda.package import PLACEHOLDER, CondaPackage, File, Link
from tests.support.conda.platform import SERIES, SITE

BASE = Path(sys.base_prefix)
LIBRARY = f"lib/python{SERIES}"
PRUNED_FOLDERS = {
    "__pycache__", "config", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "tkinter",
    "turtledemo",
}  # fmt: skip
PRUNED_MODULES = ("_ctypes_test", "_test", "_tkinter", "_xxtestfuzz", "xxlimited")
ELF = b"\x7fELF"
PEP_668 = b"[externally-managed]\nError=This environment belongs to conda.\n"


def python_package(scratch: Path) -> CondaPackage:
    """Repackage sys.base_prefix; `scratch` is a folder for the copies that are changed."""
    tree = scratch / "python"
    links = tuple(_copy(tree))
    _relocate(tree)
    files = tuple(_file(tree, path) for path in sorted(tree.rglob("*")) if path.is_file())
    return CondaPackage(
        name="python",
        version=platform.python_version(),
        build="h0_0_cpython",
        more=(("python_site_packages_path", SITE),),
        files=(*files, *links, File(path=f"{LIBRARY}/EXTERNALLY-MANAGED", content=PEP_668)),
    )


def _copy(tree: Path) -> Iterator[Link]:
    program = f"python{SERIES}"
    _take(tree, f"bin/{program}")
    _take(tree, f"bin/pydoc{SERIES}")
    yield Link(path="bin/python", target=program)
    yield Link(path="bin/python3", target=program)
    for path in sorted((BASE / "lib").glob("libpython*.so*")):
        if path.is_symlink():
            yield Link(path=f"lib/{path.name}", target=os.readlink(path))
        else:
            _take(tree, f"lib/{path.name}")
    shutil.copytree(BASE / LIBRARY, tree / LIBRARY, ignore=_pruned)


def _take(tree: Path, path: str) -> None:
    if (BASE / path).exists():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(BASE / path, tree / path)


def _pruned(folder: str, names: list[str]) -> set[str]:
    return {
        name
        for name in names
        if name in PRUNED_FOLDERS or name.startswith(("config-", *PRUNED_MODULES)) or name == "turtle.py"
    }


def _relocate(tree: Path) -> None:
    """Strip first: strip may spoil what patchelf wrote."""
    libraries = {
        tree / "bin": "$ORIGIN/../lib",
        tree / "lib": "$ORIGIN",
        tree / LIBRARY / "lib-dynload": "$ORIGIN/../..",
    }
    for folder, search_path in libraries.items():
        binaries = [path for path in sorted(folder.glob("*")) if path.is_file() and _is_elf(path)]
        if binaries:
            if shutil.which("strip"):
                subprocess.run(["strip", "--strip-unneeded", *binaries], check=True)
            patchelf = Path(sys.executable).with_name("patchelf")
            subprocess.run([patchelf, "--set-rpath", search_path, *binaries], check=True)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == ELF


def _file(tree: Path, path: Path) -> File:
    """Longest first: `BASE` may be a part of a longer path that means the same."""
    content, old = path.read_bytes(), str(BASE).encode()
    name, executable = path.relative_to(tree).as_posix(), os.access(path, os.X_OK)
    if old not in content or content[:4] == ELF:
        return File(path=name, content=content, executable=executable)
    content = content.replace(old, PLACEHOLDER.encode())
    return File(path=name, content=content, executable=executable, mode="text")
