"""`envlock sync --conda`: real prefixes from a real channel, as a user makes, spoils and repairs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from envlock.lock.file import write_lock
from envlock.lock.model import CondaPackage, Lock
from envlock.resolve.uv import find_uv
from tests.integration.test_sync import KILLED
from tests.support.conda import Channel, File
from tests.support.conda import CondaPackage as Package
from tests.support.conda.locks import archive_of, conda_subject, solve
from tests.support.conda.platform import SERIES, SITE
from tests.support.environments import replace_file
from tests.support.wheels import Wheel, make_wheel

pytestmark = pytest.mark.slow

SPECS = ("python", "attrs", "pip", "prefix-notes", "cuda-version")
SIX = make_wheel(
    "six",
    "1.17.0",
    files={"six.py": b"def main(): print(6)\n"},
    entry_points="[console_scripts]\nsix = six:main\n",
)


@dataclass
class Desk:
    """A project with a lock, and where its channel and its wheels are."""

    folder: Path
    channel: str
    environment: dict[str, str]

    @property
    def prefix(self) -> Path:
        return self.folder / "env"

    @property
    def lock(self) -> Path:
        return self.folder / "envlock.lock"

    def write(self, lock: Lock) -> None:
        write_lock(self.lock, lock)

    def run(self, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment, "ENVLOCK_SOURCE_LOCAL": self.channel, **more}
        command = [sys.executable, "-m", "envlock", *map(str, words)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=environment,
            timeout=120,
        )

    def sync(self, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run("sync", "--conda", "env", *words, **more)

    def verify(self) -> dict[str, object]:
        done = self.run("verify", "--prefix", "env", "--json", "--level", "content")
        assert done.returncode in (0, 1), done.stderr
        report: dict[str, object] = json.loads(done.stdout)
        return report

    def codes(self) -> list[tuple[str, str | None]]:
        findings = self.verify()["findings"]
        assert isinstance(findings, list)
        return [(each["code"], each["path"]) for each in findings if each["severity"] != "note"]


def lock_for(urls: list[str], *specs: str, wheels: tuple[Wheel, ...] = (), folder: Path) -> Lock:
    records = solve(urls, *specs)
    return conda_subject(
        folder / "env", folder / "wheels", [archive_of(each) for each in records], wheels
    ).lock


@pytest.fixture
def desk(conda_channel: Channel, tmp_path: Path) -> Desk:
    """A lock of Python, pure packages, everything that holds a prefix, and one wheel."""
    desk = Desk(tmp_path, conda_channel.url, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    desk.write(lock_for([conda_channel.url], *SPECS, wheels=(SIX,), folder=tmp_path))
    return desk


def house(desk: Desk) -> Path:
    """A wheelhouse with all archives and wheels."""
    folder = desk.folder / "house"
    folder.mkdir()
    for wheel in (desk.folder / "wheels").glob("*.whl"):
        shutil.copy(wheel, folder)
    for archive in Path(desk.channel.removeprefix("file://")).glob("*/*.conda"):
        shutil.copy(archive, folder)
    return folder


def test_a_prefix_from_the_lock(desk: Desk) -> None:
    done = desk.sync("--wheelhouse", house(desk))
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    first = done.stdout.splitlines()[0]
    assert first == f"made env with Python {sys.version.split()[0]}: 6 installed"
    assert "every byte is what the lock says" in done.stdout
    assert desk.verify()["verdict"] == "match"
    ran = subprocess.run([desk.prefix / "bin/six"], capture_output=True, text=True, check=True)
    assert ran.stdout == "6\n"


def test_numpy_from_conda_over_http(conda_channel: Channel, tmp_path: Path) -> None:
    desk = Desk(tmp_path, "", {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    desk.write(lock_for([conda_channel.url], "python", "numpy", folder=tmp_path))
    with conda_channel.served() as server:
        desk.channel = server.url
        done = desk.sync()
        assert done.returncode == 0, done.stdout + done.stderr
        record = json.loads(next((desk.prefix / "conda-meta").glob("numpy-*.json")).read_text())
        assert record["url"] == f"{server.url}/linux-64/{record['fn']}"
        assert record["channel"] == server.url
        shutil.rmtree(desk.prefix)
        server.forget()
        assert desk.sync().returncode == 0
        assert server.log == ()  # archives are kept, and hashed again
    program = "import numpy; print(numpy.__file__, numpy.ones(3).sum())"
    ran = subprocess.run(
        [desk.prefix / "bin/python", "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith(f"{desk.prefix}/lib/")
    assert desk.verify()["verdict"] == "match"


def test_from_a_manifest_to_a_prefix_that_matches(conda_channel: Channel, tmp_path: Path) -> None:
    desk = Desk(tmp_path, conda_channel.url, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\nrequirements = ["einops==0.8.1"]\n'
        '[conda]\nchannels = ["local"]\npackages = ["python", "numpy", "attrs"]\n'
    )
    locked = desk.run("lock")
    assert locked.returncode == 0, locked.stderr
    done = desk.sync()
    assert done.returncode == 0, done.stdout + done.stderr
    code = "import attrs, einops, numpy; print(einops.reduce(numpy.ones((2, 3)), 'a b -> a', 'sum').tolist())"
    command: list[str | Path] = [desk.prefix / "bin/python", "-I", "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[3.0, 3.0]\n"
    assert desk.verify()["verdict"] == "match"


def test_scripts_of_packages_are_not_run_and_that_is_told(conda_channel: Channel, tmp_path: Path) -> None:
    more = Channel(tmp_path / "more")
    script = File(path="bin/.hook-post-link.sh", content=b"#!/bin/sh\ntouch $PREFIX/ran\n", executable=True)
    more.add(Package(name="hook", version="1", files=(script,)))
    more.index()
    lock = lock_for([conda_channel.url, more.url], "python", "hook", folder=tmp_path)
    packages = tuple(
        replace(each, link_scripts=("post-link",)) if each.name == "hook" else each
        for each in lock.conda_packages
    )
    desk = Desk(tmp_path, conda_channel.url, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    desk.write(replace(lock, conda_packages=packages))
    folder = house(desk)
    for archive in more.folder.glob("*/*.conda"):
        shutil.copy(archive, folder)
    done = desk.sync("--wheelhouse", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "note: scripts that conda would run after linking were not run: hook\n"
    assert not (desk.prefix / "ran").exists()


def test_no_file_is_shared_with_anything(desk: Desk) -> None:
    assert desk.sync("--wheelhouse", house(desk), "--link-mode", "copy").returncode == 0
    files = [path for path in desk.prefix.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.stat().st_nlink > 1] == []
    assert sorted(path.name for path in desk.folder.iterdir() if path.name.startswith(".")) == []


def test_a_second_sync_does_nothing_and_asks_nobody(desk: Desk) -> None:
    assert desk.sync("--wheelhouse", house(desk)).returncode == 0
    desk.channel = "http://127.0.0.1:1"
    done = desk.sync("--wheelhouse", desk.folder / "house")
    assert done.returncode == 0, done.stderr
    assert "nothing to install or remove" in done.stdout


def test_an_archive_that_is_not_the_locked_one(desk: Desk, tmp_path: Path) -> None:
    """py-rattler does not hash what lies on a disk: envlock does."""
    folder = house(desk)
    path = next(folder.glob("attrs-*.conda"))
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(bytes(content))
    done = desk.sync("--wheelhouse", folder)
    assert done.returncode == 5
    assert done.stderr.splitlines()[0] == (
        f"error: `{path.name}` on the channel `local` is not the file that was locked [hash-mismatch]"
    )
    assert not desk.prefix.exists()


def test_an_archive_that_is_gone(desk: Desk) -> None:
    folder = house(desk)
    path = next(folder.glob("attrs-*.conda"))
    path.unlink()
    done = desk.sync("--wheelhouse", folder)
    assert done.returncode == 5
    assert done.stderr.splitlines()[0] == f"error: `{path.name}` is not in `{folder}` [gone-from-index]"


def test_a_channel_that_nobody_knows(desk: Desk) -> None:
    done = desk.sync(ENVLOCK_SOURCE_LOCAL="")
    assert done.returncode == 2
    assert "channel `local` points nowhere from here" in done.stderr


def test_what_stands_there_is_left_alone(desk: Desk) -> None:
    desk.prefix.mkdir()
    (desk.prefix / "thesis.tex").write_text("mine")
    done = desk.sync("--wheelhouse", house(desk))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"error: `{desk.prefix}` is there and is no conda prefix [usage]"
    assert (desk.prefix / "thesis.tex").read_text() == "mine"


def test_a_lock_without_conda_packages(desk: Desk, tmp_path: Path) -> None:
    desk.write(conda_subject(desk.prefix, tmp_path / "wheels", [], [SIX]).lock)
    done = desk.sync()
    assert done.returncode == 4
    assert done.stderr.splitlines()[0] == "error: the lock has no conda packages for linux-64 [no-wheel]"


def test_two_places_at_once(desk: Desk) -> None:
    done = desk.sync("--venv", "other")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "error: `--conda` takes no `--venv` and no `--python`: a conda prefix has its own [usage]"
    )


# -- changes --------------------------------------------------------------------------------------


def test_another_lock_changes_only_what_it_must(conda_channel: Channel, tmp_path: Path) -> None:
    more = Channel(tmp_path / "more")
    old = Package(
        name="lib",
        version="1",
        files=(File(path="lib/a.txt", content=b"1"), File(path="lib/b.txt", content=b"b")),
    )
    new = Package(
        name="lib",
        version="2",
        files=(File(path="lib/a.txt", content=b"2"), File(path="lib/c/d.txt", content=b"d")),
    )
    gone = Package(name="gone", version="1", files=(File(path="share/gone/x.txt", content=b"x"),))
    more.add(
        old,
        new,
        gone,
    )
    more.index()
    both = Channel(tmp_path / "both")
    shutil.copytree(more.folder, both.folder)
    for archive in conda_channel.folder.glob("*/*.conda"):
        os.link(archive, both.folder / archive.parent.name / archive.name)
    desk = Desk(tmp_path, both.url, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    urls = [conda_channel.url, more.url]
    desk.write(lock_for(urls, "python", "lib=1", "gone", folder=tmp_path))
    assert desk.sync().returncode == 0
    (desk.prefix / "share/mine.txt").write_text("mine")
    python = (desk.prefix / "bin/python").stat().st_ino
    desk.write(lock_for(urls, "python", "lib=2", folder=tmp_path))
    assert sorted(code for code, _ in desk.codes()) == ["conda-package-differs", "foreign-conda-package"]
    done = desk.sync()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].endswith(": 1 installed, 1 removed")
    assert desk.verify()["verdict"] == "match"
    assert (desk.prefix / "bin/python").stat().st_ino == python
    assert [(desk.prefix / name).exists() for name in ("lib/b.txt", "share/gone", "share/mine.txt")] == [
        False,
        False,
        True,
    ]


def test_a_wheel_that_is_not_locked_goes(desk: Desk) -> None:
    folder = house(desk)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    lock = lock_for([desk.channel], *SPECS, folder=desk.folder)
    desk.write(lock)
    done = desk.sync("--wheelhouse", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(": 1 removed")
    assert (desk.prefix / SITE / "attr").exists()
    assert not (desk.prefix / SITE / "six.py").exists()


# -- repair ---------------------------------------------------------------------------------------

Spoil = Callable[[Path], object]


def edit_record(prefix: Path) -> None:
    path = prefix / "conda-meta/prefix-notes-1.0-h0_0.json"
    document = json.loads(path.read_text())
    document["paths_data"]["paths"] = document["paths_data"]["paths"][1:]
    path.write_text(json.dumps(document))


def relink(prefix: Path) -> None:
    (prefix / "lib/libprefix-notes.so").unlink()
    (prefix / "lib/libprefix-notes.so").symlink_to("../etc/prefix-notes.conf")


SPOILT: Mapping[str, tuple[Spoil, list[str]]] = {
    "plain": (
        lambda prefix: replace_file(prefix / "share/prefix-notes/plain.txt", b"evil"),
        ["restored share/prefix-notes/plain.txt (prefix-notes)"],
    ),
    "text": (
        lambda prefix: replace_file(prefix / "etc/prefix-notes.conf", b"evil"),
        ["restored etc/prefix-notes.conf (prefix-notes)"],
    ),
    "missing": (
        lambda prefix: (prefix / "lib/libprefix-notes.so.1").unlink(),
        ["restored lib/libprefix-notes.so.1 (prefix-notes)"],
    ),
    "link": (relink, ["restored lib/libprefix-notes.so (prefix-notes)"]),
    "script": (lambda prefix: replace_file(prefix / "bin/pip", b"evil"), ["restored bin/pip (pip)"]),
    "record": (edit_record, ["restored conda-meta/prefix-notes-1.0-h0_0.json (prefix-notes)"]),
    "no record": (
        lambda prefix: (prefix / "conda-meta/cuda-version-12.9-h0_3.json").unlink(),
        ["restored conda-meta/cuda-version-12.9-h0_3.json (cuda-version)"],
    ),
    "noarch": (
        lambda prefix: replace_file(prefix / SITE / "attr/_cmp.py", b"evil"),
        [f"restored {SITE}/attr/_cmp.py (attrs)"],
    ),
    "wheel": (
        lambda prefix: replace_file(prefix / SITE / "six.py", b"evil"),
        [f"restored {SITE}/six.py (six)"],
    ),
    "python": (
        lambda prefix: replace_file((prefix / "bin/python").resolve(), b"\x7fELFevil"),
        [f"restored bin/python{SITE.split('/')[1].removeprefix('python')} (python)"],
    ),
}


def test_repair_restores_only_what_differs(desk: Desk) -> None:
    folder = house(desk)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    for name, (spoil, restored) in SPOILT.items():
        spoil(desk.prefix)
        done = desk.sync("--repair", "--wheelhouse", folder)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
        assert done.stdout.splitlines()[: len(restored)] == restored, name
        assert "restored" not in "".join(done.stdout.splitlines()[len(restored) :]), name
    assert desk.verify()["verdict"] == "match"


def test_repair_leaves_strangers_alone(desk: Desk) -> None:
    folder = house(desk)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    (desk.prefix / "lib/libevil.so").write_bytes(b"\x7fELF")
    done = desk.sync("--repair", "--wheelhouse", folder)
    assert done.returncode == 1
    assert "left alone: `lib/libevil.so` belongs to no installed distribution (library)" in done.stdout
    assert (desk.prefix / "lib/libevil.so").exists()


# -- killed ---------------------------------------------------------------------------------------


def kill_after(desk: Desk, seconds: float, folder: Path) -> int:
    environment = {**os.environ, **desk.environment, "ENVLOCK_SOURCE_LOCAL": desk.channel}
    command = [sys.executable, "-m", "envlock", "sync", "--conda", "env", "--wheelhouse", str(folder)]
    process = subprocess.Popen(
        command, cwd=desk.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return process.wait()


def test_killed_midway_it_is_nothing_or_a_mismatch_and_sync_mends_it(desk: Desk) -> None:
    folder = house(desk)
    for seconds in (0.3, 0.6, 0.9, 1.2, 1.6, 2.0):
        kill_after(desk, seconds, folder)
        if not desk.prefix.exists():
            continue
        partial = desk.verify()["verdict"]
        done = desk.sync("--wheelhouse", folder)
        assert done.returncode == 0, (seconds, partial, done.stdout, done.stderr)
        shutil.rmtree(desk.prefix)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    assert not list(desk.folder.glob(".env*"))


def test_stopped_between_two_files_of_a_package(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of a package at work is gone, so `verify` names it and `sync` completes it."""
    from envlock.install.conda import place

    folder = house(desk)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    prefix = desk.prefix
    for name in ("etc/prefix-notes.conf", "share/prefix-notes/plain.txt"):
        replace_file(prefix / name, b"evil")
    (prefix / "conda-meta/prefix-notes-1.0-h0_0.json").unlink()
    assert ("conda-package-missing", None) in desk.codes()
    done = desk.sync("--wheelhouse", folder)
    assert done.returncode == 0, done.stdout
    assert place.__doc__ is not None


