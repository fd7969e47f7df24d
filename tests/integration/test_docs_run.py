"""The pages, typed: each line of a `sh` block runs in a project that is prepared for it, or stands here with
the reason why it is only parsed (tests/unit/test_docs_commands.py). The tutorial prints what it says.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.environments import SERIES
from tests.support.pages import ROOT, blocks, pages
from tests.support.tools import need

_HOSTS = "other hosts: tests/e2e/test_fleet.py"
_DAEMON = "a Docker daemon: tests/e2e/test_docker_image.py"
_CONDA = "a lock with conda packages: tests/integration/test_conda_sync.py, test_conda_formats.py"
_REGISTRY = "a registry: tests/integration/test_build_oci.py"
_TORCH = "gigabytes of wheels"
_SIGNERS = "three people with keys: tests/integration/test_evidence.py"
_ANEW = "minutes: it makes an environment with envlock anew"

# The beginning of a line -> why it is not run here. The longest beginning counts.
PARSED = {
    "make demo": _ANEW,
    "make test": "it runs this test: CI is this line",
    "git clone https://github.com/torch-envlock": "the network",
    "python3 -m venv ~/.venvs/envlock": _ANEW,
    "python3.11 -m venv ~/.venvs/envlock": _ANEW,
    "~/.venvs/envlock/bin/pip install .": _ANEW,
    "~/.venvs/envlock/bin/pip install '.[evidence]'": _ANEW,
    "envlock --version": "nothing but a version",
    "pip install --no-index": "in an unpacked bundle: tests/integration/test_bundle.py",
    "pip install 'torch-envlock[ray]'": "the package is not on an index yet",
    "pip download --no-deps -d wheels torch": _TORCH,
    "envlock explain --gpu T4 --wheels wheels": _TORCH,
    "envlock bundle install bundle.tar --conda": _CONDA,
    "envlock sync --conda": _CONDA,
    "envlock verify --prefix ~/envs/train": _CONDA,
    "envlock emit conda-": _CONDA,
    "envlock emit pixi": _CONDA,
    "envlock verify --launcher": _HOSTS,
    "envlock verify --ray": _HOSTS,
    "python3 envlock-agent.pyz --prefix /srv": _HOSTS,
    "sbatch": _HOSTS,
    "kubectl": _HOSTS,
    "envlock build docker": _DAEMON,
    "docker ": _DAEMON,
    "envlock verify --container": _DAEMON,
    "envlock verify --level loaded": "a GPU, to be of use: tests/integration/test_loaded.py",
    "envlock build oci": _REGISTRY,
    "envlock audit verify evidence --allowed-signers signers --quorum": _SIGNERS,
    "pytest --envlock": "pytest in the lock: tests/integration/test_pytest_plugin.py",
}
# Lines that end with another status than 0, and which.
# The project of this test has no PyTorch: what a lock of it runs on cannot be told.
STATUS: Mapping[str, int] = {
    "envlock explain torch==2.6.0 --cuda 12.1": 1,
    "envlock explain torch==2.9.0 --cuda 11.8": 1,
    "envlock explain --image pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime": 1,
    "envlock explain --driver 535.54.03 --gpu V100": 8,
    "envlock audit ../paper-code": 1,
    "envlock doctor --log train.log": 1,
    "envlock verify --facts facts/ --expect-hosts 200": 8,
}

PROJECT = f"""\
[project]
name = "train"
version = "0"
requires-python = ">={SERIES}"
dependencies = ["six==1.17.0", "iniconfig==2.1.0"]

[tool.envlock]
python = "{SERIES}"
cuda = "cpu"

[tool.envlock.settings]
PYTHONHASHSEED = "0"

