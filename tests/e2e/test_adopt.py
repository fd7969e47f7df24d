"""Projects of uv, pip-tools and pylock.toml, made by those tools from PyPI: adopted, verified, and one
flipped byte named. The tools are not changed, and envlock installs nothing here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

from envlock import api
from envlock.report import Report
from envlock.resolve.model import Engine
from tests.support.environments import flip_byte

SERIES = f"{sys.version_info.major}.{sys.version_info.minor}"
ASKED = ("requests==2.32.3", "markupsafe==3.0.2", "rich==13.9.4")

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project that a tool has locked and installed; envlock comes afterwards."""

    root: Path
    lock: str

    def run(self, *command: str | Path) -> None:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=tool_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def adopt(self) -> api.LockResult:
        request = api.LockRequest(project=self.root, adopt=self.root / self.lock, cache=self.root / "cache")
        return api.lock(request, environment=os.environ)

    def verify(self) -> Report:
        return api.verify(
            api.VerifyRequest(
                lock=self.root / "envlock.lock",
                prefix=self.root / ".venv",
                environment={},
                level="content",
                cache=self.root / "cache",
            )
        )


def tool_environment() -> Mapping[str, str]:
    """The host's, without extra indexes: the two engines of a comparison must look at the same one."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "VIRTUAL_ENV"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}


def uv_project(root: Path) -> Project:
    project = Project(root=root, lock="uv.lock")
    (root / "src" / "mine").mkdir(parents=True)
    (root / "src" / "mine" / "__init__.py").write_text("")
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "mine"\nversion = "0.1"\nrequires-python = ">={SERIES}"\n'
        f"dependencies = {list(ASKED)}\n[dependency-groups]\ndev = ['iniconfig']\n"
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    )
    project.run(find_uv_bin(), "sync", "--quiet", "--python", sys.executable)
    return project


def pip_tools_project(root: Path) -> Project:
    """pip-compile writes the hashes, pip installs with them."""
    project = Project(root=root, lock="requirements.txt")
    (root / "requirements.in").write_text("\n".join(ASKED))
    project.run(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras")
    project.run(sys.executable, "-m", "venv", ".venv")
    project.run(
        ".venv/bin/python", "-m", "pip", "install", "-q", "--require-hashes", "-r", "requirements.txt"
    )
    return project


def pylock_project(root: Path) -> Project:
    """No manifest at all: a pylock.toml and what `uv pip sync` makes of it."""
    project = Project(root=root, lock="pylock.toml")
    (root / "requirements.in").write_text("\n".join(ASKED))
    version = ["--python-version", SERIES]
    project.run(find_uv_bin(), "pip", "compile", "-q", "requirements.in", "-o", "pylock.toml", *version)
    (root / "requirements.in").unlink()
    project.run(find_uv_bin(), "venv", "--quiet", "--python", sys.executable)
    project.run(find_uv_bin(), "pip", "sync", "--quiet", "pylock.toml")
    return project


@pytest.mark.parametrize("make", [uv_project, pip_tools_project, pylock_project])
def test_a_project_is_adopted_and_verified_and_a_flipped_byte_is_named(
    make: Callable[[Path], Project], tmp_path: Path
) -> None:
    project = make(tmp_path)
    result = project.adopt()
    pins = {f"{row.name}=={row.version}" for row in result.lock.distributions}
    assert set(ASKED) <= pins
    report = project.verify()
    assert (report.verdict, [each.message for each in report.findings if each.severity != "note"]) == (
        "match",
        [],
    )
    flipped = tmp_path / ".venv/lib" / f"python{SERIES}" / "site-packages/rich/console.py"
    flip_byte(flipped)
    spoilt = project.verify()
    assert spoilt.verdict == "mismatch"
    found = [each for each in spoilt.findings if each.code == "file-differs"]
    assert [(each.component, each.path) for each in found] == [
        ("distribution:rich", str(flipped.relative_to(tmp_path / ".venv")))
    ]


@pytest.mark.parametrize(
    "asked",
    [ASKED, ("datasets==3.3.2",), ("fastapi[standard]==0.115.8", "sqlalchemy<2.1", "pandas~=2.2.0")],
    ids=["three pins", "datasets", "extras and ranges"],
)
def test_uv_and_pip_tools_give_the_same_pins(asked: tuple[str, ...], tmp_path: Path) -> None:
    text = f'python = "{SERIES}"\nexclude-newer = 2025-03-01\nrequirements = {list(asked)}\n'
    (tmp_path / "envlock.toml").write_text(text)
    locks: dict[Engine, bytes] = {}
    for engine in Engine:
        path = tmp_path / f"{engine}.lock"
        request = api.LockRequest(project=tmp_path, output=path, engine=engine)
        api.lock(request, environment=tool_environment())
        locks[engine] = path.read_bytes()
    assert locks[Engine.UV] == locks[Engine.PIP_TOOLS]
