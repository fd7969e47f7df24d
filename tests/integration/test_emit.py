"""What is emitted, given to those who read it: pip, uv, and the reader of the standard."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli
from packaging.pylock import PackageWheel, Pylock

from envlock import api
from envlock.install.interpreter import open_venv
from envlock.install.roots import differing, locked_in_site, observe_roots
from envlock.lock.model import Lock
from tests.support.environments import SERIES
from tests.support.stacks import TorchIndex

yaml: Any = importlib.import_module("yaml")
MANIFEST = f'requirements = ["torchvision", "numpy"]\ncuda = "11.8"\npython = "{SERIES}"\n'


@pytest.fixture(scope="module")
def index() -> Iterator[TorchIndex]:
    with TorchIndex() as started:
        yield started


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """A lock on disk, and every wheel of it in a folder."""

    path: Path
    lock: Lock
    wheels: Path

    def emit(self, format: str, *, wheelhouse: Path | None = None) -> str:
        return api.emit(
            api.EmitRequest(format=format, lock=self.path, environment=os.environ, wheelhouse=wheelhouse)
        )


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, index: TorchIndex) -> Locked:
    root = tmp_path_factory.mktemp("project")
    sources = f'[sources]\ndefault = "{index.url}"\npytorch = "{index.pytorch_source}"\n'
    (root / "envlock.toml").write_text(MANIFEST + sources)
    result = api.lock(api.LockRequest(project=root), environment=os.environ)
    wheels = root / "wheels"
    wheels.mkdir()
    for distribution, wheel in result.lock.on("linux-64"):
        (wheels / wheel.file).write_bytes(_content(index, distribution.index, wheel.file))
    return Locked(path=result.path, lock=result.lock, wheels=wheels)


def _content(index: TorchIndex, name: str, file: str) -> bytes:
    served = index if name == "default" else index.pytorch("cu118")
    answer = served.answer(f"/files/{served.path}/{file}", "")
    assert answer is not None
    return answer.body


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest pip that is here without a network: the one that virtualenv carries."""
    path = tmp_path_factory.mktemp("pip") / "env"
    run(sys.executable, "-m", "virtualenv", "--quiet", "--no-download", "--python", sys.executable, path)
    return path / "bin" / "pip"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An empty environment."""
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "env")
    return tmp_path / "env"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "VIRTUAL_ENV"))
    }
    environment |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"}
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def uv(*arguments: str | Path, cwd: Path | None = None) -> str:
    from uv import find_uv_bin

    return run(find_uv_bin(), *arguments, cwd=cwd)


def assert_is_the_lock(venv: Path, lock: Lock) -> None:
    """Every locked distribution is there, and its RECORD is that of the locked wheel."""
    open_venv(venv)
    facts = observe_roots(venv, lock, "linux-64")
    names = {distribution.name for distribution, _ in lock.on("linux-64")}
    assert names <= locked_in_site(facts).keys()
    assert tuple(differing(facts, lock, "linux-64")) == ()


def test_the_lock_needs_both_indexes(locked: Locked) -> None:
    """triton 3.2.0 is on both with other bytes: what follows fails with the wrong one."""
    indexes = {row.name: row.index for row in locked.lock.distributions}
    assert indexes["triton"] == indexes["torch"] == "pytorch"
    assert indexes["numpy"] == "default"


@pytest.mark.slow
def test_pip_installs_the_requirements(locked: Locked, venv: Path, tmp_path: Path, pip: Path) -> None:
    (tmp_path / "requirements.txt").write_text(locked.emit("requirements"))
    run(
        pip,
        "--python",
        venv / "bin/python",
        "install",
        "--require-hashes",
        "--no-deps",
        "-r",
        tmp_path / "requirements.txt",
    )
    assert_is_the_lock(venv, locked.lock)


def test_uv_installs_the_requirements_as_their_header_says(
    locked: Locked, venv: Path, tmp_path: Path, pip: Path
) -> None:
    text = locked.emit("requirements")
    (tmp_path / "requirements.txt").write_text(text)
    command = next(line for line in text.splitlines() if line.startswith("# uv ")).split()[2:]
    uv(*command, "--python", venv / "bin/python", "--no-cache", cwd=tmp_path)
    assert_is_the_lock(venv, locked.lock)


def test_uv_syncs_the_pylock(locked: Locked, venv: Path, tmp_path: Path, pip: Path) -> None:
    (tmp_path / "pylock.toml").write_text(locked.emit("pylock"))
    uv("pip", "sync", "--python", venv / "bin/python", "--no-cache", tmp_path / "pylock.toml")
    assert_is_the_lock(venv, locked.lock)


def test_pip_installs_the_pylock(locked: Locked, venv: Path, tmp_path: Path, pip: Path) -> None:
    (tmp_path / "pylock.toml").write_text(locked.emit("pylock"))
    run(pip, "--python", venv / "bin/python", "install", "--no-deps", "-r", tmp_path / "pylock.toml")
    assert_is_the_lock(venv, locked.lock)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv"])
@pytest.mark.parametrize("format", ["requirements", "pylock"])
def test_a_wheelhouse_needs_no_network(
    locked: Locked, venv: Path, index: TorchIndex, tool: str, format: str, pip: Path
) -> None:
    file = {"requirements": "requirements.txt", "pylock": "pylock.toml"}[format]
    index.forget()
    emitted = locked.path.parent / f"{tool}.{file}" if format == "requirements" else locked.path.parent / file
    emitted.write_text(locked.emit(format, wheelhouse=Path("wheels")))
    if tool == "pip":
        run(pip, "--python", venv / "bin/python", "install", "--no-deps", "-r", emitted, cwd=emitted.parent)
    else:
        python = ("--python", venv / "bin/python", "--no-cache", "--offline")
        uv("pip", "install", "--no-deps", *python, "-r", emitted, cwd=emitted.parent)
    assert index.log == ()
    assert_is_the_lock(venv, locked.lock)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_wheelhouse_with_a_blank_in_its_name(
    locked: Locked, venv: Path, tmp_path: Path, tool: str, pip: Path
) -> None:
    house = tmp_path / "the wheels #1"
    house.symlink_to(locked.wheels)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(locked.emit("requirements", wheelhouse=house))
    if tool == "pip":
        run(pip, "--python", venv / "bin/python", "install", "--no-deps", "-r", requirements)
    else:
        uv("pip", "install", "--no-deps", "--python", venv / "bin/python", "-r", requirements, "--no-cache")
    assert_is_the_lock(venv, locked.lock)


def test_the_pylock_is_one_by_the_standard(locked: Locked, index: TorchIndex) -> None:
    document = Pylock.from_dict(tomli.loads(locked.emit("pylock")))
    document.validate()
    chosen = {str(package.name): wheel for package, wheel in document.select(environment=linux())}
    assert {name: wheel.hashes["sha256"] for name, wheel in _wheels(chosen).items()} == {
        distribution.name: wheel.sha256 for distribution, wheel in locked.lock.on("linux-64")
    }
    assert all((wheel.url or "").startswith(index.root) for wheel in _wheels(chosen).values())


def linux() -> Any:
    return {
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "python_version": SERIES,
        "python_full_version": f"{SERIES}.1",
    }


def _wheels(chosen: Mapping[str, object]) -> Mapping[str, PackageWheel]:
    return {name: wheel for name, wheel in chosen.items() if isinstance(wheel, PackageWheel)}


@pytest.mark.slow
def test_pip_installs_the_pip_part_of_the_conda_environment(
    locked: Locked, venv: Path, tmp_path: Path, pip: Path
) -> None:
    """conda writes the lines of `pip:` to a file and calls `pip install -U -r`."""
    document = yaml.safe_load(locked.emit("conda"))
    python, own_pip, wheels = document["dependencies"]
    assert python == f"python =={locked.lock.python_exact}"
    assert own_pip == "pip"
    assert document["channels"] == ["conda-forge", "nodefaults"]
    (tmp_path / "condaenv.txt").write_text("\n".join(wheels["pip"]))
    run(
        pip,
        "--python",
        venv / "bin/python",
        "install",
        "-U",
        "-r",
        tmp_path / "condaenv.txt",
        "--exists-action=b",
    )
    assert_is_the_lock(venv, locked.lock)


@pytest.mark.slow
def test_pip_refuses_another_wheel_of_the_same_name(
    locked: Locked, venv: Path, tmp_path: Path, pip: Path
) -> None:
    """The hash of the default index's triton stands in no emitted file."""
    house = tmp_path / "wheels"
    house.mkdir()
    for wheel in locked.wheels.iterdir():
        content = wheel.read_bytes()
        (house / wheel.name).write_bytes(content + b"?" if wheel.name.startswith("triton") else content)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(locked.emit("requirements", wheelhouse=house))
    with pytest.raises(AssertionError, match="DO NOT MATCH THE HASHES"):
        run(pip, "--python", venv / "bin/python", "install", "--no-deps", "-r", requirements)
