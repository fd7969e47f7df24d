"""Attacks that once got through, and honest environments that once raised an alarm."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from envlock.report import Severity, Verdict
from tests.integration.test_attacks import SETTINGS, demo_wheels
from tests.support.elf import make_elf
from tests.support.environments import Subject, make_subject
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.slow  # each makes an environment of its own

FINDER = "__editable___mine_1_0_finder"
TAG = sys.implementation.cache_tag


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    made = make_subject(tmp_path, demo_wheels(), settings=SETTINGS)
    assert made.verify().verdict is Verdict.MATCH
    return made


def turned(subject: Subject, level: str = "content") -> set[tuple[str, str | None]]:
    """(code, path) of every finding that turned the verdict."""
    report = subject.verify(level=level)
    return {(f.code, f.path) for f in report.findings if f.severity is not Severity.NOTE}


def site(subject: Subject, path: str) -> str:
    return str((subject.site / path).relative_to(subject.prefix))


def extra(subject: Subject, files: dict[str, bytes], *, name: str = "innocent") -> None:
    """Install a distribution that is not locked, by its RECORD alone."""
    info = subject.site / f"{name}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for path, content in files.items():
        target = Path(os.path.normpath(subject.site / path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, f"{name}-1.0.dist-info/RECORD"]))


def run(subject: Subject, *command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command or [subject.python, "-c", "pass"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    return (done.stdout + done.stderr).strip()


def write_pyc(source: Path, code: CodeType, *, flags: int, suffix: str = "", root: str = "") -> Path:
    status = source.stat()
    stamp = int(status.st_mtime).to_bytes(4, "little") + status.st_size.to_bytes(4, "little")
    folder = Path(f"{root}{source.parent}") if root else source.parent / "__pycache__"
    folder.mkdir(parents=True, exist_ok=True)
    pyc = folder / f"{source.stem}.{TAG}{suffix}.pyc"
    pyc.write_bytes(importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little") + stamp + marshal.dumps(code))
    return pyc


def evil_code(source: Path) -> CodeType:
    return compile("def run() -> int:\n    return 666\n", str(source), "exec", dont_inherit=True)


# -- bytecode ----------------------------------------------------------------------------------


def test_a_pyc_with_the_flag_check_source_alone_is_loaded_by_its_time(subject: Subject) -> None:
    source = subject.site / "demo/core.py"
    pyc = write_pyc(source, evil_code(source), flags=2)
    assert run(subject, subject.python, "-c", "import demo.core; print(demo.core.run())") == "666"
    assert turned(subject) == {("bytecode-differs", site(subject, f"demo/__pycache__/{pyc.name}"))}


def test_a_pyc_of_an_optimisation_level_above_two(subject: Subject) -> None:
    source = subject.site / "demo/core.py"
    pyc = write_pyc(source, evil_code(source), flags=1, suffix=".opt-3")
    program = "import demo.core; print(demo.core.run())"
    assert run(subject, subject.python, "-OOO", "-c", program) == "666"
    assert turned(subject) == {("bytecode-differs", site(subject, f"demo/__pycache__/{pyc.name}"))}


def test_a_redirected_pyc_of_an_optimisation_level_above_two(subject: Subject, tmp_path: Path) -> None:
    source = subject.site / "demo/core.py"
    pyc = write_pyc(source, evil_code(source), flags=1, suffix=".opt-3", root=f"{tmp_path}/pycs")
    subject.environment["PYTHONPYCACHEPREFIX"] = f"{tmp_path}/pycs"
    assert turned(subject) == {("bytecode-differs", str(pyc))}


def test_a_redirected_pyc_of_the_standard_library(subject: Subject, tmp_path: Path) -> None:
    source = Path(json.__file__)
    code = compile("print('evil')", str(source), "exec")
    pyc = write_pyc(source, code, flags=1, root=f"{tmp_path}/pycs")
    subject.environment["PYTHONPYCACHEPREFIX"] = f"{tmp_path}/pycs"
    program = run(subject, subject.python, "-c", "import json", PYTHONPYCACHEPREFIX=f"{tmp_path}/pycs")
    assert program == "evil"
    assert turned(subject) == {("bytecode-differs", str(pyc))}


def test_a_redirected_pyc_under_the_real_path_of_a_linked_prefix(subject: Subject, tmp_path: Path) -> None:
    source = subject.site / "demo/core.py"
    pyc = write_pyc(source, evil_code(source), flags=1, root=f"{tmp_path}/pycs")
    subject.environment["PYTHONPYCACHEPREFIX"] = f"{tmp_path}/pycs"
    (tmp_path / "link").symlink_to(subject.prefix)
    subject.prefix = tmp_path / "link"
    assert ("bytecode-differs", str(pyc)) in turned(subject)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the opcode numbers are those of Python 3.11")
def test_a_pyc_with_specialised_instructions(subject: Subject) -> None:
    """`co_code` shows the plain instructions; what runs are the specialised ones and their caches."""
    import dis

    source = subject.site / "click/__init__.py"
    honest = compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
    code = bytearray(honest.co_code)
    code[code.index(dis.opmap["RESUME"])] = vars(dis)["_all_opmap"]["RESUME_QUICK"]
    data = marshal.dumps(honest).replace(honest.co_code, bytes(code))
    assert marshal.loads(data).co_code == honest.co_code
    pyc = write_pyc(source, honest, flags=1)
    pyc.write_bytes(pyc.read_bytes()[:16] + data)
    assert turned(subject) == {("bytecode-differs", site(subject, f"click/__pycache__/{pyc.name}"))}


def test_warm_tells_optimisation_levels_apart(tmp_path: Path) -> None:
    """Honest bytecode without its assertions, under the name of the one that has them."""
    wheel = make_wheel("careful", "1.0", files={"careful.py": b"def run(x):\n    assert x\n"})
    subject = make_subject(tmp_path, [wheel])
    source = subject.site / "careful.py"
    bare = compile(source.read_bytes(), str(source), "exec", dont_inherit=True, optimize=2)
    pyc = write_pyc(source, bare, flags=1, suffix=".opt-2")
    subject.cache = tmp_path / "cache"
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    time.sleep(2.1)  # younger rows are read again
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    other = pyc.with_name(pyc.name.replace(".opt-2", ""))
    shutil.copy(pyc, other)
    assert turned(subject, "warm") == {("bytecode-differs", site(subject, f"__pycache__/{other.name}"))}


def test_sourceless_bytecode_in_a_folder_that_only_ends_like_a_cache(subject: Subject) -> None:
    folder = subject.site / "demo/x__pycache__"
    folder.mkdir()
    (folder / "evil.pyc").write_bytes(b"")
    assert turned(subject) == {("foreign-module", site(subject, "demo/x__pycache__/evil.pyc"))}


# -- links -------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["demo", "demo-tool"])
def test_a_script_that_is_a_link_takes_modules_from_where_it_leads(
    subject: Subject, tmp_path: Path, script: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (subject.bin / script).rename(elsewhere / script)
    (subject.bin / script).symlink_to(elsewhere / script)
    (elsewhere / "demo.py").write_text("print('evil')\n")
    if script == "demo":
        assert run(subject, subject.bin / script).startswith("evil")
    assert turned(subject) == {("script-differs", f"bin/{script}")}


def test_a_linked_folder_that_was_seen_under_another_name(subject: Subject) -> None:
    extra(subject, {"innocent/__init__.py": b"print('evil')\n"})
    (subject.bin / "click").symlink_to(subject.site / "innocent")
    (subject.site / "usercustomize").symlink_to("innocent")
    assert ("foreign-module", "bin/click/__init__.py") in turned(subject)


def test_links_in_circles_end(subject: Subject) -> None:
    (subject.site / "demo/again").symlink_to("..")
    subject.verify()


def test_nobody_waits_for_pipes(subject: Subject) -> None:
    pyc = write_pyc(subject.site / "demo/core.py", evil_code(subject.site / "demo/core.py"), flags=1)
    inside = [pyc, *(subject.site / name for name in ("demo/__init__.py", "x", "x.py", "x.pth", "x.so"))]
    for path in (*inside, *(subject.bin / name for name in ("demo", "pipe", "activate"))):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    assert turned(subject) == {
        ("unreadable", site(subject, f"demo/__pycache__/{pyc.name}")),
        ("unreadable", site(subject, "demo/__init__.py")),
        ("foreign-module", site(subject, "x.py")),
        ("startup-file", site(subject, "x.pth")),
        ("foreign-library", site(subject, "x.so")),
        ("script-differs", "bin/demo"),
        ("foreign-executable", "bin/activate"),
    }


def test_a_linked_package_leads_the_loader_elsewhere(subject: Subject, tmp_path: Path) -> None:
    """`$ORIGIN/../demo.libs` goes through the link: the kernel resolves `..` from where it leads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (subject.site / "demo").rename(elsewhere / "demo")
    (subject.site / "demo").symlink_to(elsewhere / "demo")
    (elsewhere / "demo.libs").mkdir()
    (elsewhere / "demo.libs/libhelper.so.1").write_bytes(make_elf(soname="libhelper.so.1"))
    assert turned(subject) == {("foreign-library", str(elsewhere / "demo.libs/libhelper.so.1"))}


