"""Projects to lock, each with what a peer is asked for in its place."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.desk import Desk
from benchmarks.measure import ENVLOCK, ROOT
from envlock.manifest import read_manifest

PLATFORM = "x86_64-manylinux_2_28"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A project for Linux x86_64 in a folder of its own."""

    told: str
    project: Path

    @property
    def lockfile(self) -> Path:
        return self.project / "envlock.lock"

    @property
    def output(self) -> Path:
        """The peers' lock."""
        return self.project / "pylock.toml"

    def lock(self, *more: str) -> list[str]:
        return [ENVLOCK, "lock", "-q", "-p", str(self.project), *more]

    def compile(self, desk: Desk) -> list[str]:
        """What uv itself would do; the default wheels have the CUDA that these projects ask for."""
        manifest = read_manifest(self.project)
        asked = self.project / "requirements.in"
        asked.write_text("".join(f"{row.requirement}\n" for row in manifest.requirements))
        return [
            *(desk.uv, "pip", "compile", "--no-config", "--quiet", "--format", "pylock.toml"),
            *("--python-version", manifest.python, "--python-platform", PLATFORM, "--only-binary", ":all:"),
            *("--exclude-newer", str(manifest.exclude_newer), str(asked), "-o", str(self.output)),
        ]


def bert(work: Path) -> Subject:
    return _copied(ROOT / "examples/bert-cu124", work, "BERT with CUDA 12.4, 55 distributions")


def two_hundred(work: Path) -> Subject:
    return _copied(ROOT / "benchmarks/projects/two-hundred", work, "a lab, 200 distributions")


def _copied(folder: Path, work: Path, told: str) -> Subject:
    project = work / folder.name
    shutil.copytree(folder, project)
    return Subject(told=told, project=project)