def in_other(desk: Desk, program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """`envlock sync --conda env` in a process whose envlock `program` changes first."""
    environment = {**os.environ, **desk.environment, "ENVLOCK_SOURCE_LOCAL": desk.channel}
    command = [sys.executable, "-c", f"{program}; import envlock.__main__", "sync", "--conda", "env", *words]
    return subprocess.run(
        command,
        cwd=desk.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        start_new_session=True,
    )


def test_killed_while_a_wheel_is_exchanged_the_next_sync_makes_it_whole(desk: Desk) -> None:
    """Two dist-infos stood there, one without its RECORD, and no later sync mended it."""
    folder = house(desk)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    newer = make_wheel("six", "1.18.0", files={"six.py": b"def main(): print(7)\n"})
    newer.write(folder)
    desk.write(lock_for([desk.channel], *SPECS, wheels=(newer,), folder=desk.folder))
    script, site = desk.folder / "killed/uv", desk.prefix / SITE
    script.parent.mkdir()
    undo = f"cd {site} && mkdir six-1.17.0.dist-info && echo x >.tmpAbC123 && rm six.py"
    script.write_text(KILLED.format(uv=find_uv(os.environ), at="pip", venv=desk.prefix, undo=undo))
    script.chmod(0o755)
    program = f"from envlock.resolve import uv; uv.find_uv = lambda _: {str(script)!r}"
    assert in_other(desk, program, "--wheelhouse", folder).returncode == -signal.SIGKILL
    assert desk.verify()["verdict"] == "mismatch"
    done = desk.sync("--wheelhouse", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert desk.verify()["verdict"] == "match"
    assert not [*site.glob("six-1.17*"), *site.glob(".tmp*"), *desk.prefix.glob(".envlock*")]


def test_a_prefix_that_another_run_makes_meanwhile_stays(desk: Desk) -> None:
    """Whoever comes second, and saw no prefix yet, is told or finds nothing to do; it once removed it."""
    folder = house(desk)
    words = ["sync", "--conda", "env", "--wheelhouse", str(folder)]
    other = f"subprocess.run([sys.executable, '-m', 'envlock', *{words!r}], check=True, stdout=-3)"
    program = (
        "import subprocess, sys; from envlock.install.conda import sync; real = sync.workshop\n"
        f"sync.workshop = lambda prefix: ({other}, real(prefix))[1]\npass"
    )
    done = in_other(desk, program, "--wheelhouse", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert desk.verify()["verdict"] == "match"
    shutil.rmtree(desk.prefix)
    program = (
        "import subprocess, sys; from envlock.install.conda import sync\n"
        "from envlock.errors import UsageFault\n"
        f"def busy(prefix): {other}; raise UsageFault('busy', hint='wait')\n"
        "sync.workshop = busy; pass"
    )
    done = in_other(desk, program, "--wheelhouse", folder)
    assert done.returncode == 2, done.stderr
    assert desk.verify()["verdict"] == "match"


def locked(lock: Lock, name: str) -> CondaPackage:
    return next(package for package in lock.conda_packages if package.name == name)


def test_clobbers_are_repaired_to_whose_they_are(conda_channel: Channel, tmp_path: Path) -> None:
    more = Channel(tmp_path / "more")
    more.add(
        Package(name="aaa", version="1", files=(File(path="share/both.txt", content=b"a"),)),
        Package(name="bbb", version="1", files=(File(path="share/both.txt", content=b"b"),)),
    )
    more.index()
    lock = lock_for([conda_channel.url, more.url], "python", "aaa", "bbb", folder=tmp_path)
    packages = tuple(
        replace(each, clobbers=("share/both.txt",)) if each.name in ("aaa", "bbb") else each
        for each in lock.conda_packages
    )
    desk = Desk(tmp_path, "", {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    desk.write(replace(lock, conda_packages=packages))
    folder = tmp_path / "house"
    folder.mkdir()
    for channel in (conda_channel, more):
        for archive in channel.folder.glob("*/*.conda"):
            shutil.copy(archive, folder)
    assert desk.sync("--wheelhouse", folder).returncode == 0
    assert desk.verify()["verdict"] == "match"
    replace_file(desk.prefix / "share/both.txt", b"b")
    assert desk.codes() == [("clobber", "share/both.txt")]
    done = desk.sync("--repair", "--wheelhouse", folder)
    assert done.returncode == 0, done.stdout
    assert (desk.prefix / "share/both.txt").read_bytes() == b"a"
    assert desk.verify()["verdict"] == "match"
