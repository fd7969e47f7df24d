"""`envlock bundle`: made from a local index, verified, installed without a network, and refused where it is
not what it says."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from envlock import api
from envlock.audit.bundle.model import TOP
from envlock.audit.evidence.sbom import faults_of_schema
from envlock.errors import BundleInvalid, DiskFailed, GoneFromIndex, HashMismatch, IndexFailed, UsageFault
from envlock.lock import dumps
from tests.support.archives import unpack
from tests.support.environments import SERIES, lock_of
from tests.support.images import tiny_base
from tests.support.index import LocalIndex, NoRanges, Truncate
from tests.support.registry import LocalRegistry
from tests.support.wheels import make_wheel

DEMO = make_wheel(
    "demo",
    "1.0",
    files={"demo/__init__.py": b"def main(): print('demo')\n", "demo/data.bin": bytes(3000)},
    entry_points="[console_scripts]\ndemo = demo:main\n",
    requires=["other"],
)
OTHER = make_wheel("other", "2.0", files={"other.py": b"x = 2\n"})


@dataclass(kw_only=True)
class Desk:
    """A project with a lock, and a bundle of it."""

    folder: Path
    index: LocalIndex
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def lockfile(self) -> Path:
        return self.folder / "envlock.lock"

    @property
    def archive(self) -> Path:
        return self.folder / "bundle.tar"

    def lock(self, more: str = "", platforms: str = '"linux-64"', settings: str = 'A = "1"') -> None:
        (self.folder / "envlock.toml").write_text(
            f'python = "{SERIES}"\nrequirements = ["demo"]\nplatforms = [{platforms}]\n{more}'
            f'[settings]\n{settings}\n[sources]\ndefault = "{self.index.url}"\n'
        )
        api.lock(api.LockRequest(project=self.folder), environment=self.environment)

    def bundle(self, output: Path | None = None, **options: object) -> api.BundleResult:
        order = api.BundleOrder(
            lock=self.lockfile,
            output=output or self.archive,
            environment=self.environment,
            cache=self.folder / "cache",
            **options,  # type: ignore[arg-type]
        )
        return api.bundle(order)

    def order(self, venv: str = "env") -> api.SyncOrder:
        return api.SyncOrder(
            lock=self.lockfile,
            venv=self.folder / venv,
            environment={**self.environment, "ENVLOCK_SOURCE_DEFAULT": "http://127.0.0.1:9/simple"},
            cache=self.folder / "other-cache",
        )


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as started:
        started.add(DEMO)
        started.add(OTHER)
        yield started


@pytest.fixture(scope="module")
def template(index: LocalIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lock and a bundle of it, made once."""
    desk = Desk(folder=tmp_path_factory.mktemp("project"), index=index)
    desk.lock()
    desk.bundle()
    return desk.folder


