"""Scripts of entry points: shebangs, trampolines and the texts of installers (IDENTITY 2.3 and 4)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.agent.data.script_templates import TEMPLATES
from envlock.agent.identity import normalize_wheel_script
from envlock.agent.scripts import (
    Shebang,
    check_entry_point_script,
    normalize_script,
    script_maker,
    shebang_interpreter,
)
from tests.support.environments import uv
from tests.support.wheels import make_wheel

PYTHON = "/env/bin/python"
BODY = TEMPLATES[0][1].format(module="a.b", import_name="c", func="c.d").encode()
ENTRY_POINTS = """\
[console_scripts]
demo = demo_pkg.cli:main
demo-method = demo_pkg.cli:App.run

[gui_scripts]
demo-window = demo_pkg.cli:main
"""
TARGETS = {
    "demo": "demo_pkg.cli:main",
    "demo-method": "demo_pkg.cli:App.run",
    "demo-window": "demo_pkg.cli:main",
}
WHEEL = make_wheel(
    "demo-pkg",
    "1.0",
    files={
        "demo_pkg/__init__.py": b"",
        "demo_pkg/cli.py": b"def main():\n    print('main')\n\n\nclass App:\n    run = staticmethod(main)\n",
    },
    entry_points=ENTRY_POINTS,
)


def is_python(path: str) -> bool:
    """As `bin` resolves it: an absolute path, or a name in it."""
    return os.path.join("/env/bin", path) in (PYTHON, PYTHON + "3", PYTHON + "3.11")


def check(content: bytes, target: str = "a.b:c.d") -> str | None:
    return check_entry_point_script(content, target=target, is_prefix_python=is_python)


# -- real installers ----------------------------------------------------------------------------


SLOWLY = pytest.mark.slow  # the quick suite asks one installer, CI all of them


@pytest.fixture(
    scope="module",
    params=["it's é", *(pytest.param(name, marks=SLOWLY) for name in ("plain", "with space", "l" * 130))],
)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(
    scope="module", params=["uv", *(pytest.param(name, marks=SLOWLY) for name in ("pip", "uv --relocatable"))]
)
def environment(name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the demo wheel, by each installer, in places that shebangs cannot hold."""
    folder = tmp_path_factory.mktemp("made")
    prefix = folder / name
    wheel = WHEEL.write(folder)
    flags = ["--relocatable"] if request.param.endswith("relocatable") else []
    uv("venv", "--python", sys.executable, *flags, prefix)
    if request.param == "pip":
        pip_install(prefix, wheel)
    else:
        uv("pip", "install", "--no-index", "--no-deps", "--python", prefix / "bin" / "python", wheel)
    return prefix


def pip_install(prefix: Path, wheel: Path) -> None:
    """With this environment's pip: Debian's ensurepip bundles none."""
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", prefix / "bin" / "python"]
    command: list[str | Path] = [*pip, "install", "--no-index", "--no-deps", wheel]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    subprocess.run(command, check=True, capture_output=True, env=environment)


def scripts_of(prefix: Path) -> Iterator[tuple[str, bytes]]:
    for script in TARGETS:
        yield script, (prefix / "bin" / script).read_bytes()


def own_python(prefix: Path, path: str) -> bool:
    return os.path.join(prefix / "bin", path) == str(prefix / "bin" / "python")


def test_what_installers_write_is_accepted(environment: Path) -> None:
    for script, content in scripts_of(environment):
        reason = check_entry_point_script(
            content, target=TARGETS[script], is_prefix_python=lambda path: own_python(environment, path)
        )
        assert (script, reason) == (script, None)
        assert script_maker(content, target=TARGETS[script]) is not None


def test_installed_scripts_really_start(environment: Path) -> None:
    done = subprocess.run([environment / "bin" / "demo"], capture_output=True, text=True, check=True)
    assert done.stdout == "main\n"


def test_installed_scripts_are_refused_elsewhere(environment: Path) -> None:
    for script, content in scripts_of(environment):
        reason = check_entry_point_script(content, target=TARGETS[script], is_prefix_python=lambda _: False)
        assert reason is not None
        assert reason.endswith("which is not this environment's Python")


def test_no_byte_of_an_installed_script_may_change(environment: Path) -> None:
    content = (environment / "bin" / "demo").read_bytes()
    for index in range(len(content)):
        changed = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
        reason = check_entry_point_script(
            changed, target=TARGETS["demo"], is_prefix_python=lambda path: own_python(environment, path)
        )
        assert reason is not None, (index, changed)


def test_installed_scripts_normalise_to_one_text(environment: Path) -> None:
    content = (environment / "bin" / "demo").read_bytes()
    normal = normalize_script(content, lambda path: own_python(environment, path))
    assert normal.startswith(b"#!python\n")
    assert normal.endswith(b"sys.exit(main())\n")
    assert b"exec" not in normal
    assert normalize_script(content, lambda _: False) == content


