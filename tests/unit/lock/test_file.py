"""The lockfile on disk: atomic, whatever happens to its writers."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.api import LockRequest, check
from envlock.errors import DiskFailed, LockfileInvalid
from envlock.lock import dumps, read_lock, write_lock
from envlock.lock.file import write_failed
from envlock.lock.model import Stack
from envlock.manifest import Platform
from envlock.stack import builds, driver_floor
from tests.support.unmeasured import unmeasured
from tests.unit.lock.values import lock, six, widgets
from tests.unit.lock.writers import LARGE, SMALL, either

ROOT = Path(__file__).parents[3]


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_written_once(tmp_path: Path) -> None:
    path = tmp_path / "envlock.lock"
    assert write_lock(path, lock(six())) is True
    assert path.read_bytes().decode() == dumps(lock(six()))
    assert read_lock(path) == lock(six())
    before = path.stat()
    assert write_lock(path, lock(six())) is False
    assert path.stat() == before
    assert write_lock(path, lock(six(), widgets())) is True
    assert only(tmp_path) == ["envlock.lock"]


def test_a_new_file_obeys_the_umask_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_lock(tmp_path / "new.lock", lock(six()))
    finally:
        os.umask(old)
    assert (tmp_path / "new.lock").stat().st_mode & 0o777 == 0o640
    (tmp_path / "new.lock").chmod(0o664)
    write_lock(tmp_path / "new.lock", lock())
    assert (tmp_path / "new.lock").stat().st_mode & 0o777 == 0o664


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "envlock.lock").symlink_to("real/my.lock")
    write_lock(tmp_path / "envlock.lock", lock(six()))
    assert (tmp_path / "envlock.lock").is_symlink()
    assert read_lock(tmp_path / "real" / "my.lock") == lock(six())


def refusal(path: Path) -> tuple[str, str | None, str | None]:
    with pytest.raises(DiskFailed) as caught:
        write_lock(path, lock(six()))
    assert caught.value.exit_status == 6
    return caught.value.message, caught.value.where, caught.value.hint


def test_no_such_folder(tmp_path: Path) -> None:
    path = tmp_path / "no" / "envlock.lock"
    assert refusal(path) == (
        "the lockfile cannot be written: no such file or directory",
        str(path),
        f"make the folder first: `mkdir -p {tmp_path / 'no'}`",
    )


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "envlock.lock").mkdir()
    message = "the lockfile cannot be written: not a regular file"
    assert refusal(tmp_path / "envlock.lock")[::2] == (message, "name another file: `envlock lock -o FILE`")
    assert only(tmp_path) == ["envlock.lock"]


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("fifo", "null"):
        message, _, hint = refusal(tmp_path / name)
        assert message == "the lockfile cannot be written: not a regular file"
        assert hint == "name another file: `envlock lock -o FILE`"
    assert Path("/dev/null").is_char_device()


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert refusal(tmp_path / "a")[2] == "name another file: `envlock lock -o FILE`"


@pytest.mark.skipif(os.geteuid() != 0, reason="root gives up its own rights to meet a folder without them")
def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "envlock.lock"
    os.seteuid(65534)
    try:
        found = refusal(path)
    finally:
        os.seteuid(0)
    assert found[0] == "the lockfile cannot be written: permission denied"
    assert found[2] == "make the folder writable, or name another file: `envlock lock -o FILE`"


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A real limit of the kernel: writing past it fails as a full disk does, with a part written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "envlock.lock"
    write_lock(path, SMALL)
    with no_file_larger_than(4096), pytest.raises(DiskFailed) as caught:
        write_lock(path, LARGE)
    assert caught.value.message == "the lockfile cannot be written: file too large"
    assert (read_lock(path), only(tmp_path)) == (SMALL, ["envlock.lock"])


def test_a_full_disk(tmp_path: Path) -> None:
    """The error that a real full device gives, as it is told."""
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(OSError, match="No space") as caught,
    ):
        full.write(b"x")
    failed = write_failed(tmp_path / "envlock.lock", caught.value)
    assert failed.message == "the lockfile cannot be written: no space left on device"
    assert failed.hint == "free some space where `envlock.lock` lies; the old file stands as it was"


def start_writer(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.unit.lock.writers", str(path)], cwd=ROOT)


def wait_until_written(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, "the writer never wrote"
        time.sleep(0.01)


def read_until_both_are_seen(path: Path) -> set[int]:
    """Sizes of the locks that were read, at least sixty times; each read is a whole lock or a failure."""
    deadline, seen = time.monotonic() + 20, list[int]()
    while len(seen) < 60 or (len(set(seen)) < 2 and time.monotonic() < deadline):
        seen.append(len(read_lock(path).distributions))
    return set(seen)


@pytest.mark.slow
def test_two_writers_and_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "envlock.lock"
    writers = [start_writer(path) for _ in range(2)]
    try:
        wait_until_written(path)
        seen = read_until_both_are_seen(path)
        assert all(writer.poll() is None for writer in writers)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert seen == {1, 1000}
    assert either(read_lock(path))


@pytest.mark.slow
def test_killed_while_writing(tmp_path: Path) -> None:
    """Fifty writers killed in their work: `writers` says after each whether the file is whole."""
    path = tmp_path / "envlock.lock"
    command = [sys.executable, "-m", "tests.unit.lock.writers", str(path), "50"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=unmeasured())
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "50 killed\n")
    assert len(only(tmp_path)) > 1, "no writer was met in its work: the test shows nothing"
    write_lock(path, SMALL)
    assert read_lock(path) == SMALL


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    old, young, other = (
        tmp_path / name for name in (".x.lock.1-a.tmp", ".x.lock.2-b.tmp", ".y.lock.3-c.tmp")
    )
    for leftover in (old, young, other):
        leftover.write_text("half")
    for leftover in (old, other):
        os.utime(leftover, (0, 0))
    write_lock(tmp_path / "x.lock", lock(six()))
    assert only(tmp_path) == [".x.lock.2-b.tmp", ".y.lock.3-c.tmp", "x.lock"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "envlock.lock"
    with pytest.raises(LockfileInvalid) as caught:
        read_lock(path)
    assert (caught.value.message, caught.value.where) == ("there is no lockfile", str(path))
    assert (caught.value.hint, caught.value.exit_status) == ("`envlock lock` makes it", 3)
    path.mkdir()
    with pytest.raises(LockfileInvalid) as caught:
        read_lock(path)
    assert caught.value.message == "the lockfile cannot be read: is a directory"
    path.rmdir()
    path.write_bytes(b"version = 1\n\xff")
    with pytest.raises(LockfileInvalid) as caught:
        read_lock(path)
    assert caught.value.message == "the lockfile is not UTF-8 (byte 12)"


def test_every_driver_that_a_lock_can_name_is_read_again(tmp_path: Path) -> None:
    """CUDA 13 needs driver `580`, a branch without a patch: it was written and then refused."""
    found = {driver_floor(build.cuda, Platform.LINUX_64) for build in builds()} - {None}
    assert "580" in found
    for driver in sorted(map(str, found)):
        with_driver = replace(lock(six()), stack={"linux-64": Stack(torch="2.13.0", driver=driver)})
        write_lock(tmp_path / "envlock.lock", with_driver)
        assert read_lock(tmp_path / "envlock.lock") == with_driver


def test_the_torch_variant_of_the_example_is_locked() -> None:
    example = ROOT / "examples" / "mnist-receipt"
    request = LockRequest(project=example, variant="torch")
    assert check(request, environment={}) == ()
    assert read_lock(example / "envlock.torch.lock").stack["linux-64"].torch == "2.13.0"
