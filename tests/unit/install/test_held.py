"""A file as a lock, which its holders remove."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envlock.install.held import held


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_one_at_a_time_although_each_removes_it(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "lock", [], []

    def work() -> None:
        for _ in range(60):
            with held(path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                path.unlink()

    failures = run(work, 12)
    assert failures == []
    assert len(most) == 12 * 60
    assert max(most) == 1
    assert not path.exists()


def test_what_was_written_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text("begun")
    with held(path) as stream:
        assert stream.read() == "begun"


def test_who_does_not_wait_is_told(tmp_path: Path) -> None:
    with held(tmp_path / "lock"), pytest.raises(BlockingIOError), held(tmp_path / "lock", waits=False):
        pass


def run(work: Callable[[], object], number: int) -> list[BaseException]:
    """Let many threads do the same, and give back what they raised."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_a_file_system_without_locks_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    with held(tmp_path / "lock"):
        with pytest.raises(BlockingIOError), held(tmp_path / "lock", waits=False):
            pass
        monkeypatch.setattr("fcntl.flock", refuse)
        with held(tmp_path / "lock"):
            pass
