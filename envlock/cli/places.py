"""Where envlock keeps what it may forget, and how places are called in what it says."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`ENVLOCK_CACHE_DIR`, else `envlock` below XDG_CACHE_HOME or ~/.cache; without a home a folder that
    goes when the command ends."""
    if environment.get("ENVLOCK_CACHE_DIR"):
        return Path(environment["ENVLOCK_CACHE_DIR"]).absolute()
    base, home = environment.get("XDG_CACHE_HOME", ""), environment.get("HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "envlock"
    if Path(home).is_absolute():
        return Path(home) / ".cache" / "envlock"
    folder = tempfile.mkdtemp(prefix="envlock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def shown(path: Path | str) -> str:
    """A path as it is said: relative where it is below the working directory, else whole.

    >>> shown(Path.cwd() / "envlock.lock"), shown("a/../.venv"), shown("/usr")
    ('envlock.lock', '.venv', '/usr')
    """
    below = os.path.relpath(path)
    if below.split(os.sep, 1)[0] == os.pardir:
        return os.path.normpath(Path(path).absolute())
    return below
