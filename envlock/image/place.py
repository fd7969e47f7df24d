"""Where things are inside of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from envlock.agent.identity import DATA, HEADERS, LIB, SCRIPTS

PREFIX: Final = "/opt/env"
USER_ID: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The places of an environment at PREFIX for one Python, `3.11`: a virtual environment, or a conda
    prefix. Paths have no leading slash."""

    series: str
    is_conda: bool = False

    @property
    def prefix(self) -> str:
        return PREFIX.lstrip("/")

    @property
    def packages(self) -> str:
        return f"{self.prefix}/lib/python{self.series}/site-packages"

    @property
    def python(self) -> str:
        return f"{PREFIX}/bin/python"

    def locate(self, place: str, path: str, distribution: str) -> str:
        roots = {
            LIB: self.packages,
            SCRIPTS: f"{self.prefix}/bin",
            HEADERS: f"{self.prefix}/include/{self._headers}/{distribution}",
            DATA: self.prefix,
        }
        return f"{roots[place]}/{path}"

    @property
    def _headers(self) -> str:
        return f"python{self.series}" if self.is_conda else f"site/python{self.series}"

    def recorded(self, path: str) -> str:
        """A path as RECORD has it: relative to the site directory."""
        start = f"{self.packages}/"
        if path.startswith(start):
            return path[len(start) :]
        return f"../../../{path[len(self.prefix) + 1 :]}"
