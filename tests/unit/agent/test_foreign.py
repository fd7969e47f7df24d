"""What Python, the loader or a shell would pick up (IDENTITY 6), in folders made here."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from envlock.agent import elf, foreign
from envlock.agent.foreign import Found, PathLine, Root
from envlock.agent.hashing import stat_row
from envlock.agent.prefix import Prefix
from envlock.agent.tree import Tree
from tests.support.elf import make_elf
from tests.unit.agent.made import interpreter, write

ELF = make_elf()
OWN, USER, SYSTEM = "site directory", "user site", "pyvenv.cfg"


def tree(root: Path) -> Tree:
    walked = Tree({})
    walked.walk(str(root))
    return walked


# -- roots --------------------------------------------------------------------------------------


def roots(root: Path, config: Mapping[str, str], environment: Mapping[str, str]) -> list[Root]:
    prefix = Prefix(str(root / "env"), None, dict(config))
    return foreign.site_roots(prefix, interpreter(root / "env"), dict(environment))


def test_site_directories_are_in_the_order_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = f"{tmp_path}/env/lib/python3.11/site-packages"
    user_site, base = tmp_path / "home/.local/lib/python3.11/site-packages", tmp_path / "base"
    own, user = Root(site, "site", OWN), Root(str(user_site), "user-site", USER)
    key = "include-system-site-packages"
    venv, seeing = {"home": "/x", key: "false"}, {"home": "/x", key: "true"}
    assert roots(tmp_path, {}, {}) == [own]  # nothing else is there
    system = [
        base / "local/lib/python3.11/dist-packages",
        base / "lib/python3.11/site-packages",
        base / "lib64/python3.11/site-packages",
        base / "lib/python3/dist-packages",
    ]
    for folder in (user_site, *system):
        folder.mkdir(parents=True)
    assert roots(tmp_path, {}, {}) == [user, own]
    assert roots(tmp_path, {}, {"PYTHONNOUSERSITE": "1"}) == [own]
    assert roots(tmp_path, venv, {}) == [own]
    assert roots(tmp_path, seeing, {}) == [
        own, user, *(Root(str(folder), "system-site", SYSTEM) for folder in system)
    ]  # fmt: skip
    for folder in system[1:]:
        folder.rmdir()
    assert roots(tmp_path, seeing, {"PYTHONNOUSERSITE": "1"}) == [
        own,
        Root(str(system[0]), "system-site", SYSTEM),
    ]
    monkeypatch.chdir(tmp_path)
    named = f"/a/../b:relative::{os.devnull}"
    assert roots(tmp_path, venv, {"PYTHONPATH": named}) == [
        Root("/b", "pythonpath", "PYTHONPATH"),
        Root(f"{tmp_path}/relative", "pythonpath", "PYTHONPATH"),
        Root(str(tmp_path), "pythonpath", "PYTHONPATH"),
        own,
    ]
    assert roots(tmp_path, {}, {"PYTHONPATH": "/b"}) == [Root("/b", "pythonpath", "PYTHONPATH"), user, own]
    assert roots(tmp_path, seeing, {"PYTHONPATH": "/b"})[:3] == [
        Root("/b", "pythonpath", "PYTHONPATH"),
        own,
        user,
    ]
    assert roots(tmp_path, venv, {"PYTHONPATH": ""}) == [own]


@pytest.mark.parametrize(
    ("environment", "site"),
    [
        ({}, "{root}/home/.local/lib/python3.11/site-packages"),
        ({"HOME": "/h"}, "/h/.local/lib/python3.11/site-packages"),
        ({"HOME": ""}, "{root}/home/.local/lib/python3.11/site-packages"),
        ({"HOME": "/h", "PYTHONUSERBASE": "/b"}, "/b/lib/python3.11/site-packages"),
        ({"HOME": "/h", "PYTHONUSERBASE": ""}, "/h/.local/lib/python3.11/site-packages"),
        ({"PYTHONUSERBASE": "~/b"}, "/me/b/lib/python3.11/site-packages"),
        ({"HOME": "/h", "PYTHONUSERBASE": "/b", "PYTHONNOUSERSITE": "0"}, ""),
        ({"HOME": "/h", "PYTHONNOUSERSITE": ""}, "/h/.local/lib/python3.11/site-packages"),
    ],
    ids=range(8),
)
def test_the_user_site_is_the_one_of_the_job(
    environment: dict[str, str], site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/me")
    found = foreign.job_user_site(interpreter(tmp_path / "env"), environment)
    assert found == site.format(root=tmp_path)


def test_the_standard_library_comes_first(tmp_path: Path) -> None:
    told = interpreter(tmp_path / "env", stdlib=["/usr/lib/python3.11", "/usr/lib64/python3.11"])
    assert foreign.standard_paths(told) == [
        Root(path, "stdlib", "the standard library")
        for path in (
            "/usr/lib/python311.zip",
            "/usr/lib64/python311.zip",
            "/usr/lib/python3.11",
            "/usr/lib64/python3.11",
            "/usr/lib/python3.11/lib-dynload",
            "/usr/lib64/python3.11/lib-dynload",
        )
    ]


# -- .pth ---------------------------------------------------------------------------------------


def test_lines_of_path_files_are_read_as_python_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    led = {"import known": ["/srv/a", "/srv/b"], "import none": []}
    asked: list[str] = []

    def finder(text: str, site: str) -> list[str] | None:
        asked.append(site)
        return led.get(text)

    monkeypatch.setattr(foreign, "finder_directories", finder)
    last = write(
        tmp_path / "z.pth", b"\xef\xbb\xbf../x \t\r\n\n  \n# c\n #d\n/abs/./e\nimport os; x\nimport\ty\n"
    )
    first = write(tmp_path / ".a.pth", b"a\xff\nimporter\nimport known\nimport none\n")
    write(tmp_path / "b.pth.txt", b"x\n")
    (tmp_path / "c.pth").mkdir()
    os.mkfifo(tmp_path / "d.pth")
    assert foreign.path_lines(str(tmp_path)) == [
        PathLine(first, f"{tmp_path}/a\ufffd", None, False),
        PathLine(first, f"{tmp_path}/importer", None, False),
        PathLine(first, "/srv/a", None, True),
        PathLine(first, "/srv/b", None, True),
        PathLine(last, f"{tmp_path.parent}/x", None, False),
        PathLine(last, f"{tmp_path}/ #d", None, False),
        PathLine(last, "/abs/e", None, False),
        PathLine(last, None, "import os; x", False),
        PathLine(last, None, "import\ty", False),
    ]
    assert asked == [str(tmp_path)] * 4
    assert foreign.path_lines(str(tmp_path / "none")) == []


# -- site directories ---------------------------------------------------------------------------


def test_code_without_an_owner_in_a_site_directory(tmp_path: Path) -> None:
    site = tmp_path / "site"
    kinds = {
        "x.pth": "startup",
        "x.start": "startup",
        "sitecustomize.py": "startup",
        "usercustomize.so": "startup",
        "a.py": "module",
        "pkg/x.pyc": "module",
        "pkg/sitecustomize.py": "module",
        "pkg/b.so": "library",
        "pkg/b.so.1.2": "library",
        "pkg/b.dylib": "library",
        "pkg/code": "library",
    }
    for name in kinds:
        write(site / name, ELF if name == "pkg/code" else b"")
    for name in (
        "a.txt",
        "pkg/x.pth",
        "pkg/b.so.x",
        "pkg/__pycache__/x.cpython-311.pyc",
        "__pycache__/y.pyc",
    ):
        write(site / name, b"\x7fEL")
    write(tmp_path / "site2/a.py")
    owned = write(site / "owned.py")
    (site / "link.py").symlink_to("a.py")
    (site / "dangling").symlink_to("/none")
    (site / "lying.py").symlink_to("/none.py")
    os.mkfifo(site / "pipe")
    root = Root(str(site), "user-site")
    found = foreign.unowned_in_site(root, tree(tmp_path), {owned})
    assert sorted(found) == sorted(
        [
            *(Found(f"{site}/{name}", kind, "user-site", "") for name, kind in kinds.items()),
            Found(f"{site}/link.py", "module", "user-site", f"leads to {site}/a.py"),
            Found(f"{site}/lying.py", "module", "user-site", "leads to /none.py"),
        ]
    )


@pytest.mark.parametrize(
    ("name", "startup", "customize"),
    [
        ("x.pth", True, False),
        ("x.start", True, False),
        ("sitecustomize", True, True),
        ("usercustomize.py", True, True),
        ("sitecustomize.cpython-311-x86_64-linux-gnu.so", True, True),
        ("sitecustomize.txt", False, False),
        ("mysitecustomize.py", False, False),
        ("x.py", False, False),
    ],
)
def test_what_runs_when_python_starts(name: str, startup: bool, customize: bool) -> None:
    assert (foreign.is_startup(name), foreign.is_customize(name)) == (startup, customize)


def test_names_of_libraries_and_of_what_enters_an_environment() -> None:
    assert [foreign.is_library_name(name) for name in ("a/b.so", "b.so.1", "b.dylib", "b.sox")] == [
        True, True, True, False
    ]  # fmt: skip
    names = ("activate", "Activate.ps1", "deactivate.csh", "reactivate", "x")
    assert [foreign.is_start_of_shell(name) for name in names] == [True, True, True, False, False]


# -- names that an import finds -----------------------------------------------------------------

MODULES = {
    "a.py": "a",
    "b.pyc": "b",
    "c.cpython-311-x86_64-linux-gnu.so": "c",
    "d.so.1": "d",
    "e/f/g.py": "e",
    "h/x.txt": "h",
    "__pycache__/x.pyc": None,
    "i.txt": None,
    "j": None,
    "k-l.py": None,
    "m-1.dist-info/RECORD": None,
}
NAMES = ["a", "b", "c", "d", "e", "h"]


def test_names_that_an_import_finds(tmp_path: Path) -> None:
    assert foreign.top_level_names(MODULES) == NAMES
    assert foreign.top_level_names(["b.py", "a.py", "b/c.py", "a.b.py"]) == ["a", "b"]
    for name in MODULES:
        write(tmp_path / "folder" / name)
    assert foreign.modules_in(f"{tmp_path}/folder") == NAMES
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in MODULES:
            archive.writestr(name, b"")
            archive.writestr(f"lib/in/{name}", b"")
            archive.writestr(f"XX/{name}", b"")
    assert foreign.modules_in(f"{tmp_path}/x.zip") == sorted([*NAMES, "XX", "lib"])
    assert foreign.modules_in(f"{tmp_path}/x.zip/lib") == ["in"]
    assert foreign.modules_in(f"{tmp_path}/x.zip/lib/in") == NAMES
    assert foreign.modules_in(f"{tmp_path}/x.zip/XX") == NAMES
    assert foreign.modules_in(f"{tmp_path}/x.zip/li") == []
    assert foreign.modules_in(f"{tmp_path}/none/x") == []
    assert foreign.modules_in(write(tmp_path / "no.zip", b"PK")) == []
    os.mkfifo(tmp_path / "pipe")
    assert foreign.modules_in(f"{tmp_path}/pipe") == foreign.modules_in(f"{tmp_path}/pipe/x") == []


def test_what_starts_with_every_python_of_a_path(tmp_path: Path) -> None:
    for name in ("usercustomize/x.py", "sitecustomize.py", "sitecustomizeX/x.py", "a.py", "x.pth"):
        write(tmp_path / "folder" / name)
    folder = f"{tmp_path}/folder"
    assert foreign.startup_in(folder) == [f"{folder}/sitecustomize.py", f"{folder}/usercustomize"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("sitecustomize/__init__.py", b"")
        archive.writestr("sitecustomize/a.py", b"")
    assert foreign.startup_in(f"{tmp_path}/x.zip") == [f"{tmp_path}/x.zip/sitecustomize"]


# -- bin ----------------------------------------------------------------------------------------


def test_code_without_an_owner_in_bin(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    kinds = {
        "a.py": "module",
        "pkg/b.pyc": "module",
        "x-1.dist-info/entry_points.txt": "module",
        "x.egg-info/entry_points.txt": "module",
        "c.so": "library",
        "activate": "shell",
        "x.sh": "shell",
        "pkg/elf": "executable",
        "elf": "executable",
        "run": "executable",
    }
    for name in kinds:
        write(folder / name, ELF if name.endswith("elf") else b"#!")
    for name in (
        "pkg/run",
        "pkg/activate",
        "text",
        "pkg/entry_points.txt",
        "x.dist-info/METADATA",
        "__pycache__/a.pyc",
    ):
        write(folder / name, b"#!")
    for mode, name in ((0o700, "run"), (0o755, "pkg/run"), (0o644, "text")):
        (folder / name).chmod(mode)
    for bit in (0o100, 0o010, 0o001):
        kinds[f"run{bit}"] = "executable"
        Path(write(folder / f"run{bit}")).chmod(0o600 | bit)
    owned, python = write(folder / "owned.py"), write(folder / "python", ELF)
    write(tmp_path / "bin2/a.py")
    (folder / "link").symlink_to("run")
    (folder / "dangling").symlink_to("/none")
    os.mkfifo(folder / "pipe")
    found = foreign.unowned_in_bin(str(folder), tree(tmp_path), {owned}, python.__eq__)
    assert sorted(found) == sorted(
        [
            *(Found(f"{folder}/{name}", kind, "bin", "") for name, kind in kinds.items()),
            Found(f"{folder}/link", "executable", "bin", f"leads to {folder}/run"),
        ]
    )


# -- the loader ---------------------------------------------------------------------------------


def test_directories_that_libraries_name_by_where_they_are() -> None:
    dynamics = {
        "/env/a/x.so": elf.Dynamic(("libc.so.6", "y.so"), ("$ORIGIN/../lib", "/usr/lib"), (), "x.so"),
        "/env/b/z.so": elf.Dynamic(("y.so",), (), ("${ORIGIN}/../lib", "$ORIGIN"), ""),
        "/env/text": None,
        "/env/c/w.so": elf.Dynamic(("w",), (), ("$ORIGIN",), ""),
    }
    assert foreign.loader_directories(dynamics, dynamics.__getitem__) == (
        {"/env/lib": "/env/a/x.so", "/env/b": "/env/b/z.so", "/env/c": "/env/c/w.so"},
        {"libc.so.6", "y.so", "w"},
    )


def test_subdirectories_that_glibc_searches_before(tmp_path: Path) -> None:
    folder = str(tmp_path)
    new = [f"{folder}/glibc-hwcaps/x86-64-v{level}" for level in (2, 3, 4)]
    old = ["tls", "haswell", "xeon_phi", "avx512_1", "x86_64", "aarch64", "atomics"]
    assert foreign.search_directories(f"{folder}/none") == [f"{folder}/none"]
    assert foreign.search_directories(folder) == [folder, *new, *(f"{folder}/{part}" for part in old)]
    (tmp_path / "tls/tls/tls/tls/tls").mkdir(parents=True)
    (tmp_path / "tls/x86_64").mkdir()

    def below(path: str) -> list[str]:
        return [f"{path}/{part}" for part in old]

    three = [f"{folder}/tls/tls/tls", *below(f"{folder}/tls/tls/tls"), *below(f"{folder}/tls/tls")[1:]]
    two = [f"{folder}/tls/tls", *three, *below(f"{folder}/tls")[1:4]]
    one = [*two, f"{folder}/tls/x86_64", *below(f"{folder}/tls/x86_64"), *below(f"{folder}/tls")[5:]]
    expected = [folder, *new, f"{folder}/tls", *one, *below(folder)[1:]]
    assert foreign.search_directories(folder) == expected


def test_libraries_without_an_owner_beside_others(tmp_path: Path) -> None:
    for name in ("b.so", "a.so.1", "pkg/c.so"):
        write(tmp_path / name)
    write(tmp_path / "elf", ELF)
    write(tmp_path / "text", b"x")
    write(tmp_path / "not.so")
    owned = write(tmp_path / "owned.so")
    (tmp_path / "folder.so").mkdir()
    (tmp_path / "link.so").symlink_to("b.so")
    (tmp_path / "dangling.so").symlink_to("none")
    assert foreign.unowned_libraries(str(tmp_path), {owned}, lambda name: name != "not.so") == [
        Found(f"{tmp_path}/a.so.1", "library", "rpath", ""),
        Found(f"{tmp_path}/b.so", "library", "rpath", ""),
        Found(f"{tmp_path}/elf", "library", "rpath", ""),
        Found(f"{tmp_path}/link.so", "library", "rpath", f"leads to {tmp_path}/b.so"),
    ]
    assert foreign.unowned_libraries(f"{tmp_path}/none", set(), lambda _: True) == []


def test_rows_of_paths(tmp_path: Path) -> None:
    there = write(tmp_path / "x")
    assert foreign.rows_of([there, "/none"]) == {there: stat_row(there), "/none": None}
