"""Commands killed at random points: a few of the kills that `benchmarks.kills` does by the thousand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_thirty_kills_leave_the_old_state_or_the_new(tmp_path: Path) -> None:
    """In a process of its own: it forks."""
    found = tmp_path / "counts.json"
    words = ("--times", "30", "--seed", "20260101", "--only", "lock,sync,oci", "--json", str(found))
    command = [sys.executable, "-m", "benchmarks.kills", *words, "--work", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    counts = json.loads(found.read_text())["counts"]
    assert [count["runs"] for count in counts] == [10, 10, 10]
    assert sum(count["killed"] for count in counts) >= 6, "hardly any was met at work: it shows nothing"
