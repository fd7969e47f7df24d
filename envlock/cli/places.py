"""Where envlock keeps what it may forget: one cache directory of the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_directory(environment: Mapping[str, str]) -> Path | None:
    """`ENVLOCK_CACHE_DIR`, else `envlock` below XDG_CACHE_HOME or ~/.cache; None without a home."""
    if environment.get("ENVLOCK_CACHE_DIR"):
        return Path(environment["ENVLOCK_CACHE_DIR"])
    base = environment.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "envlock"
    home = environment.get("HOME")
    return Path(home) / ".cache" / "envlock" if home else None
