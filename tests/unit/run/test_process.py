"""Commands as processes: signals reach them, and their status comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envlock.run.mapped import MappedFiles
from envlock.run.process import Command, run_to_end

WAITS = "trap 'exit 5' USR1; touch ready; while :; do sleep 0.02; done"


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_signal_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """macOS has no sigtimedwait: what both have is used there."""
    monkeypatch.setattr(sys, "platform", system)
    sent: list[int] = []

    def look(pid: int) -> None:
        if (tmp_path / "ready").exists() and not sent:
            sent.append(pid)
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # pytest-xdist has threads of its own

    words = ("sh", "-c", WAITS)
    assert run_to_end(Command(words=words, environment=dict(os.environ), folder=tmp_path), look) == 5
    assert len(sent) == 1


def test_a_process_that_has_ended_has_nothing_mapped(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    seen = MappedFiles(tmp_path)
    seen.look(ended.pid)
    assert seen.facts() == {"environment": [], "system": [], "looks": 0}
