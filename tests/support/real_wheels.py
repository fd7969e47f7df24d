"""Real wheels, as pip takes them for this Python. For slow tests: the package index is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.lock import write_lock
from tests.support.environments import make_subject


def download(folder: Path, *pins: str) -> list[Path]:
    """The wheels of pins and of what they need, in a folder of their own."""
    downloader, store = folder / "downloader", folder / "store"
    subprocess.run([sys.executable, "-m", "venv", downloader], check=True)
    pip = [str(downloader / "bin/python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--only-binary=:all:", "-d", str(store), *pins], check=True)
    return sorted(store.glob("*.whl"))


def cpu_torch(folder: Path, version: str) -> list[Path]:
    """A CPU build of torch with all that it needs; skips where pip has none at hand: the index that it asks
    by default has builds of gigabytes for CUDA."""
    subprocess.run([sys.executable, "-m", "venv", folder / "probe"], check=True)
    pip = [str(folder / "probe/bin/python"), "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
    done = subprocess.run(
        [*pip, "--only-binary=:all:", "--report", "-", f"torch=={version}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "%2Bcpu" not in done.stdout and "+cpu" not in done.stdout:
        pytest.skip(f"no CPU build of torch {version} for this Python where pip looks")
    return download(folder, f"torch=={version}", "numpy")


def make_cpu_torch(folder: Path) -> None:
    """An environment with a CPU build of torch in `folder`/env, and its lock. Skips as `cpu_torch`.

    As after the first use of it: torch is imported many times here, and to compile it takes 10 s each time.
    """
    folder.mkdir()
    subject = make_subject(folder, cpu_torch(folder, "2.13.0"))
    write_lock(folder / "envlock.lock", subject.lock)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([subject.python, "-c", "import numpy, torch, torch._dynamo"], env=environment, check=True)
