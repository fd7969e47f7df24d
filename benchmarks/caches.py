"""A cache of the benchmark's own for every tool, which can be emptied. Nothing of the user's is read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "XDG_CACHE_HOME": str(self.folder),
            "ENVLOCK_CACHE_DIR": str(self.folder / "envlock"),
            "UV_CACHE_DIR": str(self.folder / "uv"),
            "PIP_CACHE_DIR": str(self.folder / "pip"),
            "PIP_TOOLS_CACHE_DIR": str(self.folder / "pip-tools"),
        }

    def empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
