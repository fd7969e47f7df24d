"""`sync` and `repair` with the real uv, on a local index that fails where it is told to."""

from __future__ import annotations

import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from envlock.agent.facts import Facts
from envlock.agent.target import Answers
from envlock.errors import (
    DiskFailed,
    EnvlockError,
    GoneFromIndex,
    HashMismatch,
    IndexFailed,
    NoInterpreter,
    NoWheel,
    RecordLies,
    UsageFault,
)
from envlock.install.model import Kind, Repaired, RepairRequest, RepairResult, Supply, SyncRequest, SyncResult
from envlock.install.proof import prove_records
from envlock.install.repair import repair
from envlock.install.roots import observe_roots
from envlock.install.venv import sync
from envlock.lock.file import write_lock
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.observe import LocalTarget, expectation_of, observe_local
from envlock.report import Report, Verdict
from envlock.resolve.uv import find_uv, typed_uv
from envlock.resolve.wheels.entries import EntryCache
from envlock.verify import Judgement, judge
from tests.support.environments import SERIES, flip_byte, lock_of, replace_file, uv
from tests.support.index import Drip, Fault, LocalIndex, NoRanges, OtherBytes, Reset, Status, Truncate
from tests.support.wheels import Wheel, ghost, make_wheel

LINUX = Platform.LINUX_64
BIG = Random(1).randbytes(400_000)


def demo(version: str = "1.0") -> Wheel:
    """A file of each place, a generated script, and enough bytes that ranges pay."""
    return make_wheel(
        "demo",
        version,
        files={
            "demo/__init__.py": f"VALUE = {version}\n".encode(),
            "demo/core.py": b"def main() -> None:\n    print('core')\n",
            "demo/big.so": b"\x7fELF" + BIG,
            "demo/tool.sh": b"#!/bin/sh\n",
            "{data}/scripts/demo-tool": b"#!python\nprint('tool')\n",
            "{data}/data/share/demo/table.txt": b"1 2 3\n",
            "{data}/headers/demo.h": b"#define DEMO 1\n",
        },
        entry_points="[console_scripts]\ndemo = demo.core:main\n",
        executable=["demo/tool.sh"],
    )


def six(version: str = "1.17.0", content: bytes = b"def add():\n    return 1\n") -> Wheel:
    return make_wheel("six", version, files={"six.py": content})


def another_of_one_size(wheel: Wheel) -> Wheel:
    """Another six of as many bytes: only the hash tells the two apart."""
    others = (six(content=f"def add():\n    return {number}\n".encode()) for number in range(2, 99))
    return next(other for other in others if other.size == wheel.size)