[tool.envlock.variants.cpu]
cuda = "cpu"
"""
CHECK = 'from importlib.metadata import version\nraise SystemExit(version("iniconfig") != "2.0.0")\n'
PREPARE = """\
git init -q -b main . && git config user.name ada && git config user.email ada@example.org
sed 's/iniconfig==2.1.0/iniconfig==2.0.0/' pyproject.toml > p && mv pyproject.toml q && mv p pyproject.toml
envlock lock && git add -A . ':!q' && git commit -qm one && git tag v1.0
mv q pyproject.toml && envlock lock --upgrade-package iniconfig && uv lock -q
git add -A && git commit -qm two
git init -q --bare ../origin && git remote add origin ../origin && git push -qu origin main
envlock sync && envlock agent
mkdir -p ~/.ssh facts && ssh-keygen -q -t ed25519 -N '' -C '' -f ~/.ssh/id_ed25519 && cp ~/.ssh/id_ed25519 KEY
echo "ada@example.org namespaces=\\"envlock\\" $(cat ~/.ssh/id_ed25519.pub)" > signers
for n in 1 2; do envlock observe --prefix .venv --expect envlock.lock > facts-node$n.json; done
cp facts-node1.json facts/ && cp facts-node1.json facts.json
envlock verify --json > node1.json && cp node1.json node2.json
echo 'libcuda.so.1: cannot open shared object file: No such file or directory' > train.log
envlock run --output model.npz -- python train.py && cp envlock-receipt.json theirs.json
"""


def _environment(folder: Path) -> dict[str, str]:
    """A home of its own; `envlock`, `uv` and `python` are those of the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENVLOCK_", "XDG_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (folder / "home").mkdir(exist_ok=True)
    return {**kept, "HOME": str(folder / "home"), "PATH": path, "DRIVER": "535.54.03"}


def _typed(line: str, cwd: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=cwd,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout


def _why_parsed(line: str) -> str | None:
    return next((PARSED[start] for start in PARSED if line.startswith(start)), None)


def _lines() -> Iterator[tuple[str, str]]:
    """(page, line) of all that is typed, in the order of the pages; a line of several pages once."""
    first: dict[str, str] = {}
    for page in pages():
        for block in blocks(page):
            for line in block.lines if block.language == "sh" else ():
                first.setdefault(line, block.page)
    yield from ((page, line) for line, page in first.items())


def test_every_line_that_is_only_parsed_is_on_a_page() -> None:
    lines = [line for _, line in _lines()]
    assert [start for start in PARSED if not any(line.startswith(start) for line in lines)] == []
    assert [line for line in STATUS if line not in lines] == []


@pytest.mark.slow
def test_every_other_line_runs(tmp_path: Path) -> None:
    need("git", "ssh-keygen", "bash")
    environment, project = _environment(tmp_path), tmp_path / "project"
    _prepare(project, environment)
    wrong = []
    for page, line in _lines():
        if _why_parsed(line) is None:
            status, said = _typed(line, project, environment)
            if status != STATUS.get(line, 0):
                wrong.append(f"{page}: {line}: {status}\n{said}")
    assert wrong == [], "\n".join(wrong)


def _prepare(project: Path, environment: Mapping[str, str]) -> None:
    paper = project.parent / "paper-code"
    project.mkdir()
    paper.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "train.py").write_text('open("model.npz", "wb").write(b"weights")\n')
    (project / "check.py").write_text(CHECK)
    (paper / "requirements.txt").write_text("six==1.16.0\n")
    (paper / "train.py").write_text("import six\n")
    status, said = _typed("set -e\n" + PREPARE, project, environment)
    assert status == 0, said


# --- the tutorial


def _shown(text: str) -> str:
    """Without what differs between hosts: times, the patch of Python, what its standard library has."""
    text = re.sub(r"[\d.]+ s\)", "TIME)", text)
    text = re.sub(r"level (?:warm|content), [\d,]+ files, [\d.]+ MB", "LEVEL", text)
    lines = [line for line in text.splitlines() if not line.startswith("note: `")]
    return re.sub(r"Python 3\.11\.\d+", "Python 3.11.X", "\n".join(lines))


@pytest.mark.slow
def test_the_tutorial_prints_what_it_says(tmp_path: Path) -> None:
    need("python3.11")
    environment = {
        name: value
        for name, value in _environment(tmp_path).items()
        if name not in ("PYTHONHASHSEED", "OMP_NUM_THREADS")
    }
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    manifest = re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert manifest is not None
    (tmp_path / "pyproject.toml").write_text(manifest[1])
    for body in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
            if command.startswith("eval"):
                environment |= {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
            assert _shown(_typed(command, tmp_path, environment)[1]) == _shown(said), command
    assert shutil.which("envlock", path=environment["PATH"])