@pytest.mark.parametrize("folder", ["haswell", "tls/haswell/avx512_1/x86_64", "glibc-hwcaps/x86-64-v3"])
def test_subdirectories_that_the_loader_searches_first(subject: Subject, tmp_path: Path, folder: str) -> None:
    path = subject.prefix / "lib/extra" / folder
    path.mkdir(parents=True)
    subject.cache = tmp_path / "cache"
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    (path / "libhelper.so.1").write_bytes(make_elf())
    expected = {("foreign-library", f"lib/extra/{folder}/libhelper.so.1")}
    assert turned(subject) == expected
    assert turned(subject, "warm") == expected


def test_warm_sees_a_new_subdirectory_that_the_loader_searches(subject: Subject, tmp_path: Path) -> None:
    (subject.prefix / "lib/extra/glibc-hwcaps").mkdir(parents=True)
    subject.cache = tmp_path / "cache"
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    path = subject.prefix / "lib/extra/glibc-hwcaps/x86-64-v3"
    path.mkdir()
    (path / "libhelper.so.1").write_bytes(make_elf())
    assert subject.verify(level="warm").verdict is Verdict.MISMATCH


# -- extra distributions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../../../bin/click.py",
        "../../../bin/json/__init__.py",
        "sitecustomize/__init__.py",
        "_virtualenv.py",
        "_virtualenv/__init__.py",
        "_virtualenv.abi3.so",
        "../../../bin/activate",
        "demo.libs/glibc-hwcaps/x86-64-v3/libhelper.so.1",
        "../../extra/libhelper.so.1",
        "../../../bin/pyvenv.cfg",
    ],
)
def test_what_an_extra_distribution_must_not_own(subject: Subject, path: str) -> None:
    content = make_elf() if "libhelper" in path else b"print('evil')\n"
    if "_virtualenv" in path:
        (subject.site / "_virtualenv.pth").write_text("import _virtualenv")  # as virtualenv and uv do
    extra(subject, {path: content})
    assert subject.verify().verdict is Verdict.MISMATCH


