"""Locks of ten to a thousand distributions, from an index on this machine, nothing cached."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.caches import Cache
from benchmarks.desk import Desk
from benchmarks.measure import ENVLOCK
from benchmarks.race import OURS, Entrant, Race
from benchmarks.shelf import Shelf, made

MANY = 1_000
# pip's resolver fetches one page after the other: a thousand take it minutes.
MOST_FOR_PIP_TOOLS = 100
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def by_distributions(desk: Desk) -> Iterator[Race]:
    for count in sorted(desk.distributions):
        with desk.folder(f"lock-{count}") as work, Shelf() as shelf:
            for wheel in made(count):
                shelf.add(wheel, upload_time="2025-01-30T00:00:00Z")
            yield Race(
                row="lock-sizes",
                title=f"{count:,} made distributions",
                series="distributions",
                at=count,
                most=3 if count >= MANY else 100,
                entrants=tuple(_entrants(desk, work, shelf, count)),
            )


def _entrants(desk: Desk, work: Path, shelf: Shelf, count: int) -> Iterator[Entrant]:
    (work / "envlock.toml").write_text(f'python = "{HERE}"\nrequirements = ["package0"]\n')
    asked = work / "requirements.in"
    asked.write_text("package0\n")
    hashes = ["--quiet", "--generate-hashes", str(asked), "-o"]
    yield _forgetful(work, shelf, OURS, [ENVLOCK, "lock", "-q", "-p", str(work)], "envlock.lock")
    uv = [desk.uv, "pip", "compile", "--no-config", "--python-version", HERE, *hashes]
    yield _forgetful(work, shelf, "uv pip compile", [*uv, str(work / "uv.txt")], "uv.txt")
    if count <= MOST_FOR_PIP_TOOLS:
        pip_tools = [sys.executable, "-m", "piptools", "compile", "--no-config", *hashes]
        yield _forgetful(work, shelf, "pip-compile", [*pip_tools, str(work / "pip.txt")], "pip.txt")


def _forgetful(work: Path, shelf: Shelf, who: str, command: list[str], output: str) -> Entrant:
    cache = Cache(folder=work / f"cache-{output}")

    def forget() -> None:
        cache.empty()
        (work / output).unlink(missing_ok=True)

    environment = {**shelf.environment, **cache.environment}
    return Entrant(who=who, command=command, environment=environment, prepare=forget, folder=work)


ROWS = {"lock-sizes": by_distributions}
