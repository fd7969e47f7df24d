"""Commands of a search in environments that are there already."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envlock.errors import DiskFailed, EnvlockError, ToolMissing
from envlock.install.model import Supply
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.run.bench import VenvBench
from envlock.run.process import Command
from tests.unit.run.test_bisect import lock


class Ready(VenvBench):
    def _made(self, lock: Lock) -> Path:
        return self.folder


def bench(folder: Path, said: str, *words: str) -> Ready:
    return Ready(
        command=Command(words=words, environment={}, folder=folder),
        folder=folder,
        platform=Platform.LINUX_64,
        supply=Supply(sources={}, environment={}),
        said=folder / said,
    )


def test_what_a_command_prints_is_kept(tmp_path: Path) -> None:
    result = bench(tmp_path, "log.out", sys.executable, "-c", "print('said'); exit(3)").run(lock({}))
    assert (result.status, (tmp_path / "log.out").read_text()) == (3, "said\n")


def refused(told: Ready) -> EnvlockError:
    with pytest.raises(EnvlockError) as caught:
        told.run(lock({}))
    return caught.value


def test_a_log_that_is_a_folder_is_no_missing_command(tmp_path: Path) -> None:
    (tmp_path / "log.out").mkdir()
    error = refused(bench(tmp_path, "log.out", sys.executable, "-c", ""))
    assert isinstance(error, DiskFailed)
    assert error.message == (
        f"what the command prints cannot be kept in `{tmp_path / 'log.out'}`: is a directory"
    )
    assert error.hint == "name another log: `--log FILE`"


def test_a_command_that_is_missing_is_one(tmp_path: Path) -> None:
    error = refused(bench(tmp_path, "log.out", "no-such-command"))
    assert isinstance(error, ToolMissing)
    assert error.message == "`no-such-command` cannot be started: no such file or directory"
    assert error.hint == "it is looked for in the environment's `bin`, then on PATH"