def test_an_extra_distribution_with_scripts_of_its_own_is_a_note(subject: Subject) -> None:
    """jmespath ships `bin/jp.py`, virtualenvwrapper a shell script to source."""
    files = {"../../../bin/jp.py": b"", "../../../bin/innocent": b"", "../../../bin/innocent.sh": b""}
    extra(subject, {"innocent.py": b"", **files})
    assert subject.verify().verdict is Verdict.MATCH


# -- metadata ----------------------------------------------------------------------------------


def pytest_subject(folder: Path) -> Subject:
    pytest_wheel = make_wheel("pytest", "8.0", files={"pytest/__init__.py": b""})
    return make_subject(folder, [pytest_wheel, *demo_wheels()])


@pytest.mark.parametrize("path", ["click-8.0.dist-info", "evil.dist-info", "evil.egg-info"])
def test_entry_points_in_metadata_without_an_owner(tmp_path: Path, path: str) -> None:
    subject = pytest_subject(tmp_path)
    (subject.site / path).mkdir(exist_ok=True)
    (subject.site / path / "entry_points.txt").write_text("[pytest11]\nx = innocent\n")
    program = "from importlib.metadata import entry_points; print(len(entry_points(group='pytest11')))"
    assert run(subject, subject.python, "-c", program) == "1"
    assert subject.verify().verdict is Verdict.MISMATCH


def test_metadata_in_bin(tmp_path: Path) -> None:
    subject = pytest_subject(tmp_path)
    (subject.bin / "evil-1.0.dist-info").mkdir()
    (subject.bin / "evil-1.0.dist-info/entry_points.txt").write_text("[pytest11]\nx = innocent\n")
    assert subject.verify().verdict is Verdict.MISMATCH


# -- the interpreter and its configuration -----------------------------------------------------


