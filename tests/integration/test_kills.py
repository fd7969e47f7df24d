"""Commands killed at random points: a few of the kills that `benchmarks.kills` does by the thousand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.kills.changes import can_watch

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("lock", "sync", "oci")


def kills(ledger: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it forks."""
    command = [sys.executable, "-m", "benchmarks.kills", *words, "--json", str(ledger)]
    command += ["--work", str(ledger.parent)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def killed(ledger: Path) -> Counter[str]:
    lines = map(json.loads, ledger.read_text().splitlines())
    return Counter(line["command"] for line in lines if line["killed"])


@pytest.mark.slow
def test_a_few_kills_leave_the_old_state_or_the_new(tmp_path: Path) -> None:
    """Then it is gone on with: what was done is not done again."""
    ledger = tmp_path / "kills.jsonl"
    words = ("--seed", "20260101", "--only", ",".join(COMMANDS))
    done = kills(ledger, "--times", "18", *words)
    assert (done.returncode, done.stderr) == (0, "")
    found = killed(ledger)
    assert sorted(found) == sorted(COMMANDS)
    assert all(number >= 6 for number in found.values())
    before = ledger.read_text()
    done = kills(ledger, "--times", str(found.total() + 1), *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert ledger.read_text().startswith(before)
    assert killed(ledger).total() > found.total()
    if can_watch():
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        assert any(line["how"] == "change" and line["killed"] and line["before"] for line in lines)