@pytest.fixture
def made(template: Path, index: LocalIndex, tmp_path: Path) -> Desk:
    """A project of the test's own, with a lock, a cache of wheels and a bundle."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    return Desk(folder=folder, index=index)


@pytest.fixture
def desk(made: Desk) -> Desk:
    """A project with a lock and nothing else."""
    made.archive.unlink()
    shutil.rmtree(made.folder / "cache")
    return made


def rewritten(archive: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> None:
    """Write the archive anew with members as `change` gives them; None leaves one out."""
    with tarfile.open(archive) as old:
        members = [
            (info, (old.extractfile(info) or io.BytesIO()).read() if info.isreg() else b"") for info in old
        ]
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as new:
        for info, content in members:
            if info.isdir():
                new.addfile(info)
                continue
            changed = change(info.name.removeprefix(f"{TOP}/"), content)
            if changed is not None:
                info.name, info.size, info.pax_headers = f"{TOP}/{changed[0]}", len(changed[1]), {}
                new.addfile(info, io.BytesIO(changed[1]))


def problems(path: Path) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in api.verify_bundle(path).problems]


# --- made


def test_an_archive_has_all_that_the_lock_names(desk: Desk) -> None:
    result = desk.bundle()
    with tarfile.open(desk.archive) as archive:
        infos = archive.getmembers()
    assert [info.name.removeprefix(f"{TOP}/") for info in infos] == [
        TOP,
        "bundle.json",
        "README.md",
        "envlock-agent.pyz",
        "requirements.txt",
        "project/envlock.lock",
        "project/envlock.toml",
        "records/demo-1.0-py3-none-any.RECORD",
        "records/other-2.0-py3-none-any.RECORD",
        f"wheels/{DEMO.filename}",
        f"wheels/{OTHER.filename}",
    ]
    assert {(info.mtime, info.uid, info.gid, info.uname) for info in infos} == {(0, 0, 0, "")}
    assert (result.wheels, result.conda_packages, result.has_image) == (2, 0, False)
    assert result.size == desk.archive.stat().st_size
    assert problems(desk.archive) == []


def test_the_same_lock_gives_the_same_bytes_and_fetches_nothing_twice(desk: Desk) -> None:
    desk.bundle()
    first = desk.archive.read_bytes()
    desk.index.forget()
    desk.bundle()
    assert desk.archive.read_bytes() == first
    assert desk.index.sent("*.whl") == 0


@pytest.mark.slow
def test_a_bill_of_materials_comes_where_it_is_asked_for(desk: Desk) -> None:
    desk.bundle(sbom=True)
    first = desk.archive.read_bytes()
    with tarfile.open(desk.archive) as archive:
        data = archive.extractfile(f"{TOP}/sbom/linux-64.cdx.json")
        assert data is not None
        bill = data.read()
    assert faults_of_schema(bill) is None
    parts = {(row["name"], row["version"]) for row in json.loads(bill)["components"]}
    assert parts == {("demo", "1.0"), ("other", "2.0"), ("cpython", SERIES)}
    assert "timestamp" not in json.loads(bill)["metadata"]
    assert problems(desk.archive) == []
    desk.bundle(sbom=True)
    assert desk.archive.read_bytes() == first


@pytest.mark.slow
def test_a_folder_has_the_same_files(desk: Desk) -> None:
    desk.bundle()
    desk.bundle(desk.folder / "bundle")
    unpack(desk.archive, desk.folder / "unpacked")
    done = subprocess.run(["diff", "-r", "bundle", f"unpacked/{TOP}"], cwd=desk.folder, check=False)
    assert done.returncode == 0
    assert problems(desk.folder / "bundle") == []


@pytest.mark.slow
def test_what_stands_there_is_left_alone(desk: Desk) -> None:
    (desk.folder / "mine").mkdir()
    (desk.folder / "mine" / "thesis.tex").write_text("years")
    with pytest.raises(UsageFault, match="is there and is no bundle"):
        desk.bundle(desk.folder / "mine")
    with pytest.raises(UsageFault, match=r"`bundle\.tar\.gz` is no name of a bundle"):
        desk.bundle(desk.folder / "bundle.tar.gz")
    assert (desk.folder / "mine" / "thesis.tex").read_text() == "years"
    desk.bundle(desk.folder / "bundle")
    desk.bundle(desk.folder / "bundle")  # a bundle may be replaced
    assert sorted(path.name for path in desk.folder.iterdir() if path.name.startswith(".")) == []


def test_a_wheel_with_other_bytes_does_not_get_in(desk: Desk) -> None:
    house = desk.folder / "house"
    DEMO.write(house)
    other = OTHER.write(house)
    other.write_bytes(other.read_bytes()[:-1] + b"?")
    with pytest.raises(HashMismatch) as caught:
        desk.bundle(wheelhouse=house)
    assert caught.value.message == f"`{OTHER.filename}` is not the file that was locked"
    assert not desk.archive.exists()


def test_no_room_is_told_before_anything_is_fetched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    desk.index.forget()
    with pytest.raises(DiskFailed, match=r"there is no room for .* 1 kB are free"):
        desk.bundle()
    assert desk.index.log == ()


@pytest.mark.slow
def test_platforms_are_chosen(desk: Desk) -> None:
    desk.lock(platforms='"linux-64", "osx-arm64"')
    assert desk.bundle().platforms == ("linux-64", "osx-arm64")
    with tarfile.open(desk.archive) as archive:
        names = {name.removeprefix(f"{TOP}/") for name in archive.getnames()}
    assert {"requirements-linux-64.txt", "requirements-osx-arm64.txt"} <= names
    assert desk.bundle(platforms=("osx-arm64",)).platforms == ("osx-arm64",)
    with pytest.raises(UsageFault) as caught:
        desk.bundle(platforms=("win-64",))
    assert caught.value.message == "the lock has no platform `win-64`, it has linux-64, osx-arm64"


@pytest.mark.slow
def test_the_base_image_comes_by_its_digest(desk: Desk) -> None:
    tiny_base(desk.folder / "layout", python=f"{SERIES}.9")
    with LocalRegistry() as registry:
        registry.add(desk.folder / "layout", "team/base", "3.11")
        desk.lock(more=f'[image]\nbase = "{registry.reference("team/base:3.11")}"\n')
        result = desk.bundle()
        registry.log.clear()
        again = desk.bundle(desk.folder / "again.tar")
    assert result.has_image
    assert again.size == result.size
    assert not [line for line in registry.log if "/blobs/" in line and "layer" in line]
    assert problems(desk.archive) == []
    unpack(desk.archive, desk.folder)
    layout = desk.folder / TOP / "image"
    rows = json.loads((layout / "index.json").read_bytes())["manifests"]
    for row in rows:
        blob = layout / "blobs" / "sha256" / row["digest"].removeprefix("sha256:")
        assert f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}" == row["digest"]
    assert not desk.bundle(image=False).has_image
    assert problems(desk.archive) == []


# --- installed


@pytest.mark.slow
def test_an_environment_from_a_bundle_alone(made: Desk) -> None:
    made.index.forget()
    made.lockfile.unlink()
    outcome = api.sync_bundle(made.archive, made.order())
    assert outcome.faults == ()
    assert outcome.report.observed == outcome.report.expected
    assert made.index.log == ()
    ran = subprocess.run([made.folder / "env/bin/demo"], capture_output=True, text=True, check=True)
    assert ran.stdout == "demo\n"
    assert not list(made.folder.glob(".envlock-bundle-*"))


@pytest.mark.slow
def test_an_unpacked_bundle_does_as_well_and_mends(desk: Desk) -> None:
    desk.bundle(desk.folder / "bundle")
    desk.lockfile.unlink()
    order = desk.order()
    api.sync_bundle(desk.folder / "bundle", order)
    module = desk.folder / f"env/lib/python{SERIES}/site-packages/other.py"
    module.unlink()
    mended = api.repair_bundle(desk.folder / "bundle", order)
    assert [each.path for each in mended.result.repaired] == [f"lib/python{SERIES}/site-packages/other.py"]
    assert mended.faults == ()
    assert problems(desk.folder / "bundle") == []


@pytest.mark.slow
def test_a_lock_that_is_named_finds_its_files_by_hash(desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.bundle()
    desk.lock(settings='A = "2"')
    outcome = api.sync_bundle(desk.archive, desk.order(), own_lock=False)
    assert outcome.faults == ()
    newer = make_wheel("other", "3.0", files={"other.py": b"x = 3\n"})
    desk.index.add(newer)
    request.addfinalizer(lambda: desk.index.remove(newer.filename))
    api.lock(api.LockRequest(project=desk.folder, upgrade=True), environment=desk.environment)
    with pytest.raises(GoneFromIndex) as caught:
        api.sync_bundle(desk.archive, desk.order("new"), own_lock=False)
    assert caught.value.message == f"`wheels/{newer.filename}` of the lock is not in the bundle"
    assert not (desk.folder / "new").exists()


def test_a_wheel_that_changed_on_the_way_is_not_installed(made: Desk) -> None:
    rewritten(
        made.archive,
        lambda path, content: (path, content[:-1] + b"?" if path.endswith(OTHER.filename) else content),
    )
    with pytest.raises(HashMismatch) as caught:
        api.sync_bundle(made.archive, made.order())
    assert caught.value.message == f"`wheels/{OTHER.filename}` of the bundle is not the file that was locked"
    assert not (made.folder / "env").exists()


# --- verified


def _dropped(name: str) -> Callable[[str, bytes], tuple[str, bytes] | None]:
    return lambda path, content: None if path == name else (path, content)


def _spoilt(name: str) -> Callable[[str, bytes], tuple[str, bytes] | None]:
    return lambda path, content: (path, content + b"\n" if path == name else content)


def _relisted(name: str, content: bytes, *, kind: str | None = None) -> Callable[[str, bytes], Any]:
    """A file exchanged (or, with `kind`, added) and the index edited to match."""

    def change(path: str, old: bytes) -> tuple[str, bytes]:
        if path == name:
            return path, content
        if path != "bundle.json":
            return path, old
        document = json.loads(old)
        row = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for each in document["files"]:
            each.update(row if each["path"] == name else {})
        if kind is not None:
            document["files"].append({"path": name, "kind": kind, **row})
        return path, json.dumps(document).encode()

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_dropped(f"wheels/{OTHER.filename}"), [("missing", f"wheels/{OTHER.filename}")]),
        (_dropped("README.md"), [("missing", "README.md")]),
        (_spoilt(f"wheels/{OTHER.filename}"), [("differs", f"wheels/{OTHER.filename}")]),
        (_spoilt("envlock-agent.pyz"), [("differs", "envlock-agent.pyz")]),
        (
            lambda path, content: ("surprise.txt" if path == "README.md" else path, content),
            [("missing", "README.md"), ("extra", "surprise.txt")],
        ),
        # the index was edited to match: the lock decides
        (
            _relisted(f"wheels/{OTHER.filename}", DEMO.content),
            [("differs", f"wheels/{OTHER.filename}")],
        ),
        (
            _relisted("requirements.txt", b"--no-index\n--find-links wheels\nevil==1.0\n"),
            [("differs-from-lock", "requirements.txt")],
        ),
        (
            _relisted("records/other-2.0-py3-none-any.RECORD", b"other.py,,\n"),
            [("differs-from-lock", "records/other-2.0-py3-none-any.RECORD")],
        ),
    ],
)
def test_what_differs_is_named(
    made: Desk, change: Callable[[str, bytes], tuple[str, bytes] | None], expected: list[tuple[str, str]]
) -> None:
    rewritten(made.archive, change)
    assert problems(made.archive) == expected


def test_a_wheel_besides_is_told(desk: Desk) -> None:
    desk.bundle(desk.folder / "bundle")
    index = desk.folder / "bundle" / "bundle.json"
    change = _relisted("wheels/evil-1.0-py3-none-any.whl", b"evil", kind="wheel")
    index.write_bytes(change("bundle.json", index.read_bytes())[1])
    (desk.folder / "bundle/wheels/evil-1.0-py3-none-any.whl").write_bytes(b"evil")
    assert problems(desk.folder / "bundle") == [("extra", "wheels/evil-1.0-py3-none-any.whl")]


# --- hostile archives


def _archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for info, content in members:
            info.size = len(content) or info.size
            archive.addfile(info, io.BytesIO(content) if content else None)
    return path


def _info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (_info(f"{TOP}/../../etc/cron.d/x"), "is not a path below the bundle, of plain characters"),
        (_info("/etc/passwd"), "is not below `envlock-bundle`"),
        (_info(f"{TOP}//etc/passwd"), "is not a path below the bundle, of plain characters"),
        (_info(f"{TOP}/-rf"), "is not a path below the bundle, of plain characters"),
        (_info(f"{TOP}/a\nb"), "is not a path below the bundle, of plain characters"),
        (_info(f"{TOP}/link", tarfile.SYMTYPE, "/etc/passwd"), "is no plain file"),
        (_info(f"{TOP}/hard", tarfile.LNKTYPE, f"{TOP}/x"), "is no plain file"),
        (_info(f"{TOP}/device", tarfile.CHRTYPE), "is no plain file"),
        (_info(f"{TOP}/pipe", tarfile.FIFOTYPE), "is no plain file"),
    ],
)
def test_a_hostile_member_is_refused(tmp_path: Path, info: tarfile.TarInfo, message: str) -> None:
    path = _archive(tmp_path / "x.tar", (info, b"x" if info.isreg() else b""))
    with pytest.raises(BundleInvalid) as caught:
        api.verify_bundle(path)
    assert [fault.message for fault in caught.value.faults] == [message]
    assert list(tmp_path.iterdir()) == [path]


def test_all_faults_of_an_archive_are_told_at_once(tmp_path: Path) -> None:
    path = _archive(
        tmp_path / "x.tar",
        (_info("outside"), b"x"),
        (_info(f"{TOP}/twice"), b"x"),
        (_info(f"{TOP}/twice"), b"y"),
    )
    with pytest.raises(BundleInvalid) as caught:
        api.verify_bundle(path)
    assert [(fault.where, fault.message) for fault in caught.value.faults] == [
        ("`outside`", "is not below `envlock-bundle`"),
        (f"`{TOP}/twice`", "is there twice"),
    ]


def _huge_pax(path: Path) -> None:
    """An extended header of four gigabytes, of which the file has none: sparse on disk."""
    header = _info("pax", tarfile.XHDTYPE)
    header.size = 4 << 30
    path.write_bytes(header.tobuf(tarfile.USTAR_FORMAT))
    os.truncate(path, (4 << 30) + 2048)


def _negative(path: Path) -> None:
    """A size below zero leads a reader back to where it was."""
    info = _info(f"{TOP}/x")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 10 + b"\xfe\x00"  # -512, base 256
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:512]))
    path.write_bytes(bytes(block) * 2 + bytes(1024))


def _sparse(path: Path) -> None:
    info = _info(f"{TOP}/x")
    info.pax_headers = {"GNU.sparse.map": "a,b"}
    _archive(path, (info, b"x"))


def _large_index(path: Path) -> None:
    info = _info(f"{TOP}/bundle.json")
    info.size = (64 << 20) + 1
    path.write_bytes(info.tobuf(tarfile.USTAR_FORMAT))
    os.truncate(path, (65 << 20) + 2048)


def _with_lock(
    path: Path, content: bytes = b"", *, lock: bytes | None = None, platforms: Sequence[str] = ()
) -> None:
    """A bundle of a lock alone: of `content`, of none at all, or of a good one and other platforms."""
    content = content or lock or dumps(lock_of([], path.parent)).encode()
    row = {"path": "envlock.lock", "kind": "lock", "sha256": hashlib.sha256(content).hexdigest(), "size": 1}
    index = {
        "schema": "envlock.bundle/1",
        "lock": "envlock.lock",
        "platforms": platforms,
        "runtime": {},
        "files": [row],
    }
    members = [(_info(f"{TOP}/bundle.json"), json.dumps(index).encode())]
    members += [] if lock else [(_info(f"{TOP}/envlock.lock"), content)]
    _archive(path, *members)


def _gzip(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(bytes(1 << 20)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_huge_pax, "it is no bundle: a header in it is larger than any"),
        (_negative, None),
        (_gzip, "it is compressed with gzip, and a bundle is not"),
        (lambda path: path.write_bytes(b"not a tar" * 200), None),
        (lambda path: path.write_bytes(b""), None),
        (_archive, "it is no bundle: there is no `bundle.json` in it"),
        (lambda path: _archive(path, (_info(f"{TOP}/bundle.json"), b"[")), "it is no JSON"),
        (lambda path: _archive(path, (_info(f"{TOP}/bundle.json"), b"[" * 99_999)), "it is no JSON"),
        (lambda path: _archive(path, (_info(f"{TOP}/bundle.json"), b"[]")), "it is no JSON object"),
        (lambda path: _archive(path, (_info(f"{TOP}/bundle.json"), b"{}")), "`bundle.json` has 5 faults"),
        (_sparse, "it is no bundle: invalid literal for int() with base 10: 'a'"),
        (_large_index, "`bundle.json` in it is larger than any"),
        (lambda path: _with_lock(path, b"\xff"), "the lock in it is no UTF-8"),
        (lambda path: _with_lock(path, lock=b"lock"), "it is no bundle: there is no `envlock.lock` in it"),
        (lambda path: path.symlink_to("/proc/self/mem"), "the bundle cannot be read: input/output error"),
    ],
)
def test_what_is_no_bundle_is_refused(
    tmp_path: Path, make: Callable[[Path], object], message: str | None
) -> None:
    path = tmp_path / "x.tar"
    make(path)
    with pytest.raises(BundleInvalid) as caught:
        api.verify_bundle(path)
    assert message in (None, caught.value.message)


def test_a_bundle_of_platforms_that_its_lock_has_not(tmp_path: Path) -> None:
    _with_lock(tmp_path / "x.tar", platforms=["win-64"])
    with pytest.raises(BundleInvalid) as caught:
        api.verify_bundle(tmp_path / "x.tar")
    assert [(each.where, each.message) for each in caught.value.faults] == [
        ("bundle.json, platforms", "the lock has no platform `win-64`")
    ]


def test_a_link_in_a_folder_is_refused(desk: Desk) -> None:
    desk.bundle(desk.folder / "bundle")
    wheel = desk.folder / "bundle/wheels" / OTHER.filename
    wheel.unlink()
    wheel.symlink_to("/etc/passwd")
    with pytest.raises(BundleInvalid) as caught:
        api.sync_bundle(desk.folder / "bundle", desk.order())
    assert [(f.where, f.message) for f in caught.value.faults] == [
        (f"`wheels/{OTHER.filename}`", "is no plain file")
    ]


# --- the command


def _run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envlock", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=120)


@pytest.mark.slow
def test_the_command_makes_verifies_and_says_so(desk: Desk) -> None:
    made = _run("bundle", "-o", "b.tar", cwd=desk.folder)
    assert made.returncode == 0, made.stderr
    runtime = api.verify_bundle(desk.folder / "b.tar").runtime["linux-64"]["wheels"]
    first, second = made.stdout.splitlines()
    assert first.startswith("wrote b.tar: 2 wheels, ")
    assert second == f"  linux-64  {runtime}"
    verified = _run("bundle", "verify", "b.tar", "--json", cwd=desk.folder)
    document = json.loads(verified.stdout)
    assert (verified.returncode, document["verdict"], document["problems"]) == (0, "match", [])
    rewritten(desk.folder / "b.tar", _dropped("README.md"))
    broken = _run("bundle", "verify", "b.tar", cwd=desk.folder)
    assert (broken.returncode, broken.stderr) == (1, "")
    assert broken.stdout == (
        "mismatch: 1 file\n  missing: `README.md` is not in the bundle\n"
        "  hint: fetch the bundle again, or make it anew: `envlock bundle -o FILE`\n"
    )


@pytest.mark.slow
def test_wrong_words_are_told(desk: Desk) -> None:
    done = _run("bundle", "-l", "envlock.lock", cwd=desk.folder)
    assert (done.returncode, done.stderr) == (
        2,
        "error: `-o` is missing [usage]\n\nhint: name the archive: `envlock bundle -o bundle.tar`\n",
    )
    done = _run("bundle", "-o", "x.tar", "verify", "y.tar", cwd=desk.folder)
    assert done.stderr.startswith("error: options go after `envlock bundle verify` [usage]")
    done = _run("sync", "--bundle", "x.tar", "--wheelhouse", ".", cwd=desk.folder)
    assert done.stderr.startswith("error: `--bundle` and `--wheelhouse` name the same thing twice [usage]")
    done = _run("bundle", "verify", "y.tar", cwd=desk.folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        3,
        "error: there is no bundle [bundle-invalid]",
    )


# --- downloads


BIG = make_wheel("demo", "1.0", files={"demo/__init__.py": b"", "demo/big.bin": Random(7).randbytes(900_000)})


@pytest.fixture
def big(tmp_path: Path) -> Iterator[Desk]:
    with LocalIndex() as index:
        index.add(BIG)
        desk = Desk(folder=tmp_path / "big", index=index)
        desk.folder.mkdir()
        desk.lock()
        yield desk


@pytest.mark.slow
def test_a_download_that_broke_off_goes_on_where_it_stopped(big: Desk) -> None:
    big.index.fault("*.whl", Truncate(at=131_072))
    big.index.forget()
    with pytest.raises(IndexFailed):
        big.bundle()
    broken = [request.range for request in big.index.requests("*.whl")]
    assert broken == [None, "bytes=131072-", "bytes=262144-", "bytes=393216-"]
    big.index.heal()
    big.index.forget()
    big.bundle()
    [last] = big.index.requests("*.whl")
    assert (last.range, last.sent) == ("bytes=524288-", BIG.size - 524_288)
    assert problems(big.archive) == []
    assert not [path.name for path in (big.folder / "cache").rglob(".*")]


@pytest.mark.slow
def test_what_an_earlier_run_left_may_be_of_another_file(big: Desk) -> None:
    part = big.folder / "cache/wheel-files-v1" / BIG.sha256[:2] / f".{BIG.sha256}.whl.part"
    for junk in (b"another file", bytes(BIG.size), bytes(BIG.size + 5)):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(junk)
        big.bundle()
        assert problems(big.archive) == []
        shutil.rmtree(part.parent)


@pytest.mark.slow
def test_a_server_without_ranges_begins_anew(big: Desk) -> None:
    part = big.folder / "cache/wheel-files-v1" / BIG.sha256[:2] / f".{BIG.sha256}.whl.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(BIG.content[:1000])
    big.index.fault("*.whl", NoRanges())
    big.bundle()
    assert problems(big.archive) == []


# --- without a network


def _without_network(*words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """In a network namespace that has no route, not even to itself."""
    command = ["unshare", "-n", *map(str, words)]
    environment = {**os.environ, **more}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=300
    )


def _need_namespaces() -> None:
    done = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip("no network namespaces here: needs root")
    assert done.returncode == 0


@pytest.mark.slow
def test_real_wheels_install_and_match_where_there_is_no_route(tmp_path: Path) -> None:
    """By envlock, and by pip alone; what both make is verified there, too."""
    _need_namespaces()
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\nrequirements = ["greenlet==3.1.1", "six==1.17.0", "markupsafe==3.0.2"]\n'
    )
    made = _run("lock", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    made = _run("bundle", "-o", "b.tar", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    envlock = (sys.executable, "-m", "envlock")
    fresh = {"UV_CACHE_DIR": str(tmp_path / "uv"), "XDG_CACHE_HOME": str(tmp_path / "empty")}
    done = _without_network(*envlock, "bundle", "install", "b.tar", "--venv", "env", cwd=tmp_path, **fresh)
    assert done.returncode == 0, done.stderr
    assert "every byte is what the lock says" in done.stdout
    unpack(tmp_path / "b.tar", tmp_path)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "plain"], check=True)
    pip = (tmp_path / "plain/bin/pip", "install", "--no-index", "--find-links", "wheels")
    words = (*pip, "--require-hashes", "-r", "requirements.txt")
    done = _without_network(*words, cwd=tmp_path / TOP)
    assert done.returncode == 0, done.stderr
    for prefix in ("env", "plain"):
        look = ("verify", "--level", "content", "--prefix", prefix, "--json")
        done = _without_network(*envlock, *look, cwd=tmp_path, **fresh)
        assert json.loads(done.stdout)["verdict"] == "match"
    assert problems(tmp_path / TOP) == []