def test_a_second_pyvenv_cfg_beside_python(subject: Subject) -> None:
    text = (subject.prefix / "pyvenv.cfg").read_text()
    (subject.bin / "pyvenv.cfg").write_text(text.replace("packages = false", "packages = true"))
    assert ("foreign-interpreter", "bin/pyvenv.cfg") in turned(subject)


@pytest.mark.parametrize("name", ["python._pth", "python3._pth", "pybuilddir.txt"])
def test_path_files_beside_python(subject: Subject, name: str) -> None:
    (subject.bin / name).write_text("/tmp\n")
    assert ("foreign-interpreter", f"bin/{name}") in turned(subject)


def test_a_pyvenv_cfg_without_home_proves_no_interpreter(subject: Subject) -> None:
    config = subject.prefix / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("home")]
    config.write_text("\n".join(lines) + "\n")
    assert subject.verify().verdict is not Verdict.MATCH


def test_a_pyvenv_cfg_with_two_homes(subject: Subject, tmp_path: Path) -> None:
    config = subject.prefix / "pyvenv.cfg"
    home = Path(sys.base_prefix)
    (tmp_path / "home/bin").mkdir(parents=True)
    (tmp_path / "home/lib").symlink_to(home / "lib")
    shutil.copy(os.path.realpath(subject.python), tmp_path / "home/bin/python3")
    config.write_text(f"home = {tmp_path}/home/bin\n" + config.read_text())
    assert subject.verify().verdict is not Verdict.MATCH


def test_another_python_of_the_same_home(subject: Subject, tmp_path: Path) -> None:
    """A home such as /usr/bin has many; the second would read another site directory."""
    home = tmp_path / "home/bin"
    home.mkdir(parents=True)
    real = os.path.realpath(subject.python)
    (home / "python3").symlink_to(real)
    (home / "python3.2").symlink_to("/bin/true")
    config = subject.prefix / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("home")]
    config.write_text("\n".join([*lines, f"home = {home}"]) + "\n")
    (subject.bin / "python3").unlink()
    (subject.bin / "python3").symlink_to("/bin/true")
    assert ("foreign-interpreter", "bin/python3") in turned(subject)


def fake_base(subject: Subject, tmp_path: Path) -> Path:
    """The environment on a base of its own: links into the real one, and room for more files."""
    base, real = tmp_path / "base", Path(sys.base_prefix)
    series = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (base / "bin").mkdir(parents=True)
    shutil.copy(os.path.realpath(subject.python), base / "bin/python3")
    library = base / "lib" / series
    library.mkdir(parents=True)
    for entry in (real / "lib" / series).iterdir():
        (library / entry.name).symlink_to(entry)
    config = subject.prefix / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("home")]
    config.write_text("\n".join([*lines, f"home = {base}/bin"]) + "\n")
    return library


@pytest.mark.parametrize(
    "name", ["click.py", "click/__init__.py", "lib-dynload/click.abi3.so", "../python{}{}.zip"]
)
def test_a_standard_library_that_shadows_a_locked_module(subject: Subject, tmp_path: Path, name: str) -> None:
    library = fake_base(subject, tmp_path)
    assert subject.verify().verdict is Verdict.MATCH
    path = library / name.format(*sys.version_info[:2])
    if name.startswith("lib-dynload"):
        names = list((library / "lib-dynload").iterdir())
        (library / "lib-dynload").unlink()
        (library / "lib-dynload").mkdir()
        for entry in names:
            (library / "lib-dynload" / entry.name).symlink_to(entry)
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("click.py", "print('evil')")
        assert run(subject, subject.python, "-c", "import click") == "evil"
    else:
        path.write_text("print('evil')\n")
    assert subject.verify().verdict is Verdict.MISMATCH


# -- the job's environment ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["click.py", "sitecustomize.py", "sub/click.py"])
def test_a_zip_file_on_pythonpath(subject: Subject, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "print('evil')")
    inside = "/sub" if name.startswith("sub") else ""
    subject.environment["PYTHONPATH"] = f"{tmp_path}/evil.zip{inside}"
    program = run(subject, subject.python, "-c", "import click", PYTHONPATH=f"{tmp_path}/evil.zip{inside}")
    assert program == "evil"
    assert turned(subject) == {("shadowing-path", f"{tmp_path}/evil.zip{inside}")}