@dataclass(kw_only=True)
class Host:
    """A lock, an index that has its wheels, a cache of uv and one of envlock, and a venv to be."""

    root: Path
    index: LocalIndex
    lock: Lock

    @property
    def venv(self) -> Path:
        return self.root / "env"

    @property
    def site(self) -> Path:
        return self.venv / "lib" / f"python{SERIES}" / "site-packages"

    @property
    def info(self) -> Path:
        return self.site / "demo-1.0.dist-info"

    @property
    def entries(self) -> EntryCache:
        return EntryCache(directory=self.root / "envlock-cache")

    @property
    def uv_cache(self) -> Path:
        return self.root / "uv-cache"

    @property
    def environment(self) -> Mapping[str, str]:
        own = {"UV_CACHE_DIR": str(self.uv_cache), "UV_HTTP_RETRIES": "0", "UV_LINK_MODE": "hardlink"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
        return {**kept, **own}

    @property
    def supply(self) -> Supply:
        return Supply(sources={"default": self.index.url}, environment=self.environment)

    def request(self) -> SyncRequest:
        return SyncRequest(
            lock=self.lock,
            platform=LINUX,
            venv=self.venv,
            supply=self.supply,
            cache=self.entries,
            python=sys.executable,
        )

    def sync(self) -> SyncResult:
        return sync(self.request())

    def facts(self) -> Facts:
        expectation = expectation_of(self.lock, LINUX)
        target = LocalTarget(prefix=self.venv, level="content", environment={}, expectation=expectation)
        return observe_local(target)

    def verify(self) -> Report:
        return judge(self.lock, self.facts(), Judgement(platform=LINUX, entries=self.entries.entries))

    def repair_request(self) -> RepairRequest:
        return RepairRequest(
            lock=self.lock,
            platform=LINUX,
            venv=self.venv,
            facts=self.facts(),
            supply=self.supply,
            cache=self.entries,
        )

    def repair(self) -> RepairResult:
        return repair(self.repair_request())

    def paths(self, result: RepairResult) -> list[tuple[Kind, str]]:
        site = f"{self.site.relative_to(self.venv)}/"
        return sorted((each.kind, each.path.replace(site, "")) for each in result.repaired)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Nothing installed yet; demo and six are locked and published."""
    wheels = [demo(), six()]
    with LocalIndex() as index:
        for wheel in wheels:
            index.add(wheel)
        yield Host(root=tmp_path, index=index, lock=lock_of(wheels, tmp_path / "wheels"))


@pytest.fixture
def synced(host: Host) -> Host:
    host.sync()
    assert host.verify().verdict is Verdict.MATCH
    host.index.forget()
    return host


def inodes(folder: Path) -> dict[str, tuple[int, int]]:
    """What each file is: a write in place or a new inode changes it."""
    rows = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        rows[str(path.relative_to(folder))] = (status.st_ino, status.st_mtime_ns)
    return {path: row for path, row in rows.items() if not (folder / path).is_dir()}


def poison(path: Path, content: bytes) -> None:
    """Write in place, as a careless editor does: every link of the inode changes."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate(len(content))


# Sync


def test_a_new_environment_is_what_the_lock_says(host: Host) -> None:
    result = host.sync()
    assert result.created
    assert result.installed == ("demo==1.0", "six==1.17.0")
    assert (result.removed, result.differing) == ((), ())
    assert result.python.startswith(f"{SERIES}.")
    assert host.verify().verdict is Verdict.MATCH
    for _, wheel in host.lock.on(LINUX):
        assert host.entries.entries(wheel.digest) is not None


def test_what_is_there_already_needs_no_network(synced: Host) -> None:
    before = inodes(synced.venv)
    result = synced.sync()
    assert (result.created, result.installed, result.removed) == (False, (), ())
    assert synced.index.log == ()
    assert inodes(synced.venv) == before


def test_wheels_in_uvs_cache_are_not_fetched_again(synced: Host) -> None:
    """Though the index says nothing of how long they may be kept."""
    shutil.rmtree(synced.venv)
    assert synced.sync().installed == ("demo==1.0", "six==1.17.0")
    assert synced.index.requests("*.whl") == ()
    assert synced.verify().verdict is Verdict.MATCH


def test_another_wheel_of_the_name_in_uvs_cache_is_not_taken(synced: Host) -> None:
    shutil.rmtree(synced.venv)
    other = six(content=b"def add():\n    return 3\n")
    synced.index.add(other)
    synced.lock = lock_of([demo(), other], synced.root / "wheels")
    synced.sync()
    assert [request.path for request in synced.index.requests("*.whl")] == [f"/files/simple/{other.filename}"]
    assert synced.verify().verdict is Verdict.MATCH


def test_what_is_there_already_is_looked_at_once(synced: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entry lists are kept all the same."""
    looks: list[Path] = []

    def counted(venv: Path, lock: Lock, platform: str, answers: Answers) -> Facts:
        looks.append(venv)
        return observe_roots(venv, lock, platform, answers)

    monkeypatch.setattr("envlock.install.venv.observe_roots", counted)
    shutil.rmtree(synced.entries.directory)
    result = synced.sync()
    assert (looks, result.installed, result.differing) == ([synced.venv], (), ())
    assert all(synced.entries.entries(wheel.digest) is not None for _, wheel in synced.lock.on(LINUX))


def test_other_versions_are_exchanged_and_strangers_removed(synced: Host) -> None:
    stranger = make_wheel("stranger", "3", files={"stranger.py": b""}).write(synced.root)
    uv("pip", "install", "--python", synced.venv / "bin/python", "--no-index", stranger)
    newer = six("1.18.0")
    synced.index.add(newer)
    synced.lock = lock_of([demo(), newer], synced.root / "wheels")
    result = synced.sync()
    assert result.installed == ("six==1.18.0",)
    assert result.removed == ("six==1.17.0", "stranger==3")
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_another_build_of_the_same_version_is_exchanged(synced: Host) -> None:
    """uv compares names and versions; triton has one version with two contents (pytorch#195141)."""
    other = six(content=b"def add():\n    return 2\n")
    synced.index.add(other)
    synced.lock = lock_of([demo(), other], synced.root / "wheels")
    result = synced.sync()
    assert result.installed == ("six==1.17.0",)
    assert synced.verify().verdict is Verdict.MATCH


def test_the_project_itself_stays(synced: Host) -> None:
    project = make_wheel("mine", "0", files={"mine.py": b""}).write(synced.root)
    stranger = make_wheel("stranger", "3", files={"stranger.py": b""}).write(synced.root)
    uv("pip", "install", "--python", synced.venv / "bin/python", "--no-index", project, stranger)
    synced.lock = replace(synced.lock, project="mine")
    assert synced.sync().removed == ("stranger==3",)
    assert (synced.site / "mine.py").exists()
    assert not (synced.site / "stranger.py").exists()


def test_a_wheelhouse_needs_no_network(host: Host) -> None:
    request = host.request()
    sync(replace(request, supply=replace(host.supply, wheelhouse=host.root / "wheels")))
    assert host.index.log == ()
    assert host.verify().verdict is Verdict.MATCH


def test_a_wheelhouse_without_a_locked_wheel(host: Host) -> None:
    house = host.root / "wheels"
    (house / "six-1.17.0-py3-none-any.whl").unlink()
    with pytest.raises(GoneFromIndex) as caught:
        sync(replace(host.request(), supply=replace(host.supply, wheelhouse=house)))
    assert caught.value.message == f"`six-1.17.0-py3-none-any.whl` is not in the wheelhouse `{house}`"
    assert not host.venv.exists()


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_is_no_environment_is_not_touched(host: Host, kind: str) -> None:
    if kind == "folder":
        (host.venv / "results").mkdir(parents=True)
    elif kind == "file":
        host.venv.write_text("results")
    else:
        host.venv.symlink_to("nowhere")
    before = inodes(host.root)
    with pytest.raises(UsageFault) as caught:
        host.sync()
    assert caught.value.message == f"`{host.venv}` is there and is not a virtual environment"
    assert caught.value.hint == "name another directory: `envlock sync --venv DIR`"
    assert inodes(host.root) == before
    assert host.index.log == ()


def test_an_environment_of_another_python_is_not_touched(synced: Host) -> None:
    major, minor = (int(part) for part in SERIES.split("."))
    other = f"{major}.{minor - 1}"
    synced.lock = replace(synced.lock, python=other)
    before = inodes(synced.venv)
    with pytest.raises(NoInterpreter) as caught:
        synced.sync()
    full = ".".join(map(str, sys.version_info[:3]))
    assert caught.value.message == (
        f"`{synced.venv}` has cpython {full}, the lock is for cpython {other} on linux-64"
    )
    assert caught.value.hint == (
        f"remove `{synced.venv}`, or make another one beside it: `envlock sync --venv DIR`"
    )
    assert ("version", f"{SERIES} instead of {other}") in caught.value.facts
    assert inodes(synced.venv) == before


def test_an_environment_whose_python_is_gone(synced: Host) -> None:
    (synced.venv / "bin/python").unlink()
    (synced.venv / "bin/python").symlink_to("nowhere/python")
    config = synced.venv / "pyvenv.cfg"
    config.write_text(config.read_text().replace("home = /", "home = /nowhere/"))
    with pytest.raises(NoInterpreter) as caught:
        synced.sync()
    assert caught.value.message == f"the Python of `{synced.venv}` does not start: there is no bin/python"
    assert caught.value.hint == f"remove `{synced.venv}` and run `envlock sync` again"


def test_a_folder_that_cannot_be_written_is_named(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DiskFailed) as caught:
        sync(replace(host.request(), venv=tmp_path / "file" / "env"))
    assert caught.value.message == f"cannot write `{tmp_path / 'file'}`: file exists"
    assert (
        caught.value.hint
        == "make the folder writable, or name another environment: `envlock sync --venv DIR`"
    )


def test_no_such_interpreter(host: Host) -> None:
    with pytest.raises(NoInterpreter) as caught:
        sync(replace(host.request(), python="/nowhere/python"))
    assert caught.value.message == "there is no interpreter `/nowhere/python` on this host"
    assert caught.value.hint == (
        f"install one (`{typed_uv(os.environ)} python install {SERIES}`), "
        "name one (`envlock sync --python PATH`), or lock for one that is here: `python` in the manifest"
    )
    assert not host.venv.exists()


def test_an_interpreter_of_another_series_is_named(host: Host) -> None:
    major, minor = (int(part) for part in SERIES.split("."))
    host.lock = replace(host.lock, python=f"{major}.{minor - 1}")
    with pytest.raises(NoInterpreter) as caught:
        host.sync()
    assert caught.value.hint == f"name a Python {major}.{minor - 1}: `envlock sync --python PATH`"
    assert not host.venv.exists()


def test_no_interpreter_of_that_patch(host: Host) -> None:
    host.lock = replace(host.lock, python=f"{SERIES}.99", python_exact=f"{SERIES}.99")
    with pytest.raises(NoInterpreter) as caught:
        sync(replace(host.request(), python=None))
    assert caught.value.message == f"there is no Python {SERIES}.99 on this host"
    assert caught.value.exit_status == 6


def test_an_interpreter_that_does_not_fit_leaves_nothing(host: Host) -> None:
    host.lock = replace(host.lock, python=f"{SERIES}.99", python_exact=f"{SERIES}.99")
    with pytest.raises(NoInterpreter) as caught:
        host.sync()
    assert caught.value.message.endswith(f"the lock is for cpython {SERIES}.99 on linux-64")
    assert not host.venv.exists()


def test_a_lock_for_other_platforms(host: Host) -> None:
    with pytest.raises(NoWheel) as caught:
        sync(replace(host.request(), platform=Platform.OSX_ARM64))
    assert caught.value.message == "the lock is not for osx-arm64"


FAILURES: list[tuple[Fault, type[EnvlockError]]] = [
    (Status(code=404), IndexFailed),
    (Status(code=500), IndexFailed),
    (Reset(), IndexFailed),
    (Truncate(at=200), IndexFailed),
    (OtherBytes(content=six(content=b"def add():\n    return 1.5\n").content), HashMismatch),  # another size
    (OtherBytes(content=another_of_one_size(six()).content), HashMismatch),
    (OtherBytes(content=b"no wheel"), IndexFailed),
]


@pytest.mark.parametrize(
    ("fault", "error"), FAILURES, ids=lambda value: getattr(value, "__name__", str(value))[:14]
)
def test_an_index_that_fails_leaves_nothing_new(host: Host, fault: Fault, error: type[EnvlockError]) -> None:
    host.index.fault("*/six-*.whl", fault)
    with pytest.raises(error) as caught:
        host.sync()
    assert type(caught.value) is error
    assert caught.value.exit_status == 5
    assert "six" in caught.value.message
    assert caught.value.hint
    assert not host.venv.exists()
    host.index.heal()
    assert host.sync().created


def test_an_index_that_fails_leaves_the_environment_as_it_was(synced: Host) -> None:
    newer = six("1.18.0")
    synced.index.add(newer)
    synced.lock = lock_of([demo(), newer], synced.root / "wheels")
    synced.index.fault("*/six-1.18.0*.whl", Status(code=503))
    before = inodes(synced.venv)
    with pytest.raises(IndexFailed):
        synced.sync()
    after = inodes(synced.venv)
    assert {path: row for path, row in after.items() if path != ".lock"} == {
        path: row for path, row in before.items() if path != ".lock"
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_nothing(host: Host, small_disk: Path) -> None:
    venv = small_disk / "env"
    with pytest.raises(DiskFailed) as caught:
        sync(replace(host.request(), venv=venv))
    assert caught.value.message == f"cannot write `{venv}`: no space left on device"
    assert caught.value.hint == "free some space or make the directory writable, then run the command again"
    assert not venv.exists()


def test_a_full_disk_leaves_the_damaged_file_as_it_was(synced: Host, small_disk: Path) -> None:
    library = synced.site / "demo/big.so"
    shutil.copytree(synced.site / "demo", small_disk, dirs_exist_ok=True, ignore=lambda *_: ["big.so"])
    (small_disk / "big.so").write_bytes(b"\x7fELF")
    shutil.rmtree(synced.site / "demo")
    (synced.site / "demo").mkdir()
    subprocess.run(["mount", "--bind", small_disk, synced.site / "demo"], check=True)
    try:
        with pytest.raises(DiskFailed) as caught:
            synced.repair()
        assert library.read_bytes() == b"\x7fELF"
        assert not list(library.parent.glob(".envlock-*"))
    finally:
        subprocess.run(["umount", synced.site / "demo"], check=True)
    assert caught.value.message == f"cannot write `{library}`: no space left on device"
    assert caught.value.hint == "free some space, then run `envlock sync --repair` again"


def test_a_wheel_that_is_gone_is_named(host: Host) -> None:
    host.index.remove("six-1.17.0-py3-none-any.whl")
    with pytest.raises(GoneFromIndex) as caught:
        host.sync()
    assert caught.value.message == (
        "`six-1.17.0-py3-none-any.whl` of `six` 1.17.0 is no longer on index `default`"
    )
    assert not host.venv.exists()


@pytest.mark.slow
def test_a_killed_sync_can_be_run_again(host: Host) -> None:
    host.index.fault("*/demo-*.whl", Drip(chunk=2000, seconds=0.02), times=1)
    write_lock(host.root / "envlock.lock", host.lock)
    process = start(host, "sync")
    wait_for(lambda: bool(host.index.requests("*/demo-*.whl")))
    time.sleep(0.3)
    kill_group(process)
    result = host.sync()
    assert set(result.installed) == {"demo==1.0", "six==1.17.0"}
    assert host.verify().verdict is Verdict.MATCH


# uv that does its work, undoes the part of it that it had not come to, and dies with whoever started it.
KILLED = """#!/bin/sh
{uv} "$@" || exit
case "$*" in *"{at}"*) cd {venv} && {undo}; kill -9 0 ;; esac
"""
OTHER_UV = "from envlock.resolve import uv; uv.find_uv = lambda _: {uv!r}; import envlock.__main__"
MOMENTS = {
    "a file is not there": ("pip sync", "rm {site}/demo/big.so"),
    "METADATA is not there": ("pip sync", "rm {site}/demo-1.0.dist-info/METADATA"),
    "RECORD is not there": ("pip sync", "rm {site}/demo-1.0.dist-info/RECORD {site}/demo/big.so"),
    "no dist-info is there": ("pip sync", "rm -r {site}/demo-1.0.dist-info {site}/demo/core.py"),
    "pyvenv.cfg is not there": ("venv", "rm pyvenv.cfg"),
    "pyvenv.cfg is empty": ("venv", "echo > pyvenv.cfg"),
    "there is no python": ("venv", "rm bin/python"),
    "a file is copied half": ("pip sync", "mv {site}/demo/big.so {site}/demo/.tmpAbC123"),
    "a script is written half": ("pip sync", "echo x > bin/.tmpvDIcdE; rm {site}/demo/big.so"),
    "a file of data is copied half": ("pip sync", "echo x > .tmpnL9z6c; rm {site}/demo/big.so"),
    "all is there": ("pip sync", "true"),
}


def kill_uv(host: Host, at: str, undo: str) -> None:
    """`envlock sync` in a process of its own, killed by its uv."""
    script = host.root / "killed/uv"
    script.parent.mkdir(exist_ok=True)
    site = host.site.relative_to(host.venv)
    script.write_text(
        KILLED.format(uv=find_uv(os.environ), at=at, venv=host.venv, undo=undo.format(site=site))
    )
    script.chmod(0o755)
    write_lock(host.root / "envlock.lock", host.lock)
    process = start(host, "sync", program=["-c", OTHER_UV.format(uv=str(script))])
    assert process.wait(60) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_uv_is_at_work_the_next_sync_makes_it_whole(host: Host, moment: str) -> None:
    kill_uv(host, *MOMENTS[moment])
    host.sync()
    assert host.verify().verdict is Verdict.MATCH
    assert not [path.name for path in (*host.root.glob(".env*"), *host.venv.glob(".envlock*"))]
    assert not list(host.venv.rglob(".tmp*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "undo",
    [
        "rm -r {site}/demo-1.0.dist-info; cd {site} && mkdir -p demo && echo >demo/of_the_old_one.py",
        "rm {site}/demo-1.1.dist-info/METADATA {site}/demo/core.py",
    ],
)
def test_killed_while_versions_are_exchanged_nothing_of_the_old_one_stays(synced: Host, undo: str) -> None:
    old = make_wheel("demo", "1.0", files={"demo/core.py": b"", "demo/of_the_old_one.py": b"\n"})
    synced.index.remove("demo-1.0-py3-none-any.whl")
    synced.index.add(old)
    synced.lock = lock_of([old, six()], synced.root / "old")
    synced.sync()
    new = demo("1.1")
    synced.index.add(new)
    synced.lock = lock_of([new, six()], synced.root / "new")
    kill_uv(synced, "pip sync", undo.replace("-1.0.", "-1.1."))
    synced.sync()
    assert synced.verify().verdict is Verdict.MATCH
    assert not (synced.site / "demo/of_the_old_one.py").exists()


@pytest.mark.slow
def test_two_and_twenty_make_one_environment(host: Host) -> None:
    """Those that come second wait, and find nothing to do."""
    write_lock(host.root / "envlock.lock", host.lock)
    for number in (2, 20):
        processes = [start(host, "sync") for _ in range(number)]
        assert [process.wait(300) for process in processes] == [0] * number
        assert host.verify().verdict is Verdict.MATCH
        assert not list(host.root.glob(".env*"))
        shutil.rmtree(host.venv)


# Repair


def test_one_flipped_byte_costs_one_file(synced: Host) -> None:
    library = synced.site / "demo/big.so"
    honest = library.read_bytes()
    flip_byte(library)
    before = inodes(synced.venv)
    result = synced.repair()
    assert result.repaired == (
        Repaired(kind=Kind.FILE, distribution="demo", path=str(library.relative_to(synced.venv))),
    )
    assert result.left == ()
    after = inodes(synced.venv)
    assert {path for path in after if after[path] != before.get(path)} == {
        str(library.relative_to(synced.venv))
    }
    assert library.read_bytes() == honest
    assert (library.stat().st_nlink, library.stat().st_mode & 0o777) == (1, 0o644)
    assert synced.verify().verdict is Verdict.MATCH


def test_what_a_repair_does_not_touch_is_told(host: Host) -> None:
    """A Python that is none, a second dist-info, a file that its wheel only lists, bytecode elsewhere."""
    listed = make_wheel("listed", "1.0", files={"listed.py": b""}, record=ghost("listed/gone.py"))
    host.index.add(listed)
    host.lock = lock_of([demo(), six(), listed], host.root / "wheels")
    host.sync()
    (host.venv / "bin/python3.99").write_text("#!/bin/sh\n")
    shutil.copytree(host.info, host.site / "demo-2.0.dist-info")
    (host.site / "listed").mkdir()
    (host.site / "listed/gone.py").write_text("")
    mirror = host.root / "mirror"
    cached = mirror / (host.site / "six.py").relative_to("/").with_suffix(
        f".{sys.implementation.cache_tag}.pyc"
    )
    cached.parent.mkdir(parents=True)
    evil = host.root / "evil.py"
    evil.write_text("def add():\n    return 666\n")
    py_compile.compile(
        str(evil), str(cached), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    flip_byte(host.site / "demo/core.py")
    (host.site / "demo/tool.sh").unlink()
    (host.site / "demo/tool.sh").mkdir()
    target = LocalTarget(
        prefix=host.venv,
        level="content",
        environment={"PYTHONPYCACHEPREFIX": str(mirror)},
        expectation=expectation_of(host.lock, LINUX),
    )
    told: list[Repaired] = []
    supply = replace(host.supply, environment={**host.environment, "UV_CONFIG_FILE": "/nowhere"})
    result = repair(replace(host.repair_request(), facts=observe_local(target), supply=supply), told.append)
    assert tuple(told) == result.repaired
    assert host.paths(result) == [(Kind.FILE, "demo/core.py")]
    site = host.site.relative_to(host.venv)
    assert [(left.path, left.reason) for left in result.left] == [
        (
            "bin/python3.99",
            "is not an executable of this machine: a script or other bytes stand where the interpreter"
            f" should; remove `{host.venv}` and run `envlock sync` again",
        ),
        (f"{site}/listed/gone.py", "belongs to no installed distribution (module)"),
        (f"{site}/demo-2.0.dist-info", "is a second demo"),
        (f"{site}/listed/gone.py", "is listed by the wheel, which does not have it"),
        (str(cached), "is bytecode that differs from its source, and lies outside of the venv"),
        (f"{site}/demo/tool.sh", "is a folder where a file belongs"),
    ]


def test_what_was_written_stays_where_ranges_end_midway(synced: Host) -> None:
    """Its end and the first file come by ranges, then the server sends the whole of it."""
    synced.index.fault("*.whl", NoRanges(), skip=2)
    (synced.site / "demo/core.py").unlink()
    flip_byte(synced.site / "demo/big.so")
    result = synced.repair()
    assert [path for _, path in synced.paths(result)] == ["demo/big.so", "demo/core.py"]
    assert [request.status for request in synced.index.requests("*.whl")] == [206, 206, 200, 200]


@pytest.mark.parametrize(
    ("damaged", "served"),
    [
        ("demo/core.py", {"demo/__init__.py": b""}),
        ("bin/demo-tool", {"{data}/scripts/demo-tool": b"#!python\nprint('evil')\n"}),
    ],
)
def test_a_wheel_that_has_another_member_or_none(
    synced: Host, damaged: str, served: dict[str, bytes]
) -> None:
    path = synced.venv / damaged if damaged.startswith("bin/") else synced.site / damaged
    path.unlink()
    synced.index.fault("*/demo-*.whl", OtherBytes(content=make_wheel("demo", "1.0", files=served).content))
    with pytest.raises(HashMismatch) as caught:
        synced.repair()
    name = damaged.removeprefix("bin/")
    assert caught.value.message == (
        f"`{name}` in `demo-1.0-py3-none-any.whl` on its index is not the file that was locked"
    )
    assert not path.exists()


def test_an_index_that_has_another_wheel_by_now(synced: Host) -> None:
    """The entry list is gone too, and no other may take its place."""
    shutil.rmtree(synced.entries.directory)
    flip_byte(synced.site / "six.py")
    request = replace(synced.repair_request(), lock=another_digest(synced.lock, "six"))
    with pytest.raises(HashMismatch) as caught:
        repair(request)
    assert caught.value.message == (
        "`six-1.17.0-py3-none-any.whl` on its index is not the wheel that was locked"
    )
    true = next(wheel for row, wheel in synced.lock.on(LINUX) if row.name == "six").digest
    assert caught.value.facts == (("locked", f"digest {'0' * 64}"), ("found", f"digest {true}"))


def another_digest(lock: Lock, name: str) -> Lock:
    rows = [
        replace(row, wheels=tuple(replace(wheel, digest="0" * 64) for wheel in row.wheels))
        if row.name == name
        else row
        for row in lock.distributions
    ]
    return replace(lock, distributions=tuple(rows))


def test_what_a_lock_says_is_proved_from_the_bytes_of_its_wheels(host: Host) -> None:
    prove_records(host.lock, LINUX, ["demo", "six"], host.supply)
    with pytest.raises(RecordLies) as caught:
        prove_records(another_digest(host.lock, "six"), LINUX, ["demo", "six"], host.supply)
    error = caught.value
    assert error.message == "`six-1.17.0-py3-none-any.whl` does not hold what the lock says"
    assert (error.where, error.hint) == (
        "six 1.17.0",
        "`envlock lock --upgrade-package six` reads the wheel again",
    )


@pytest.mark.slow
def test_a_small_file_of_a_big_wheel_costs_little(synced: Host) -> None:
    (synced.site / "demo/core.py").unlink()
    synced.repair()
    requests = synced.index.requests("*.whl")
    assert requests
    assert all(request.status == 206 for request in requests)
    assert synced.index.sent("*.whl") < len(BIG) / 2


@pytest.mark.slow
def test_a_server_without_ranges_serves_as_well(synced: Host) -> None:
    synced.index.fault("*.whl", NoRanges())
    flip_byte(synced.site / "demo/big.so")
    (synced.site / "demo/core.py").unlink()
    assert [path for _, path in synced.paths(synced.repair())] == ["demo/big.so", "demo/core.py"]
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_every_place_is_restored(synced: Host) -> None:
    record = (synced.info / "RECORD").read_text()
    header = synced.venv / f"include/site/python{SERIES}/demo/demo.h"
    tool = synced.venv / "bin/demo-tool"
    honest = tool.read_bytes()
    shutil.rmtree(synced.venv / "share")
    header.unlink()
    replace_file(tool, b"#!/bin/sh\necho\n")
    (synced.venv / "bin/demo").unlink()
    (synced.site / "demo/tool.sh").unlink()
    (synced.info / "RECORD").unlink()
    assert synced.paths(synced.repair()) == [
        (Kind.FILE, "bin/demo-tool"),
        (Kind.FILE, "demo/tool.sh"),
        (Kind.FILE, f"include/site/python{SERIES}/demo/demo.h"),
        (Kind.FILE, "share/demo/table.txt"),
        (Kind.RECORD, "demo-1.0.dist-info/RECORD"),
        (Kind.SCRIPT, "bin/demo"),
    ]
    assert tool.read_bytes() == honest
    assert {path.stat().st_mode & 0o777 for path in (tool, synced.venv / "bin/demo")} == {0o755}
    assert (synced.site / "demo/tool.sh").stat().st_mode & 0o777 == 0o755
    assert (synced.info / "RECORD").read_text() == record
    assert subprocess.check_output([synced.venv / "bin/demo"], text=True) == "core\n"
    assert subprocess.check_output([tool], text=True) == "tool\n"
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_a_script_that_calls_something_else(synced: Host) -> None:
    script = synced.venv / "bin/demo"
    honest = script.read_bytes()
    replace_file(script, honest.replace(b"demo.core", b"os"))
    assert synced.paths(synced.repair()) == [(Kind.SCRIPT, "bin/demo")]
    assert script.read_bytes() == honest
    assert synced.index.log == ()


@pytest.mark.slow
def test_a_record_edited_to_match(synced: Host) -> None:
    """The file is known from the entry list; the RECORD is told apart from an honest one."""
    record = synced.info / "RECORD"
    honest = record.read_text()
    replace_file(synced.site / "demo/core.py", b"def main() -> None:\n    print('evil')\n")
    lines = [line for line in honest.splitlines(keepends=True) if not line.startswith("demo/core.py")]
    replace_file(record, "".join([*lines, "demo/core.py,,\n"]).encode())
    assert synced.paths(synced.repair()) == [(Kind.FILE, "demo/core.py")]
    replace_file(record, "".join(lines).encode())
    assert synced.paths(synced.repair()) == [(Kind.RECORD, "demo-1.0.dist-info/RECORD")]
    assert record.read_text() == honest
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_without_entry_lists_they_are_read_from_the_index(synced: Host) -> None:
    shutil.rmtree(synced.entries.directory)
    flip_byte(synced.site / "six.py")
    assert synced.paths(synced.repair()) == [(Kind.FILE, "six.py")]
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_bytecode_that_differs_is_removed(synced: Host) -> None:
    script = (
        "import py_compile, sys; from py_compile import PycInvalidationMode as M\n"
        "py_compile.compile(sys.argv[1], cfile=sys.argv[2], invalidation_mode=M.UNCHECKED_HASH)\n"
    )
    evil = synced.root / "evil.py"
    evil.write_text("def add():\n    return 666\n")
    cached = synced.site / f"__pycache__/six.cpython-{SERIES.replace('.', '')}.pyc"
    subprocess.run([synced.venv / "bin/python", "-c", script, evil, cached], check=True)
    assert synced.verify().verdict is Verdict.MISMATCH
    assert [kind for kind, _ in synced.paths(synced.repair())] == [Kind.BYTECODE]
    assert not cached.exists()
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_a_distribution_without_dist_info_is_installed_anew(synced: Host) -> None:
    shutil.rmtree(synced.info)
    result = synced.repair()
    assert synced.paths(result) == [(Kind.DISTRIBUTION, "demo-1.0.dist-info")]
    assert result.left == ()
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_another_version_is_exchanged(synced: Host) -> None:
    other = six("1.16.0", b"def add():\n    return 0\n").write(synced.root)
    uv("pip", "install", "--python", synced.venv / "bin/python", "--no-index", other)
    assert synced.paths(synced.repair()) == [(Kind.DISTRIBUTION, "six-1.17.0.dist-info")]
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_a_second_dist_info_that_uv_cannot_remove_is_told(synced: Host) -> None:
    """Its RECORD names the files of the locked version, not its own."""
    synced.info.rename(synced.site / "demo-2.0.dist-info")
    result = synced.repair()
    site = synced.site.relative_to(synced.venv)
    assert [(left.path, left.reason) for left in result.left] == [
        (f"{site}/demo-2.0.dist-info", "is a second demo")
    ]
    shutil.rmtree(synced.site / "demo-2.0.dist-info")
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_a_poisoned_cache_is_named_and_not_linked_again(synced: Host) -> None:
    module = synced.site / "demo/core.py"
    assert module.stat().st_nlink > 1
    poison(module, b"def main() -> None:\n    print('evil')\n")
    (repaired,) = synced.repair().repaired
    assert repaired.poisoned is not None
    assert repaired.poisoned.read_bytes() == b"def main() -> None:\n    print('evil')\n"
    assert repaired.poisoned.is_relative_to(synced.uv_cache)
    assert module.stat().st_nlink == 1
    assert b"core" in module.read_bytes()
    assert synced.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_what_comes_wrong_out_of_a_poisoned_cache_is_mended(host: Host) -> None:
    """uv takes what it has unpacked once, hashes or not."""
    supply = replace(host.supply, wheelhouse=host.root / "wheels")
    request = replace(host.request(), supply=supply)
    sync(request)
    poison(host.site / "demo/core.py", b"def main() -> None:\n    print('evil')\n")
    shutil.rmtree(host.venv)
    assert sync(request).differing == ()
    assert host.verify().verdict is Verdict.MISMATCH
    result = repair(replace(host.repair_request(), supply=supply))
    assert host.paths(result) == [(Kind.FILE, "demo/core.py")]
    assert len(result.poisoned) == 1
    assert host.verify().verdict is Verdict.MATCH


@pytest.mark.slow
def test_a_foreign_file_is_told_and_left(synced: Host) -> None:
    stranger = synced.site / "demo/extra.py"
    stranger.write_text("import os\n")
    result = synced.repair()
    assert result.repaired == ()
    assert [(left.path, left.reason) for left in result.left] == [
        (str(stranger.relative_to(synced.venv)), "belongs to no installed distribution (module)")
    ]
    assert stranger.exists()


@pytest.mark.slow
def test_nothing_is_written_through_a_linked_folder(synced: Host) -> None:
    elsewhere = synced.root / "elsewhere"
    shutil.copytree(synced.site / "demo", elsewhere)
    replace_file(elsewhere / "core.py", b"print('edited')\n")
    shutil.rmtree(synced.site / "demo")
    (synced.site / "demo").symlink_to(elsewhere)
    result = synced.repair()
    assert result.repaired == ()
    assert ("demo/core.py", "lies behind the link `demo`") in [
        (left.path.removeprefix(f"{synced.site.relative_to(synced.venv)}/"), left.reason)
        for left in result.left
    ]
    assert (elsewhere / "core.py").read_bytes() == b"print('edited')\n"


@pytest.mark.slow
def test_an_index_that_serves_another_wheel_changes_nothing(synced: Host) -> None:
    flip_byte(synced.site / "six.py")
    wrong = (synced.site / "six.py").read_bytes()
    content = six(content=b"def add():\n    return 3\n").content
    synced.index.fault("*/six-*.whl", OtherBytes(content=content))
    with pytest.raises(HashMismatch) as caught:
        synced.repair()
    assert caught.value.message == (
        "`six.py` in `six-1.17.0-py3-none-any.whl` on its index is not the file that was locked"
    )
    assert (synced.site / "six.py").read_bytes() == wrong
    assert not list(synced.site.glob(".envlock-*"))


@pytest.mark.slow
def test_a_wheelhouse_repairs_offline(synced: Host) -> None:
    flip_byte(synced.site / "six.py")
    shutil.rmtree(synced.entries.directory)
    supply = replace(synced.supply, wheelhouse=synced.root / "wheels")
    result = repair(replace(synced.repair_request(), supply=supply))
    assert synced.paths(result) == [(Kind.FILE, "six.py")]
    assert synced.index.log == ()


@pytest.mark.slow
def test_a_killed_repair_can_be_run_again(synced: Host) -> None:
    flip_byte(synced.site / "demo/big.so")
    (synced.site / "demo/core.py").unlink()
    write_lock(synced.root / "envlock.lock", synced.lock)
    synced.index.fault("*/demo-*.whl", Drip(chunk=2000, seconds=0.02), skip=1)
    process = start(synced, "repair")
    wait_for(lambda: bool(list(synced.site.glob("demo/.envlock-*"))))
    kill_group(process)
    synced.index.heal()
    assert list(synced.site.glob("demo/.envlock-*"))
    result = synced.repair()
    assert (Kind.FILE, "demo/big.so") in synced.paths(result)
    assert not list(synced.site.glob("demo/.envlock-*"))
    assert synced.verify().verdict is Verdict.MATCH


def start(host: Host, action: str, program: Sequence[str] = ("-m", "envlock")) -> subprocess.Popen[bytes]:
    """The command in a process of its own, to be killed with all that it started."""
    flags = ["--repair"] if action == "repair" else ["--python", sys.executable]
    environment = {
        **host.environment,
        "ENVLOCK_SOURCE_DEFAULT": host.index.url,
        "XDG_CACHE_HOME": str(host.root / "xdg"),
    }
    command = [sys.executable, *program, "sync", "--venv", str(host.venv), *flags]
    return subprocess.Popen(command, cwd=host.root, env=environment, start_new_session=True)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(what: object, seconds: float = 120.0) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
