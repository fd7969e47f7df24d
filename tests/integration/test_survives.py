"""What is left where the disk is full or cannot be written, where many write at once, where the clock was
set back, and where the index dies half-way: the old state or the new one, and an error that says which."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from benchmarks.kills.proof import cache_faults, layout_faults, leftovers
from envlock import api
from envlock.agent.facts import Facts
from envlock.agent.warm import load
from envlock.errors import DiskFailed, SourceFailed
from envlock.lock import read_lock, write_lock
from envlock.observe import LocalTarget, observe_local
from tests.support.environments import SERIES
from tests.support.images import tiny_base
from tests.support.index import Fault, LocalIndex, Reset, Status, Truncate
from tests.support.wheels import make_wheel

THING = make_wheel(
    "thing",
    "1.0",
    files={"thing/__init__.py": b"x = 1\n", "thing/big.bin": Random(1).randbytes(500_000)},
    requires=["other"],
)
OTHER = make_wheel("other", "2.0", files={"other.py": b"x = 2\n"})
OLD = b"the old lockfile\n"


@dataclass(kw_only=True)
class Desk:
    folder: Path
    index: LocalIndex
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def lockfile(self) -> Path:
        return self.folder / "envlock.lock"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def lock(self, output: Path | None = None, cache: Path | None = None) -> api.LockResult:
        request = api.LockRequest(project=self.folder, output=output, cache=cache or self.cache)
        return api.lock(request, environment=self.environment)

    def build(self, output: Path, cache: Path | None = None) -> api.OciResult:
        order = api.OciOrder(
            lock=self.lockfile,
            environment=self.environment,
            cache=cache or self.cache,
            output=output,
        )
        return api.build_oci(order)

    def bundle(self, output: Path) -> api.BundleResult:
        order = api.BundleOrder(
            lock=self.lockfile, environment=self.environment, cache=self.cache, output=output
        )
        return api.bundle(order)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {**self.environment, "ENVLOCK_CACHE_DIR": str(self.cache)}
        return subprocess.Popen([sys.executable, "-m", "envlock", *words], cwd=self.folder, env=environment)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with LocalIndex() as index:
        index.add(THING)
        index.add(OTHER)
        folder = tmp_path / "project"
        tiny_base(folder / "base", python=f"{SERIES}.9")
        (folder / "envlock.toml").write_text(
            f'python = "{SERIES}"\nrequirements = ["thing"]\n[image]\nbase = "oci:base"\n'
            f'[sources]\ndefault = "{index.url}"\n'
        )
        yield Desk(folder=folder, index=index)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0


def forbid(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


# The disk


def test_a_lock_on_a_full_disk_stays_the_old_one(desk: Desk, disk: Path) -> None:
    (disk / "envlock.lock").write_bytes(OLD)
    desk.lock()
    (disk / "envlock.lock").write_bytes(desk.lockfile.read_bytes().replace(b"thing", b"thong"))
    before = (disk / "envlock.lock").read_bytes()
    fill(disk)
    with pytest.raises(DiskFailed) as caught:
        write_lock(disk / "envlock.lock", read_lock(desk.lockfile))
    assert caught.value.message == "the lockfile cannot be written: no space left on device"
    assert (disk / "envlock.lock").read_bytes() == before
    assert sorted(path.name for path in disk.iterdir()) == ["envlock.lock", "filling"]


def test_an_image_on_a_full_disk_is_not_there(desk: Desk, disk: Path) -> None:
    desk.lock()
    for output in (disk / "image", disk / "image.tar"):
        with pytest.raises(DiskFailed) as caught:
            desk.build(output)
        assert caught.value.message == "cannot write the image: no space left on device"
        assert (caught.value.exit_status, caught.value.where) == (6, str(output))
        assert list(disk.iterdir()) == []


def test_a_bundle_on_a_full_disk_is_not_there(desk: Desk, disk: Path) -> None:
    desk.lock()
    for output in (disk / "bundle", disk / "bundle.tar"):
        with pytest.raises(DiskFailed) as caught:
            desk.bundle(output)
        assert caught.value.message.startswith("there is no room for ")
        assert list(disk.iterdir()) == []


def test_a_cache_on_a_full_disk_costs_time_and_no_lock(desk: Desk, disk: Path) -> None:
    fill(disk)
    desk.lock(cache=disk)
    locked = desk.lockfile.read_bytes()
    desk.lockfile.unlink()
    desk.lock()
    assert desk.lockfile.read_bytes() == locked
    with pytest.raises(DiskFailed) as caught:
        desk.build(desk.folder / "image", cache=disk)
    assert caught.value.message.endswith(": no space left on device")
    assert caught.value.hint == "free some space, or let ENVLOCK_CACHE_DIR name another folder"
    assert not (desk.folder / "image").exists()
    empty = [path for path in disk.rglob("*") if path.is_file() and path.name != "filling"]
    assert all(path.suffix == ".part" and path.stat().st_size == 0 for path in empty)


def test_a_wheel_that_fills_the_disk_of_the_cache(desk: Desk, disk: Path) -> None:
    """What had come stays, to go on from; it is no wheel."""
    desk.lock()
    with pytest.raises(DiskFailed) as caught:
        desk.build(desk.folder / "image", cache=disk)
    assert caught.value.message == f"cannot keep `{THING.filename}`: no space left on device"
    assert list(cache_faults(disk)) == []
    assert not list(disk.rglob(f"{THING.sha256}.whl"))
    assert leftovers(desk.folder) == []


def test_a_cache_that_cannot_be_written(desk: Desk, disk: Path) -> None:
    forbid(disk)
    desk.lock(cache=disk)
    with pytest.raises(DiskFailed) as caught:
        desk.build(desk.folder / "image", cache=disk)
    assert caught.value.message.endswith(": read-only file system")
    assert leftovers(desk.folder) == []
    desk.build(desk.folder / "image")


def test_a_project_that_cannot_be_written(desk: Desk, disk: Path) -> None:
    (disk / "envlock.lock").write_bytes(OLD)
    desk.lock()
    forbid(disk)
    with pytest.raises(DiskFailed) as caught:
        write_lock(disk / "envlock.lock", read_lock(desk.lockfile))
    assert caught.value.message == "the lockfile cannot be written: read-only file system"
    for output in (disk / "image", disk / "image.tar"):
        with pytest.raises(DiskFailed) as caught:
            desk.build(output)
        assert caught.value.message == "cannot write the image: read-only file system"
    with pytest.raises(DiskFailed):
        desk.bundle(disk / "bundle.tar")
    assert (disk / "envlock.lock").read_bytes() == OLD
    assert [path.name for path in disk.iterdir()] == ["envlock.lock"]


# Many at once


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 20])
def test_many_lock_at_once_with_one_cold_cache(desk: Desk, number: int) -> None:
    desk.lock(cache=desk.folder / "another")
    alone = desk.lockfile.read_bytes()
    desk.lockfile.unlink()
    processes = [desk.start("lock", "-q") for _ in range(number)]
    assert [process.wait(300) for process in processes] == [0] * number
    assert desk.lockfile.read_bytes() == alone
    assert list(cache_faults(desk.cache)) == []
    assert leftovers(desk.folder) == []


@pytest.mark.parametrize("number", [2, 20])
def test_many_build_at_once_into_one_place_with_one_cold_cache(desk: Desk, number: int) -> None:
    desk.lock()
    desk.index.forget()
    image = desk.folder / "image"
    with ThreadPoolExecutor(number) as pool:
        results = list(pool.map(lambda _: desk.build(image), range(number)))
    assert len({result.built.manifest for result in results}) == 1
    assert list(layout_faults(image)) == []
    assert list(cache_faults(desk.cache)) == []
    assert leftovers(desk.folder) == []
    assert len(desk.index.requests(f"*/{OTHER.filename}")) == 1, "the wheel was fetched once"


# The index


DEATHS: list[Fault] = [Truncate(at=40), Reset(), Status(code=503)]


@pytest.mark.slow
@pytest.mark.parametrize("death", DEATHS, ids=lambda fault: type(fault).__name__)
def test_an_index_that_dies_half_way_leaves_the_old_lock(desk: Desk, death: Fault) -> None:
    desk.lock()
    old = desk.lockfile.read_bytes()
    newer = make_wheel("other", "3.0", files={"other.py": b"x = 3\n"})
    desk.index.add(newer)
    manifest = desk.folder / "envlock.toml"
    manifest.write_text(manifest.read_text().replace('["thing"]', '["thing", "other==3.0"]'))
    for number in range(3):  # the pages, the metadata, the wheel
        desk.index.heal()
        desk.index.fault("*other*", death, skip=number)
        desk.environment["UV_HTTP_RETRIES"] = "0"
        with pytest.raises(SourceFailed) as caught:
            desk.lock()
        assert (caught.value.exit_status, bool(caught.value.message)) == (5, True)
        assert desk.lockfile.read_bytes() == old
        assert leftovers(desk.folder) == []
        assert list(cache_faults(desk.cache)) == []
    desk.index.heal()
    assert desk.lock().changed


@pytest.mark.slow
@pytest.mark.parametrize("death", DEATHS, ids=lambda fault: type(fault).__name__)
def test_an_index_that_dies_half_way_leaves_the_old_image(desk: Desk, death: Fault) -> None:
    desk.lock()
    built = desk.build(desk.folder / "image").built
    for wheel in desk.cache.rglob("*.whl"):
        wheel.unlink()
    desk.index.fault("*/thing*.whl", death)
    for make in (lambda: desk.build(desk.folder / "image"), lambda: desk.bundle(desk.folder / "bundle.tar")):
        with pytest.raises(SourceFailed) as caught:
            make()
        assert (caught.value.exit_status, bool(caught.value.hint)) == (5, True)
        assert list(layout_faults(desk.folder / "image")) == []
        assert not (desk.folder / "bundle.tar").exists()
        assert leftovers(desk.folder / "base", desk.folder / "image") == []
        assert list(cache_faults(desk.cache)) == []
    desk.index.heal()
    assert desk.build(desk.folder / "image").built == built
    desk.bundle(desk.folder / "bundle.tar")
    assert leftovers(desk.folder) == []


# The clock, and what `verify` keeps


def look(prefix: Path, cache: Path) -> Facts:
    return observe_local(LocalTarget(prefix=prefix, level="warm", environment={}, cache=cache))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A virtual environment with one module."""
    made = tmp_path / "venv"
    venv.create(made, symlinks=True)
    module = made / f"lib/python{SERIES}/site-packages/other.py"
    module.write_bytes(b"x = 2\n")
    info = module.with_name("other-2.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 2.0\n")
    (info / "RECORD").write_text("other.py,,\nother-2.0.dist-info/METADATA,,\nother-2.0.dist-info/RECORD,,\n")
    return made