@pytest.fixture(scope="module")
def data_scripts(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    folder = tmp_path_factory.mktemp("data")
    script = b"#!python\nprint('data')\n"
    wheel = make_wheel("demo-pkg", "1.0", files={"demo_pkg-1.0.data/scripts/demo-data": script}).write(folder)
    for installer in ("uv", "pip"):
        prefix = folder / installer
        uv("venv", "--python", sys.executable, prefix)
        if installer == "pip":
            pip_install(prefix, wheel)
        else:
            uv("pip", "install", "--no-index", "--no-deps", "--python", prefix / "bin" / "python", wheel)
    return script, folder


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=SLOWLY)])
def test_a_script_of_a_wheel_comes_back_as_it_was(data_scripts: tuple[bytes, Path], installer: str) -> None:
    script, folder = data_scripts
    content = (folder / installer / "bin" / "demo-data").read_bytes()
    assert content != script
    normal = normalize_script(content, lambda path: own_python(folder / installer, path))
    assert normal == normalize_wheel_script(script)


# -- shebangs -----------------------------------------------------------------------------------

SPACED = b"#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n"
UV_SPACED = b"#!/bin/sh\n'''exec' '/a b/bin/python' \"$0\" \"$@\"\n' '''\n"
LONG = b"#!/bin/sh\n'''exec' /a/bin/python \"$0\" \"$@\"\n' '''\n"
RATTLER = b"#!/bin/sh\n'''exec' \"/a b/bin/python3.11\" \"$0\" \"$@\" #'''\n"
RELATIVE = b"#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n"
UV_04 = (
    b'#!/bin/sh\n\'\'\'exec\' "$(CDPATH= cd -- "$(dirname -- "$0")" && echo "$PWD")"/\'python\' '
    b"\"$0\" \"$@\"\n' '''\n"
)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"#!/env/bin/python\n", ("/env/bin/python", False)),
        (b"#!/python\n", ("/python", False)),
        (b"#!/\xff/bin/python\n", ("/\udcff/bin/python", False)),
        (SPACED, ("/a b/bin/python", False)),
        (SPACED.replace(b"a b", b"it's"), ("/it's/bin/python", False)),
        (UV_SPACED, ("/a b/bin/python", False)),
        (UV_SPACED.replace(b"a b", b"it'\"'\"'s"), ("/it's/bin/python", False)),
        (UV_SPACED.replace(b"a b", b"a"), ("/a/bin/python", False)),  # quoted without need
        (LONG, ("/a/bin/python", False)),
        (RATTLER, ("/a b/bin/python3.11", False)),
        (RELATIVE, ("python", True)),
        (UV_04, ("python", True)),
    ],
)
def test_the_forms_of_installers(start: bytes, expected: tuple[str, bool]) -> None:
    content = start + b"rest\n"
    assert shebang_interpreter(content) == Shebang(*expected, len(start))
    assert normalize_script(content, lambda path: path == expected[0]) == b"#!python\nrest\n"
    assert normalize_script(content, lambda path: path != expected[0]) == content


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\x7fELF",
        b"#!/env/bin/python",  # no end of line: the kernel would read on
        b"#!/env/bin/python\r\n",
        b"#!/env/bin/python -I\n",
        b"#!/env/bin/python \n",
        b"#! /env/bin/python\n",
        b"#!/with space/bin/python\n",  # the kernel starts /with
        b"#!python\n",
        b"#!bin/python\n",
        b"#!//env/bin/python\n",
        b"#!/env//bin/python\n",
        b"#!/env/./bin/python\n",
        b"#!/env/bin/\n",
        b"#!/env/bin/python\0x\n",
        LONG.replace(b"#!/bin/sh", b"#!/bin/sh -x"),
        LONG.replace(b"/bin/python ", b"/bin/python -I "),
        LONG.replace(b"/a/bin", b"a/bin"),
        LONG.replace(b"/a/bin/python", b";evil"),
        LONG.replace(b"/a/bin/python", b'"/a/bin/python'),
        LONG.replace(b"/a/bin/python", b'/a/bin/python"'),
        LONG.replace(b"/a/bin/python", b'"'),
        LONG.replace(b"/a/bin/python", b'""'),
        LONG.replace(b"/a/bin", b"/a;evil;/bin"),
        LONG.replace(b"/a/bin", b"/$HOME/bin"),
        SPACED.replace(b"a b", b"$(evil)"),
        SPACED.replace(b"a b", b"`evil`"),
        SPACED.replace(b"a b", b'a" "b'),
        SPACED.replace(b"a b", b"a\\b"),
        SPACED.replace(b"a b", b"a'''+evil()+'''b"),
        UV_SPACED.replace(b"a b", b"a'$(evil)'b"),
        UV_SPACED.replace(b"a b", b"a'''b"),
        RELATIVE.replace(b"/'python'", b"/'../python'"),
        RELATIVE.replace(b"realpath", b"evilpath"),
        RELATIVE.replace(b"/'python'", b"/'python' -I"),
    ],
)
def test_what_no_installer_writes_is_no_shebang(start: bytes) -> None:
    assert shebang_interpreter(start) is None
    content = start + BODY
    assert normalize_script(content, lambda _: True) == content
    assert check_entry_point_script(content, target="a.b:c.d", is_prefix_python=lambda _: True) is not None


