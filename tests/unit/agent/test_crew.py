"""Forked workers give what threads give, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from envlock.agent.crew import Crew
from envlock.agent.hashing import Job, hash_all

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="forked workers are for Linux"),
    # pytest-xdist has threads of its own; what is forked here touches none of them.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def jobs(folder: Path) -> list[Job]:
    """Big and small files, an empty one, one that is missing, one without end."""
    made = []
    for number in range(300):
        path = folder / f"f{number}"
        path.write_bytes(bytes([number % 251]) * (number * 37 % 5000))
        made.append(Job(str(path), path.stat().st_size))
    (folder / "big").write_bytes(os.urandom(3 << 20))
    return [*made, Job(str(folder / "big"), 3 << 20), Job(str(folder / "missing"), 10)]


def test_workers_find_what_threads_find(tmp_path: Path) -> None:
    asked = jobs(tmp_path)
    found = {(job.path, job.algorithm): result for job, result in Crew(asked, 2).finish()}
    assert found == hash_all(asked, 2)
    assert found[str(tmp_path / "missing"), "sha256"].error == "No such file or directory"


def test_what_a_killed_worker_owed_is_hashed_all_the_same(tmp_path: Path) -> None:
    asked = jobs(tmp_path)
    crew = Crew(asked, 2)
    for child, _ in crew._children:
        os.kill(child, signal.SIGKILL)
    assert {(job.path, job.algorithm): result for job, result in crew.finish()} == hash_all(asked, 1)


def test_no_work_needs_no_answer() -> None:
    assert Crew([], 2).finish() == []
