"""The second engine beside the first, on local indexes: the same pins, or why there are none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from envlock import api
from envlock.errors import IndexFailed, NoSolution, NoWheel, ToolFailed, ToolMissing
from envlock.resolve.model import Engine
from tests.support.index import LocalIndex
from tests.support.stacks import TorchIndex
from tests.support.wheels import make_wheel

SERIES = f"{sys.version_info.major}.{sys.version_info.minor}"
EXACT = ".".join(map(str, sys.version_info[:3]))
OTHER = f"3.{sys.version_info.minor + 1}"

pytestmark = pytest.mark.slow  # pip-compile takes two seconds to start


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as started:
        yield started


@pytest.fixture(scope="module")
def stack() -> Iterator[TorchIndex]:
    with TorchIndex() as started:
        yield started


def publish(index: LocalIndex, name: str, version: str, *requires: str, **options: Any) -> None:
    files = {f"{name}/__init__.py": version.encode()}
    index.add(make_wheel(name, version, files=files, requires=requires, **options))


def lock(root: Path, index: LocalIndex, text: str, engine: Engine, **options: Any) -> api.LockResult:
    sources = f'[sources]\ndefault = "{index.url}"\n'
    if isinstance(index, TorchIndex):
        sources += f'pytorch = "{index.pytorch_source}"\n'
    root.mkdir(exist_ok=True)
    (root / "envlock.toml").write_text(f"{text}\n{sources}")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    request = api.LockRequest(project=root, engine=engine, **options)
    return api.lock(request, environment={**clean, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"})


@pytest.mark.parametrize(
    "text",
    [
        'requirements = ["torch==2.6.0"]',
        'requirements = ["torch==2.6.0"]\ncuda = "11.8"',
        'requirements = ["torchvision"]\ncuda = "12.8"\nexclude-newer = 2025-09-01',
    ],
    ids=["the default wheel", "the PyTorch index", "time travel"],
)
def test_both_engines_write_the_same_lock(text: str, tmp_path: Path, stack: TorchIndex) -> None:
    text = f'python = "{SERIES}"\n{text}'
    ours = lock(tmp_path / "uv", stack, text, Engine.UV)
    theirs = lock(tmp_path / "pip", stack, text, Engine.PIP_TOOLS)
    assert theirs.lock == ours.lock
    assert theirs.path.read_bytes() == ours.path.read_bytes()


def pins(result: api.LockResult) -> dict[str, str]:
    return {row.name: row.version for row in result.lock.distributions}


def test_pins_that_stand_stay(tmp_path: Path, index: LocalIndex) -> None:
    publish(index, "a", "1.0", "b")
    publish(index, "b", "1.0")
    text = f'python = "{SERIES}"\nrequirements = ["a"]'
    assert pins(lock(tmp_path, index, text, Engine.PIP_TOOLS)) == {"a": "1.0", "b": "1.0"}
    publish(index, "a", "2.0", "b")
    publish(index, "b", "2.0")
    assert pins(lock(tmp_path, index, text, Engine.PIP_TOOLS)) == {"a": "1.0", "b": "1.0"}
    upgraded = lock(tmp_path, index, text, Engine.PIP_TOOLS, upgrade_packages=("b",))
    assert pins(upgraded) == {"a": "1.0", "b": "2.0"}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (f'python = "{OTHER}"', f"linux-64 with Python {OTHER}"),
        (f'python = "{SERIES}.99"', f"linux-64 with Python {SERIES}.99"),
        (
            f'python = "{SERIES}"\nplatforms = ["linux-64", "osx-arm64"]',
            f"osx-arm64 with Python {SERIES}",
        ),
    ],
)
def test_another_platform_or_python_is_refused(
    text: str, asked: str, tmp_path: Path, index: LocalIndex
) -> None:
    publish(index, "a", "1.0")
    with pytest.raises(ToolFailed) as failed:
        lock(tmp_path, index, f'{text}\nrequirements = ["a"]', Engine.PIP_TOOLS)
    assert (failed.value.code, failed.value.exit_status) == ("tool-failed", 6)
    assert failed.value.message == "pip's resolver only resolves for the platform and Python that it runs on"
    assert failed.value.facts == (("runs on", f"linux-64 with Python {EXACT}"), ("asked for", asked))
    assert failed.value.hint == "leave `--engine pip-tools` out: uv resolves for any platform and Python"
    assert not (tmp_path / "envlock.lock").exists()


def no_solution(root: Path, index: LocalIndex, requirements: str) -> Sequence[tuple[str, str]]:
    text = f'python = "{SERIES}"\nrequirements = [{requirements}]'
    with pytest.raises(NoSolution) as none:
        lock(root, index, text, Engine.PIP_TOOLS)
    assert (none.value.code, none.value.exit_status) == ("no-solution", 4)
    assert none.value.message == "no set of versions satisfies the manifest"
    return none.value.facts


def test_no_solution_in_words(tmp_path: Path, index: LocalIndex) -> None:
    publish(index, "a", "1.0", "b<2")
    publish(index, "b", "3.0")
    publish(index, "b", "1.0")
    assert set(no_solution(tmp_path, index, '"a", "b>=2"')) == {
        ("because", "the manifest asks for b>=2"),
        ("because", "a 1.0 depends on b<2"),
    }
    assert no_solution(tmp_path, index, '"b>4"') == (
        ("because", "the manifest asks for b>4"),
        ("pip says", "Could not find a version that satisfies the requirement b>4"),
    )


def test_an_index_that_is_not_there(tmp_path: Path, index: LocalIndex) -> None:
    index.__exit__(None, None, None)
    with pytest.raises(IndexFailed) as failed:
        lock(tmp_path, index, f'python = "{SERIES}"\nrequirements = ["a"]', Engine.PIP_TOOLS)
    assert failed.value.exit_status == 5
    assert [label for label, _ in failed.value.facts] == ["cause"]
    assert "Connection refused" in failed.value.facts[0][1]


def test_a_wheel_that_is_too_new_for_the_glibc_that_is_asked_for(tmp_path: Path, index: LocalIndex) -> None:
    """pip takes tags from the host; the manifest's glibc is held against what it chose."""
    publish(index, "a", "1.0", tag="py3-none-manylinux_2_34_x86_64")
    text = f'python = "{SERIES}"\nglibc = "2.28"\nrequirements = ["a"]'
    with pytest.raises(NoWheel) as none:
        lock(tmp_path, index, text, Engine.PIP_TOOLS)
    assert none.value.message == "`a` 1.0, which pip chose, has no wheel for linux-64 on its index"
    assert none.value.facts == (("asked for", f"Python {SERIES}, glibc 2.28"),)


def test_pip_tools_that_is_not_there(
    tmp_path: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(index, "a", "1.0")
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr("envlock.resolve.pip_tools.sys.executable", str(bare))
    with pytest.raises(ToolMissing) as missing:
        lock(tmp_path / "x", index, f'python = "{SERIES}"\nrequirements = ["a"]', Engine.PIP_TOOLS)
    assert (missing.value.message, missing.value.hint) == (
        "`pip-tools` is not here",
        "run `pip install pip-tools`",
    )