@pytest.mark.parametrize(
    ("start", "interpreter"),
    [
        (LONG.replace(b"#!/bin/sh", b"#!/tmp/sh"), "/tmp/sh"),
        (LONG.replace(b'"$@"', b'"$@" # '), "/bin/sh"),
        (LONG.replace(b"' '''", b"evil\n' '''"), "/bin/sh"),
    ],
)
def test_a_changed_trampoline_is_a_shell_script(start: bytes, interpreter: str) -> None:
    assert shebang_interpreter(start) == Shebang(interpreter, False, len("#!") + len(interpreter) + 1)
    assert normalize_script(start + BODY, is_python) == start + BODY
    assert check(start + BODY) == f"starts `{interpreter}`, which is not this environment's Python"


# -- what a script calls ------------------------------------------------------------------------


@pytest.mark.parametrize(("maker", "template"), TEMPLATES, ids=[maker for maker, _ in TEMPLATES])
@pytest.mark.parametrize("attr", ["c", "c.d", "c.d.e"])
def test_every_known_text_is_accepted(maker: str, template: str, attr: str) -> None:
    body = template.format(module="a.b", import_name="c", func=attr).encode()
    compile(body, "script", "exec")
    content = b"#!/env/bin/python\n" + body
    assert check(content, f"a.b:{attr}") is None
    assert script_maker(content, target=f"a.b:{attr}") == maker
    assert script_maker(content, target="a.b:x") is None
    assert script_maker(content, target=attr) is None
    assert script_maker(body, target=f"a.b:{attr}") is None


def test_the_texts_of_installers_differ() -> None:
    assert len({text for _, text in TEMPLATES}) == len(TEMPLATES)


GOOD = b"#!/env/bin/python3\n" + BODY
WITH_ARGUMENTS = "with arguments, as no installer does"
NOT_OURS = "which is not this environment's Python"
STRANGE = "is not what pip, uv, distlib or conda writes for an entry point"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (GOOD, None),
        (BODY, "has no first line that names an interpreter"),
        (GOOD.replace(b"python3\n", b"python3 -I\n"), f"starts `/env/bin/python3` {WITH_ARGUMENTS}"),
        (b"#!/usr/bin/env python\n" + BODY, f"starts `/usr/bin/env` {WITH_ARGUMENTS}"),
        (GOOD.replace(b"/env/", b"/other/"), f"starts `/other/bin/python3`, {NOT_OURS}"),
        (GOOD.replace(b"#!/env", b"#!env"), "starts in a way that no installer writes"),
        (b"#!", "starts in a way that no installer writes"),
        (b"#!/env/bin/python3 -I", f"starts `/env/bin/python3` {WITH_ARGUMENTS}"),
        (b"#!/\xff -I\n", f"starts `/\udcff` {WITH_ARGUMENTS}"),
        (GOOD.replace(b"from a.b", b"from a.x"), "calls `a.x:c.d` instead of `a.b:c.d`"),
        (GOOD.replace(b"c.d()", b"c.e()"), "calls `a.b:c.e` instead of `a.b:c.d`"),
        (GOOD.replace(b"import c\n", b"import e\n"), STRANGE),
        (GOOD + b"evil()\n", STRANGE),
        (GOOD + b"\n", STRANGE),
        (GOOD[:-1], STRANGE),
        (GOOD.replace(b"import re\n", b"import re, evil\n"), STRANGE),
        (GOOD.replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 1), STRANGE),
        (GOOD.replace(b"import sys\n", b"import sys\xff\n"), STRANGE),
    ],
)  # fmt: skip
def test_reasons(content: bytes, reason: str | None) -> None:
    assert check(content) == reason


@pytest.mark.parametrize(
    "target", ["a.b", "a.b:", ":c", "a.b:c()", "a:b;evil()", "a:b\nevil", "a b:c", "a..b:c", "a:1"]
)
def test_a_target_that_is_no_name_is_refused(target: str) -> None:
    module, _, func = target.partition(":")
    body = TEMPLATES[0][1].format(module=module, import_name=func.split(".")[0], func=func).encode()
    reason = check(b"#!/env/bin/python\n" + body, target)
    assert reason == f"stands for `{target}`, which names no function of a module"
