"""Where envlock keeps what it may forget: one cache directory of the user."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`ENVLOCK_CACHE_DIR`, else `envlock` below XDG_CACHE_HOME or ~/.cache; without a home a private
    folder that nobody finds again."""
    if environment.get("ENVLOCK_CACHE_DIR"):
        return Path(environment["ENVLOCK_CACHE_DIR"]).absolute()
    base, home = environment.get("XDG_CACHE_HOME", ""), environment.get("HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "envlock"
    if Path(home).is_absolute():
        return Path(home) / ".cache" / "envlock"
    return Path(tempfile.mkdtemp(prefix="envlock-"))