def test_an_empty_entry_of_pythonpath_is_the_current_directory(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/click.py").write_text("")
    (tmp_path / "there").mkdir()
    subject.environment["PYTHONPATH"] = ":/nowhere"
    subject.cache = tmp_path / "cache"
    monkeypatch.chdir(tmp_path / "there")
    assert subject.verify(level="warm").verdict is Verdict.MATCH
    monkeypatch.chdir(tmp_path / "here")
    assert turned(subject) == {("shadowing-path", str(tmp_path / "here"))}
    assert turned(subject, "warm") == {("shadowing-path", str(tmp_path / "here"))}


@pytest.mark.parametrize("variable", ["PYTHONHOME", "PYTHONPLATLIBDIR"])
def test_variables_that_move_the_standard_library(subject: Subject, tmp_path: Path, variable: str) -> None:
    subject.environment[variable] = str(tmp_path)
    assert subject.verify().verdict is Verdict.MISMATCH


def test_a_preloaded_library_inside_the_prefix(subject: Subject) -> None:
    (subject.prefix / "share/evil.so").write_bytes(make_elf())
    subject.environment["LD_PRELOAD"] = f"{subject.prefix}/share/evil.so"
    assert turned(subject) == {("preloaded-library", f"{subject.prefix}/share/evil.so")}


def test_a_locked_library_may_be_preloaded(subject: Subject) -> None:
    subject.environment["LD_PRELOAD"] = f"{subject.site}/demo.libs/libhelper.so.1"
    subject.environment["LD_LIBRARY_PATH"] = f"{subject.site}/demo.libs"
    assert subject.verify().verdict is Verdict.MATCH


def test_a_shadowing_library_for_better_processors(subject: Subject, tmp_path: Path) -> None:
    path = tmp_path / "libs/glibc-hwcaps/x86-64-v3/libhelper.so.1"
    path.parent.mkdir(parents=True)
    path.write_bytes(make_elf())
    subject.environment["LD_LIBRARY_PATH"] = f"{tmp_path}/libs"
    assert turned(subject) == {("shadowing-library", str(path))}


# -- the project -------------------------------------------------------------------------------


def project_subject(tmp_path: Path, mapping: dict[str, str]) -> Subject:
    subject = make_subject(tmp_path, demo_wheels(), project="mine")
    project = tmp_path / "mine"
    (project / "src/mine").mkdir(parents=True)
    (project / "src/mine/__init__.py").write_text("")
    extra(
        subject,
        {
            "__editable__.mine-1.0.pth": f"import {FINDER}; {FINDER}.install()".encode(),
            f"{FINDER}.py": finder_text(mapping).encode(),
        },
        name="mine",
    )
    info = subject.site / "mine-1.0.dist-info/direct_url.json"
    info.write_text(json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}))
    return subject


def finder_text(mapping: dict[str, str]) -> str:
    try:
        from setuptools.command.editable_wheel import _FINDER_TEMPLATE  # type: ignore[import-untyped]
    except ImportError:
        pytest.skip("no setuptools here")
    return str(_FINDER_TEMPLATE.format(name="mine", mapping=mapping, namespaces={}))


def test_the_bytecode_of_an_editable_finder(tmp_path: Path) -> None:
    subject = project_subject(tmp_path, {"mine": f"{tmp_path}/mine/src/mine"})
    assert subject.verify().verdict is Verdict.MATCH
    source = subject.site / "__editable___mine_1_0_finder.py"
    pyc = write_pyc(source, compile("def install(): print('evil')", "x", "exec"), flags=1)
    assert "evil" in run(subject)
    assert turned(subject) == {("bytecode-differs", site(subject, f"__pycache__/{pyc.name}"))}


def test_an_editable_finder_for_start_up_code(tmp_path: Path) -> None:
    subject = project_subject(tmp_path, {"sitecustomize": f"{tmp_path}/mine/src/mine"})
    (tmp_path / "mine/src/mine/__init__.py").write_text("print('evil')")
    assert run(subject) == "evil"
    assert subject.verify().verdict is Verdict.MISMATCH


# -- false alarms ------------------------------------------------------------------------------


def test_pythonpath_that_is_the_site_directory(subject: Subject) -> None:
    subject.environment["PYTHONPATH"] = str(subject.site)
    assert subject.verify().verdict is Verdict.MATCH


def test_a_locked_pth_that_leads_into_its_own_package(tmp_path: Path) -> None:
    """nvidia-cutlass-dsl does so."""
    wheel = make_wheel(
        "dsl", "1.0", files={"dsl.pth": b"dsl/packages\n", "dsl/packages/cut/__init__.py": b""}
    )
    assert make_subject(tmp_path, [wheel]).verify().verdict is Verdict.MATCH
