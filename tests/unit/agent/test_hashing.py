"""Files are hashed as they are, whole and once more where they change meanwhile (IDENTITY 2.4)."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from envlock.agent.hashing import (
    BUFFER_BYTES,
    Hashed,
    Job,
    Row,
    cores,
    hash_all,
    row_of,
    stat_row,
    without_waiting,
)

EMPTY = hashlib.sha256(b"").hexdigest()
CHANGED = Hashed("", False, None, "the file changed while it was read")


def job(
    path: Path, content: bytes, algorithm: str = "sha256", normalize: Callable[[bytes], bytes] | None = None
) -> Job:
    path.write_bytes(content)
    return Job(str(path), len(content), algorithm, normalize)


def one(asked: Job) -> Hashed:
    found = hash_all([asked], 1)
    assert list(found) == [(asked.path, asked.algorithm)]
    return found[asked.path, asked.algorithm]


def hashed(path: Path, content: bytes, algorithm: str = "sha256") -> Hashed:
    hexdigest = hashlib.new(algorithm, content).hexdigest()
    return Hashed(hexdigest, content[:4] == b"\x7fELF", stat_row(str(path)))


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        b"\x7fEL",
        b"\x7fELG rest",
        b"\x7fELF" + bytes(5),
        b"#!/bin/sh\n",
        bytes(BUFFER_BYTES),
        bytes(BUFFER_BYTES) + b"1",
        bytes(BUFFER_BYTES) + b"1" * BUFFER_BYTES + b"2",
    ],
    ids=["empty", "magic", "short", "other", "elf", "script", "buffer", "buffer+1", "buffers"],
)
def test_a_file_is_hashed_whole(tmp_path: Path, content: bytes, algorithm: str) -> None:
    path = tmp_path / "file"
    assert one(job(path, content, algorithm)) == hashed(path, content, algorithm)


def test_the_hash_is_the_one_that_others_compute(tmp_path: Path) -> None:
    assert one(job(tmp_path / "abc", b"abc")).hex == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_nothing_is_left_of_the_file_before(tmp_path: Path) -> None:
    """One buffer serves all: the larger file is read first."""
    for start in (b"\x7fELF", b"#!/b"):
        asked = [
            job(tmp_path / "large", start * 2),
            job(tmp_path / "small", start[:1], normalize=lambda _: b"other"),
            job(tmp_path / "empty", b"", normalize=lambda _: b"other"),
        ]
        assert hash_all(asked, 1) == {
            (str(tmp_path / "large"), "sha256"): hashed(tmp_path / "large", start * 2),
            (str(tmp_path / "small"), "sha256"): hashed(tmp_path / "small", start[:1]),
            (str(tmp_path / "empty"), "sha256"): hashed(tmp_path / "empty", b""),
        }


@pytest.mark.parametrize("rest", [0, 1, BUFFER_BYTES, (2 << 20) + 1])
def test_a_script_is_hashed_as_it_counts(tmp_path: Path, rest: int) -> None:
    path, content = tmp_path / "script", b"#!/env/bin/python\n" + b"x" * rest
    given: list[bytes] = []

    def normalize(text: bytes) -> bytes:
        given.append(text)
        return b"#!python\n" + text.partition(b"\n")[2]

    counted = hashed(path, b"#!python\n" + b"x" * rest)._replace(row=None)
    assert one(job(path, content, normalize=normalize)) == counted._replace(row=stat_row(str(path)))
    assert given == [content]


@pytest.mark.parametrize("content", [b"", b"#", b"# !", b"\x7fELF", b"print()"])
def test_what_is_no_script_is_hashed_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "script"
    assert one(job(path, content, normalize=lambda _: b"other")) == hashed(path, content)


def test_what_cannot_be_read_has_the_reason_and_no_hash(tmp_path: Path) -> None:
    assert hash_all([Job(str(tmp_path), 0), Job(str(tmp_path / "none"), 7)], 1) == {
        (str(tmp_path), "sha256"): Hashed("", False, None, "Is a directory"),
        (str(tmp_path / "none"), "sha256"): Hashed("", False, None, "No such file or directory"),
    }


def test_nobody_waits_for_a_pipe_or_reads_a_device(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    jobs = [Job(str(tmp_path / name), 0) for name in ("pipe", "link")]
    fault = Hashed("", False, None, "not a regular file")
    assert hash_all(jobs, 1) == {(job.path, "sha256"): fault for job in jobs}
    assert os.listdir("/proc/self/fd") == before
    for job in jobs:
        with (
            pytest.raises(OSError, match="not a regular file") as caught,
            open(job.path, opener=without_waiting),
        ):
            pass
        assert str(caught.value) == f"[Errno 22] not a regular file: '{job.path}'"


@pytest.mark.parametrize(("changes", "is_hashed"), [(1, True), (2, False)])
def test_a_file_that_changes_is_read_once_more(tmp_path: Path, changes: int, is_hashed: bool) -> None:
    path, left = tmp_path / "script", [changes]

    def grows(text: bytes) -> bytes:
        if left[0]:
            left[0] -= 1
            path.write_bytes(text + b"!")
        return text

    found = one(job(path, b"#!", normalize=grows))
    assert found == (hashed(path, b"#!!") if is_hashed else CHANGED)
    assert (left, path.read_bytes()) == ([0], b"#!" + b"!" * changes)


def test_the_biggest_files_are_first(tmp_path: Path) -> None:
    order: list[int] = []

    def seen(text: bytes) -> bytes:
        order.append(len(text))
        return text

    hash_all([job(tmp_path / str(9 - n), b"#!" + b"x" * n, normalize=seen) for n in (3, 9, 1, 5)], 1)
    assert order == [11, 7, 5, 3]


@pytest.mark.parametrize(("threads", "expected"), [(1, 1), (3, 3), (None, 2)])
def test_so_many_threads_hash(
    tmp_path: Path, threads: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is held until all have a file, and nobody else may have one."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5}, raising=False)
    together, before, counts = threading.Barrier(expected), threading.active_count(), []

    def waits(text: bytes) -> bytes:
        together.wait(5)
        counts.append(threading.active_count() - before + 1)
        together.wait(5)
        return text

    asked = [job(tmp_path / str(number), b"#!", normalize=waits) for number in range(expected)]
    assert len(hash_all(asked, threads)) == expected
    assert counts == [expected] * expected
    assert threading.active_count() == before


@pytest.mark.skipif(sys.platform != "linux", reason="its list of open files")
def test_files_are_closed(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    hash_all([job(tmp_path / "file", b"x"), Job(str(tmp_path), 0)], 1)
    assert os.listdir("/proc/self/fd") == before


def test_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", {0: {1, 4, 5}}.__getitem__, raising=False)
    assert cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert cores() == 7
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert cores() == 1


def test_a_row_is_what_a_stat_says(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"12345")
    path.chmod(0o741)
    os.utime(path, ns=(1_000_000_007, 2_000_000_009))
    link.symlink_to(path)
    status = path.stat()
    row = Row(5, 2_000_000_009, status.st_ctime_ns, status.st_ino, status.st_dev, 0o100741)
    assert (row_of(status), stat_row(str(link))) == (row, row)
    assert stat_row(str(tmp_path / "none")) is None
