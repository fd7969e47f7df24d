"""Who decides the conda packages of a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.lock.foreign.conda import conda_lock as format
from envlock.lock.foreign.model import Wanted
from envlock.resolve.conda.adopt import judge_adopted
from envlock.resolve.conda.conda_lock import run_conda_lock
from envlock.resolve.conda.model import CondaWish, Record
from envlock.resolve.conda.solve import solve

if TYPE_CHECKING:
    from envlock.resolve.conda.resolve import Solver


def conda_lock_solver(environment: Mapping[str, str], cache: Path | None) -> Solver:
    """conda-lock decides; the records of what it decided come from the channels, and none beside them."""
    folder = None if cache is None else cache / "conda-repodata-v1"

    def run(wish: CondaWish, channels: Mapping[str, str], constraints: tuple[str, ...]) -> tuple[Record, ...]:
        text = run_conda_lock(wish, channels, constraints, environment)
        found = format.read(Path("conda-lock.yml"), text)
        adopted = found.adopted(Wanted(platform=wish.platform, python="")).conda
        decided = replace(wish, specs=tuple(each.spec for each in adopted), adopted=adopted)
        records = solve(decided, channels, cache=folder)
        judge_adopted(decided, records)
        return records

    return run
