"""How places are called in what envlock says, and where it keeps what it may forget."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from envlock.agent import places


def cache_directory(environment: Mapping[str, str]) -> Path:
    return Path(places.cache_directory(environment))


def shown(path: Path | str) -> str:
    """A path as it is said: relative where it is below the working directory, else whole.

    >>> shown(Path.cwd() / "envlock.lock"), shown("a/../.venv"), shown("/usr")
    ('envlock.lock', '.venv', '/usr')
    """
    below = os.path.relpath(path)
    if below.split(os.sep, 1)[0] == os.pardir:
        return os.path.normpath(Path(path).absolute())
    return below
