"""What a prefix is by its files, held against what its Python does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.agent.prefix import (
    PythonFault,
    check_python_files,
    layout_of,
    open_prefix,
    prefix_of_executable,
)
from tests.unit.agent.made import interpreter

PYTHON = Path(os.path.realpath(sys.executable))
SEES = "import sys; print(any(p.startswith(sys.base_prefix) and 'site-packages' in p for p in sys.path))"


@pytest.mark.parametrize("key", ["= true", "= TRUE", "= false", "= no", None])
def test_the_site_packages_of_the_system(tmp_path: Path, key: str | None) -> None:
    """A `pyvenv.cfg` that does not say was taken for one that says `false`; site.py has it the other way."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(PYTHON)
    line = f"include-system-site-packages {key}\n" if key is not None else ""
    (tmp_path / "pyvenv.cfg").write_text(f"home = {PYTHON.parent}\n{line}")
    command = [str(tmp_path / "bin" / "python"), "-I", "-c", SEES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert str(open_prefix(str(tmp_path)).sees_system_site) == done.stdout.strip()


def test_what_is_no_virtual_environment_has_no_other_system(tmp_path: Path) -> None:
    assert not open_prefix(str(tmp_path)).sees_system_site


def test_the_prefix_of_an_interpreter(tmp_path: Path) -> None:
    """Of a virtual environment its folder, of any other the one that the link leads to."""
    base, env = tmp_path / "base", tmp_path / "env"
    for folder in (base, env):
        (folder / "bin").mkdir(parents=True)
    (base / "bin/python3").touch()
    (env / "bin/python").symlink_to("../../base/bin/python3")
    assert prefix_of_executable(str(env / "bin/python")) == str(base.resolve())
    (env / "pyvenv.cfg").touch()
    assert prefix_of_executable(str(env / "bin/python")) == str(env)


def test_a_copied_interpreter_is_held_against_that_of_home(tmp_path: Path) -> None:
    home, bin_ = tmp_path / "home", tmp_path / "env/bin"
    program = b"\x7fELF" + bytes(2 << 20)
    for folder, content in {home: program, bin_: program}.items():
        folder.mkdir(parents=True)
        (folder / "python3").write_bytes(content)
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = {home}\n")
    prefix = open_prefix(str(tmp_path / "env"))
    assert check_python_files(prefix) == []
    (bin_ / "python3").write_bytes(program[:-1] + b"x")
    reason = "is not the interpreter that `home` in pyvenv.cfg names"
    assert check_python_files(prefix) == [PythonFault(str(bin_ / "python3"), reason)]


@pytest.mark.parametrize(
    ("path", "placed"),
    [
        ("lib/python3.11/site-packages/demo/x.py", ("lib", "demo/x.py")),
        ("bin/tool", ("scripts", "tool")),
        ("include/site/python3.11/demo/x.h", ("headers", "x.h")),
        ("include/site/python3.11/other/x.h", ("data", "include/site/python3.11/other/x.h")),
        ("share/x", ("data", "share/x")),
    ],
)
def test_files_are_placed(tmp_path: Path, path: str, placed: tuple[str, str]) -> None:
    layout = layout_of(interpreter(tmp_path))
    assert layout.place(f"{tmp_path}/{path}", "demo") == placed
    assert layout.place(f"{tmp_path.parent}/{path}", "demo") is None
