"""One lock for four platforms, CUDA per platform, from PyPI: each platform's wheels are uv's own choice."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename
from uv import find_uv_bin

from envlock import api
from envlock.resolve.tags import MACOS

ROOT = Path(__file__).parents[2]
BERT = ROOT / "examples" / "bert-cu124" / "pyproject.toml"
PLATFORMS = {
    "linux-64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "osx-arm64": "aarch64-apple-darwin",
    "win-64": "x86_64-pc-windows-msvc",
}
CUDA = 'cuda = { linux-64 = "12.4", linux-aarch64 = "auto", osx-arm64 = "cpu", win-64 = "cpu" }'
_SELECTED = re.compile(r"Selecting: \S+ \[compatible\] \((\S+\.whl)\)")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> api.LockResult:
    root = tmp_path_factory.mktemp("bert")
    text = BERT.read_text("utf-8")
    names = ", ".join(f'"{name}"' for name in PLATFORMS)
    text = text.replace('platforms = ["linux-64"]', f"platforms = [{names}]").replace('cuda = "12.4"', CUDA)
    (root / "pyproject.toml").write_text(text)
    return api.lock(api.LockRequest(project=root), environment=os.environ)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_wheels_of_each_platform_are_those_that_uv_chooses(
    platform: str, locked: api.LockResult, tmp_path: Path
) -> None:
    ours = {row.name: wheel.file for row, wheel in locked.lock.on(platform)}
    assert ours == uv_choice(PLATFORMS[platform], tmp_path)
    assert len(ours) > 30


def uv_choice(platform: str, folder: Path) -> dict[str, str]:
    """The files that uv says it selected, of the versions that it pinned in the end."""
    (folder / "requirements.in").write_text("torch==2.6.0\ntransformers==4.49.0\ndatasets\n")
    command = [find_uv_bin(), "pip", "compile", "requirements.in", "-o", "requirements.txt", "--verbose"]
    flags = ["--python-version", "3.11", "--python-platform", platform, "--only-binary", ":all:"]
    when = ["--exclude-newer", "2025-03-01T00:00:00Z", "--no-annotate", "--no-header"]
    macos = {"MACOSX_DEPLOYMENT_TARGET": ".".join(map(str, MACOS))}
    done = subprocess.run(
        [*command, *flags, *when],
        cwd=folder,
        env={**os.environ, **macos},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = (line.partition("==") for line in (folder / "requirements.txt").read_text().splitlines())
    pinned = {canonicalize_name(name): version for name, _, version in rows}
    files = {parse_wheel_filename(file)[:2]: file for file in _SELECTED.findall(done.stderr)}
    found = {name: file for (name, version), file in files.items() if pinned.get(name) == str(version)}
    assert found.keys() == pinned.keys()
    return {str(name): file for name, file in found.items()}


def test_the_stack_of_each_platform(locked: api.LockResult) -> None:
    stacks = {platform: (stack.torch, stack.cuda) for platform, stack in locked.lock.stack.items()}
    assert stacks == {
        "linux-64": ("2.6.0", "12.4"),
        "linux-aarch64": ("2.6.0", "cpu"),
        "osx-arm64": ("2.6.0", "cpu"),
        "win-64": ("2.6.0", "cpu"),
    }


def test_the_first_platform_is_locked_as_if_it_were_alone(locked: api.LockResult) -> None:
    from envlock.lock.file import read_lock
    from envlock.lock.runtime import runtime_hash

    alone = read_lock(BERT.parent / "envlock.lock")
    assert runtime_hash(locked.lock, "linux-64") == runtime_hash(alone, "linux-64")
