"""Real wheels, as pip takes them for this Python. For slow tests: the package index is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


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