def test_a_clock_set_back_during_a_pass_makes_nothing_trusted(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock at its start the files were old; a change after the step may get the very times that they
    had, and was not seen."""
    steps, now = iter([10**12]), time.time_ns
    monkeypatch.setattr(
        "envlock.agent.survey.time", SimpleNamespace(time=time.time, time_ns=lambda: now() + next(steps, 0))
    )
    look(prefix, tmp_path / "cache")
    (rows,) = (tmp_path / "cache/warm").iterdir()
    kept = load(str(rows))
    assert kept is not None
    assert str(prefix / f"lib/python{SERIES}/site-packages/other.py") in kept.changed()


@pytest.mark.parametrize("number", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_many_look_at_once_with_one_cache(prefix: Path, tmp_path: Path, number: int) -> None:
    """Each sees the whole of it, and what is kept is one whole pass."""
    alone = look(prefix, tmp_path / "another")["distributions"]
    with ThreadPoolExecutor(number) as pool:
        found = list(pool.map(lambda _: look(prefix, tmp_path / "cache")["distributions"], range(number)))
    assert all(each == alone for each in found)
    (rows,) = (tmp_path / "cache/warm").iterdir()
    assert load(str(rows)) is not None


def test_a_cache_of_verify_that_cannot_be_written_costs_time_only(prefix: Path, disk: Path) -> None:
    fill(disk)
    full = look(prefix, disk)
    forbid(disk)
    assert look(prefix, disk)["distributions"] == full["distributions"]
    assert [path.name for path in disk.rglob("*") if path.is_file()] == ["filling"]
