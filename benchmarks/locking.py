"""A cold lock beside uv's own resolution of the same requirements, in turn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ENVLOCK, ROOT, Row, Sample, sample
from envlock.manifest import read_manifest

PLATFORM = "x86_64-manylinux_2_28"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A project for Linux x86_64, with what the design allows its lock beside uv."""

    name: str
    folder: Path
    remark: str


BERT = Subject(
    name="bert, 55 distributions",
    folder=ROOT / "examples/bert-cu124",
    remark="budget: uv pip compile + 1.0 s",
)
TWO_HUNDRED = Subject(
    name="a lab, 200 distributions", folder=ROOT / "benchmarks/projects/two-hundred", remark=""
)


def locking(work: Path, runs: int) -> Iterator[Row]:
    for subject in (BERT, TWO_HUNDRED):
        yield from _beside_uv(subject, work / subject.folder.name, runs)


def _beside_uv(subject: Subject, work: Path, runs: int) -> Iterator[Row]:
    project = work / "project"
    shutil.copytree(subject.folder, project)
    lock = [ENVLOCK, "lock", "-q", "-p", str(project)]
    compile_ = _uv_compile(project, work)
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for number in range(runs):  # in turn, so that a machine that slows down slows both
        (project / "envlock.lock").unlink(missing_ok=True)
        ours += sample(lock, 1, {"UV_NO_CACHE": "1", "XDG_CACHE_HOME": str(work / f"cache{number}")})
        theirs += sample(compile_, 1)
    yield Row(f"lock, cold: {subject.name}", ours, subject.remark)
    yield Row("uv pip compile, cold", theirs, "peer")
    warm = {"XDG_CACHE_HOME": str(work / "cache0")}
    yield Row("lock again, warm", sample(lock, runs, warm), "")


def _uv_compile(project: Path, work: Path) -> list[str]:
    """What uv itself would do; the default wheels have the CUDA that both subjects ask for."""
    from uv import find_uv_bin

    manifest = read_manifest(project)
    asked = work / "requirements.in"
    asked.write_text("".join(f"{row.requirement}\n" for row in manifest.requirements))
    return [
        *(find_uv_bin(), "pip", "compile", "--no-config", "--no-cache", "--quiet", "--format", "pylock.toml"),
        *("--python-version", manifest.python, "--python-platform", PLATFORM, "--only-binary", ":all:"),
        *("--exclude-newer", str(manifest.exclude_newer), str(asked), "-o", str(work / "pylock.toml")),
    ]
