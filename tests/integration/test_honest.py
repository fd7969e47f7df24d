"""Honest environments raise no alarm, whoever made them and however."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
from uv import find_uv_bin

from envlock.report import Report, Severity, Verdict
from tests.support.elf import make_elf
from tests.support.environments import (
    SERIES,
    Subject,
    copy_tree,
    entry_lists,
    lock_of,
    make_subject,
    replace_file,
    uv,
)
from tests.support.wheels import (
    Row,
    Wheel,
    duplicated,
    ghost,
    leading_slash,
    make_wheel,
    no_hashes,
    rehashed,
    spoilt,
    unhashed,
    without,
    wrong_size,
)

pytestmark = pytest.mark.slow  # each makes an environment of its own


def awkward_wheels() -> list[Wheel]:
    """Everything that real wheels do and that naive verification stumbles over."""
    shared = b"# a namespace that many wheels own\n"
    return [
        make_wheel(
            "nvidia-one", "1.0", files={"nvidia/__init__.py": shared, "nvidia/one/lib.so": make_elf()}
        ),
        make_wheel(
            "nvidia-two", "1.0", files={"nvidia/__init__.py": shared, "nvidia/two/lib.so": make_elf()}
        ),
        make_wheel(
            "scripts",
            "1.0",
            files={
                "scripts/__init__.py": b"def main(): print('scripts')\n",
                "scripts/nested/deep.py": b"VALUE = -0.0\n",
                "{data}/scripts/rewritten": b"#!python\nprint('rewritten')\n",
                "{data}/scripts/windowed": b"#!pythonw -x\nprint('windowed')\n",
                "{data}/scripts/shell": b"#!/bin/sh\necho shell\n",
                "{data}/scripts/binary": make_elf(),
                "{data}/headers/api.h": b"#define X 1\n",
                "{data}/data/share/scripts/data.txt": b"data\n",
                "{data}/data/etc/scripts.json": b"{}\n",
                "{data}/purelib/scripts/pure.py": b"PURE = 1\n",
                "{data}/platlib/scripts/plat.py": b"PLAT = 1\n",
            },
            entry_points="[console_scripts]\nmain = scripts:main\nwith-extra = scripts:main [x]\n"
            "[gui_scripts]\ngui = scripts:main\n",
            executable=("{data}/scripts/binary",),
        ),
        _odd("nohash", no_hashes),
        _odd("norow", without("norow/a.py")),
        _odd("unhashed", unhashed("unhashed/a.py")),
        _odd("longer", rehashed("sha512", "longer/a.py")),
        _odd("weak", rehashed("md5", "weak/a.py")),
        _odd("liar", wrong_size("liar/a.py")),
        _odd("slashed", leading_slash("slashed/a.py")),
        _odd("twice", spoilt(leading_slash("twice/a.py"), duplicated("twice/b.py"))),
        _odd("ghostly", ghost("ghostly/none.py")),
        _odd("foldered", lambda rows: (*rows, Row(path="foldered/", content=b"", hash="", size=""))),
    ]


def _odd(name: str, record: object) -> Wheel:
    files = {f"{name}/__init__.py": b"", f"{name}/a.py": b"A = 1\n", f"{name}/b.py": b"B = 2\n"}
    return make_wheel(name, "1.0", files=files, record=record)  # type: ignore[arg-type]


def alarms(report: Report) -> list[str]:
    return [f"{f.code}: {f.message}" for f in report.findings if f.severity is not Severity.NOTE]


def assert_silent(subject: Subject) -> None:
    for level in ("content", "warm", "roots"):
        report = subject.verify(level=level)
        assert alarms(report) == []
        assert report.verdict is Verdict.MATCH
        assert report.observed == report.expected


@pytest.mark.parametrize("link_mode", ["copy", "hardlink", "symlink"])
@pytest.mark.parametrize("compiled", [False, True])
def test_uv(tmp_path: Path, link_mode: str, compiled: bool) -> None:
    subject = make_subject(tmp_path, awkward_wheels(), link_mode=link_mode, compiled=compiled)
    subject.cache = tmp_path / "cache"
    assert_silent(subject)
    assert list(subject.site.rglob("*.pyc")) or not compiled


def test_an_environment_that_was_used(tmp_path: Path) -> None:
    """Imports leave bytecode, under -O too; a later source makes it stale, which Python ignores."""
    subject = make_subject(tmp_path, awkward_wheels())
    for flag in ("-B", "-I", "-O", "-OO"):
        program = "import scripts.nested.deep, longer.a, nvidia"
        subprocess.run([subject.python, flag, "-c", program], check=True, env=_writing_bytecode())
    assert len({path.name.split(".", 1)[1] for path in subject.site.rglob("*.pyc")}) == 3
    os.utime(subject.site / "longer/a.py", (1, 1))
    assert_silent(subject)


@pytest.mark.slow
@pytest.mark.parametrize("maker", ["venv", "venv-copies", "virtualenv", "virtualenv-copies"])
def test_pip_in_other_environments(tmp_path: Path, maker: str) -> None:
    subject = _with_pip(tmp_path, maker, awkward_wheels())
    assert_silent(subject)
    notes = {finding.component for finding in subject.verify().findings}
    assert "distribution:pip" in notes


def test_a_locked_pip_that_virtualenv_seeded(tmp_path: Path) -> None:
    """Its seed gets scripts that no installer writes: `pip-3.11` beside `pip3.11`."""
    prefix, store = tmp_path / "env", tmp_path / "wheels"
    make = [sys.executable, "-m", "virtualenv", "--quiet", "--python", _base_python(), str(prefix)]
    subprocess.run(make, check=True)
    info = next((prefix / "lib" / f"python{SERIES}" / "site-packages").glob("pip-*.dist-info"))
    version = info.name.removeprefix("pip-").removesuffix(".dist-info")
    pip = [str(prefix / "bin/python"), "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--disable-pip-version-check", "-d", str(store), f"pip=={version}"], check=True)
    wheels = list(store.glob("*.whl"))
    assert (prefix / "bin" / f"pip-{SERIES}").exists()
    subject = Subject(prefix=prefix, lock=lock_of(wheels, store), entries=entry_lists(wheels, store))
    assert_silent(subject)
    replace_file(prefix / "bin" / f"pip-{SERIES}", f"#!{prefix}/bin/python\nimport os\n".encode())
    assert alarms(subject.verify())


def test_a_prompt_with_quotes(tmp_path: Path) -> None:
    assert_silent(_with_pip(tmp_path, "venv", awkward_wheels(), "--prompt", "it's mine (x)"))


def test_a_path_with_spaces(tmp_path: Path) -> None:
    """uv only: pip writes shebangs there that no kernel can start, and those do differ."""
    assert_silent(make_subject(tmp_path / "a place", awkward_wheels()))


def test_an_editable_install_of_the_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "mine").mkdir(parents=True)
    (project / "src" / "mine" / "__init__.py").write_text("")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "mine"\nversion = "1"\n'
    )
    subject = make_subject(tmp_path, awkward_wheels(), project="mine")
    wheel = make_wheel("mine", "1", files={"__editable__.mine-1.pth": f"{project}/src\n".encode()})
    uv("pip", "install", "--no-deps", "--no-index", "--python", subject.python, wheel.write(tmp_path / "e"))
    info = subject.site / "mine-1.dist-info"
    info.joinpath("direct_url.json").write_text(
        f'{{"url": "file://{project}", "dir_info": {{"editable": true}}}}'
    )
    assert_silent(subject)


@pytest.mark.slow
@pytest.mark.parametrize("setuptools", ["65.3.0", "70.0.0", "80.9.0"])
def test_an_editable_install_by_setuptools(tmp_path: Path, setuptools: str) -> None:
    """A flat layout gets a finder, whose `.pth` runs code: accepted while it leads only to the project."""
    subject = _with_finder(tmp_path, setuptools)
    assert_silent(subject)
    finder = next(subject.site.glob("__editable___mine_1_finder.py"))
    text = finder.read_text()
    replace_file(finder, text.replace("MAPPING", "print('hello'); MAPPING", 1).encode())
    assert alarms(subject.verify())
    replace_file(finder, text.replace(str(tmp_path / "project"), str(tmp_path / "elsewhere")).encode())
    assert alarms(subject.verify())


def _with_finder(tmp_path: Path, setuptools: str) -> Subject:
    project = tmp_path / "project"
    (project / "mine").mkdir(parents=True)
    (project / "mine" / "__init__.py").write_text("")
    (project / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["setuptools=={setuptools}", "wheel"]\n'
        'build-backend = "setuptools.build_meta"\n[project]\nname = "mine"\nversion = "1"\n'
    )
    subject = make_subject(tmp_path, awkward_wheels(), project="mine")
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--python", str(subject.python)]
    subprocess.run([*command, "--editable", project], check=True)
    return subject


def test_a_copied_tree_with_its_scripts_rewritten(tmp_path: Path) -> None:
    subject = make_subject(tmp_path / "a", awkward_wheels())
    copy_tree(subject.prefix, tmp_path / "b")
    subject.prefix = tmp_path / "b"
    assert_silent(subject)


def test_harmless_changes(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, awkward_wheels())
    info = subject.site / "scripts-1.0.dist-info"
    info.joinpath("INSTALLER").write_text("another\n")
    info.joinpath("REQUESTED").write_text("")
    (subject.site / "notes.txt").write_text("not code\n")
    (subject.prefix / "README").write_text("not code\n")
    for path in subject.site.rglob("*.py"):
        os.utime(path, (1, path.stat().st_mtime))
    assert_silent(subject)


def test_other_interpreters_bytecode_is_not_read(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, awkward_wheels())
    cache = subject.site / "scripts" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "__init__.cpython-27.pyc").write_bytes(b"anything")
    assert_silent(subject)


def test_awkward_wheels_from_the_index(tmp_path: Path) -> None:
    """NumPy, greenlet, ruff, black, jupyterlab-widgets, and two of the wheels that own nvidia/__init__.py."""
    pins = [
        "numpy",
        "greenlet",
        "ruff",
        "black",
        "jupyterlab-widgets",
        "nvidia-nvtx-cu12==12.4.127",
        "nvidia-cuda-runtime-cu12==12.4.127",
        "six==1.17.0",
        "selenium==4.1.0",
    ]
    store = tmp_path / "wheels"
    command = [sys.executable, "-m", "venv", str(tmp_path / "downloader")]
    subprocess.run(command, check=True)
    subprocess.run(
        [
            tmp_path / "downloader/bin/python",
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary=:all:",
            "--disable-pip-version-check",
            "-d",
            store,
            *pins,
        ],
        check=True,
    )
    for maker in ("uv", "venv", "virtualenv"):
        folder = tmp_path / maker
        wheels = sorted(store.glob("*.whl"))
        subject = make_subject(folder, wheels) if maker == "uv" else _with_pip(folder, maker, wheels)
        assert_silent(subject)


def _with_pip(folder: Path, maker: str, wheels: Sequence[Wheel | Path], *options: str) -> Subject:
    """An environment of venv or virtualenv into which its own pip installed the wheels."""
    folder.mkdir(exist_ok=True, parents=True)
    store = folder / "wheels"
    lock = lock_of(wheels, store)
    prefix = folder / "env"
    module, _, copies = maker.partition("-")
    flags = [*options, *(["--copies"] if copies else [])]
    subprocess.run(
        [_base_python(), "-m", module, *flags, prefix]
        if module == "venv"
        else [sys.executable, "-m", module, "--quiet", "--python", _base_python(), *flags, prefix],
        check=True,
    )
    files = [wheel if isinstance(wheel, Path) else store / wheel.filename for wheel in wheels]
    subprocess.run(
        [
            prefix / "bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--disable-pip-version-check",
            *files,
        ],
        check=True,
    )
    return Subject(prefix=prefix, lock=lock, entries=entry_lists(wheels, store))


def _base_python() -> str:
    return os.path.join(sysconfig.get_config_var("BINDIR"), f"python{SERIES}")


def _writing_bytecode() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
