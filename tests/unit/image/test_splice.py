"""Layers of spliced streams: what gzip and tar make of them, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from envlock.errors import BadWheel, HashMismatch
from envlock.image.place import Site
from envlock.image.splice import Codec, Item, Measured, Plain, Spliced, measured, packed
from envlock.image.tar import END, Entry, Kind, header, padding
from envlock.image.wheel_items import plain_item, wheel_items
from envlock.lock.model import Wheel as LockedWheel
from tests.support.environments import lock_of
from tests.support.wheels import Wheel, make_wheel

SITE = Site(series="3.11")
FILES = {
    "thing/__init__.py": b"x = 1\n" * 9000,
    "thing/empty.py": b"",
    "thing/data.bin": bytes(range(256)) * 700,
    "{data}/scripts/tool": b"#!python -E\nprint(1)\n",
    "{data}/scripts/native": b"\x7fELF....",
    "{data}/data/share/thing.txt": b"text\n",
    "{data}/headers/thing.h": b"int x;\n",
}
THING = make_wheel(
    "thing",
    "1.0",
    files=FILES,
    entry_points="[console_scripts]\nthing = thing:main\n",
    executable=["thing/data.bin"],
)


def locked(wheel: Wheel, folder: Path) -> LockedWheel:
    return lock_of([wheel], folder, python="3.11").distributions[0].wheels[0]


def items_of(wheel: Wheel, folder: Path) -> list[Item]:
    return wheel_items(wheel.write(folder), locked(wheel, folder), SITE)


def made(items: list[Item], codec: Codec = Codec.GZIP) -> tuple[Measured, bytes]:
    buffer = io.BytesIO()
    return measured(items, buffer.write, codec), buffer.getvalue()


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def contents(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        files = {info.name: archive.extractfile(info) for info in archive if info.isreg()}
        return {name: stream.read() for name, stream in files.items() if stream is not None}


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_gzip_unpacks_a_layer_to_the_archive_that_its_diff_id_names(tmp_path: Path, compression: int) -> None:
    wheel = make_wheel("thing", "1.0", files=FILES, compression=compression)
    items = items_of(wheel, tmp_path)
    of_gzip, data = made(items)
    of_tar, plain = made(items, Codec.TAR)
    assert of_gzip == of_tar
    assert gzip.decompress(data) == plain
    assert (of_gzip.digest, of_gzip.size, of_gzip.diff_id) == (sha256(data), len(data), sha256(plain))
    assert b"".join(packed(items)) == data


def test_an_archive_has_every_file_of_the_wheel_where_an_installer_puts_it(tmp_path: Path) -> None:
    _, plain = made(items_of(THING, tmp_path), Codec.TAR)
    found = contents(plain)
    site = "opt/env/lib/python3.11/site-packages"
    assert found[f"{site}/thing/__init__.py"] == FILES["thing/__init__.py"]
    assert found[f"{site}/thing/empty.py"] == b""
    assert found["opt/env/bin/tool"] == b"#!/opt/env/bin/python\nprint(1)\n"
    assert found["opt/env/bin/thing"].startswith(b"#!/opt/env/bin/python\n")
    assert found["opt/env/share/thing.txt"] == b"text\n"
    assert found["opt/env/include/site/python3.11/thing/thing.h"] == b"int x;\n"
    assert found[f"{site}/thing-1.0.dist-info/INSTALLER"] == b"envlock"
    rows = {line.split(",")[0] for line in found[f"{site}/thing-1.0.dist-info/RECORD"].decode().splitlines()}
    assert {"thing/__init__.py", "../../../bin/tool", "../../../share/thing.txt"} <= rows
    assert len(rows) == len(found)


def test_modes_are_those_of_installers_and_nothing_tells_of_this_machine(tmp_path: Path) -> None:
    _, plain = made(items_of(THING, tmp_path), Codec.TAR)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        rows = {info.name.rpartition("/")[2]: info for info in archive}
    assert {name for name, info in rows.items() if info.mode == 0o755} == {
        "data.bin",
        "tool",
        "native",
        "thing",
    }
    assert {(info.uid, info.gid, info.mtime, info.uname) for info in rows.values()} == {(0, 0, 0, "")}


def test_a_file_of_a_wheel_that_is_not_what_its_record_says(tmp_path: Path) -> None:
    items = items_of(THING, tmp_path)
    wheel = tmp_path / THING.filename
    body = next(item.body for item in items if item.entry.path.endswith("data.bin"))
    assert isinstance(body, Spliced)
    data = bytearray(wheel.read_bytes())
    data[body.offset + body.length // 2] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(HashMismatch) as caught:
        made(items)
    assert caught.value.message == f"`thing/data.bin` in `{THING.filename}` is not what was locked"


def test_another_wheel_than_the_locked_one(tmp_path: Path) -> None:
    other = make_wheel("thing", "1.0", files={"thing/__init__.py": b"y\n"})
    wanted = locked(other, tmp_path / "other")
    with pytest.raises(HashMismatch) as caught:
        wheel_items(THING.write(tmp_path), wanted, SITE)
    assert caught.value.message == f"`{THING.filename}` is not the wheel that was locked"


def test_a_compression_that_no_layer_can_take_over(tmp_path: Path) -> None:
    wheel = make_wheel("thing", "1.0", files={"thing.py": b"x = 1\n"}, compression=zipfile.ZIP_BZIP2)
    with pytest.raises(BadWheel) as caught:
        items_of(wheel, tmp_path)
    message = f"`{wheel.filename}` is compressed in a way that no layer can take over"
    assert caught.value.message == message
    assert caught.value.facts == (("member", "thing.py"), ("method", "12"))


def test_a_member_without_a_header(tmp_path: Path) -> None:
    wanted, path = locked(THING, tmp_path), tmp_path / THING.filename
    at = path.read_bytes().index(b"thing/data.bin") - 30
    assert path.read_bytes()[at : at + 4] == b"PK\x03\x04"
    path.write_bytes(path.read_bytes()[:at] + b"PK\x03\x05" + path.read_bytes()[at + 4 :])
    with pytest.raises(BadWheel) as caught:
        wheel_items(path, wanted, SITE)
    assert caught.value.message == f"`{THING.filename}` is broken: a member has no header"


@pytest.mark.parametrize("path", ["a/b", "x" * 100, "x" * 101, "d" * 60 + "/" + "e" * 99, "näme", "l" * 1000])
def test_names_of_every_length_are_read_back(path: str) -> None:
    data = header(Entry(path=path, kind=Kind.FILE, mode=0o644, size=3)) + b"abc" + padding(3) + END
    assert contents(data) == {path: b"abc"}


def test_links_and_folders_are_read_back() -> None:
    target = "../" * 40 + "somewhere"
    data = header(Entry(path="link", kind=Kind.LINK, mode=0o777, target=target))
    data += header(Entry(path="folder", kind=Kind.FOLDER, mode=0o755, owner=1000)) + END
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        link, folder = archive.getmembers()
    assert (link.issym(), link.linkname) == (True, target)
    assert (folder.isdir(), folder.uid, folder.gid) == (True, 1000, 1000)


def test_the_bytes_of_format_1_never_change() -> None:
    """A change here is a new FORMAT: images that are locked have these digests."""
    items = [
        Item(entry=Entry(path="opt/env", kind=Kind.FOLDER, mode=0o755)),
        plain_item("opt/env/a", b"1" * 70000, 0o644),
        Item(entry=Entry(path="opt/env/b", kind=Kind.LINK, mode=0o777, target="a")),
        Item(entry=Entry(path="ü" * 99, kind=Kind.FILE, mode=0o600, size=2), body=Plain(content=b"ab")),
    ]
    found, _ = made(items)
    assert found == Measured(
        diff_id="sha256:8de7fe84cd0f0bcd05be1c88049decf6b79760dbdf739a195f8afc44da3152a1",
        digest="sha256:872ac8059afeb37dc9e8913d02723feb3b930222ca69494e6ce0e9ee8bbea3ba",
        size=74780,
    )


def test_a_wheel_that_is_cut_meanwhile(tmp_path: Path) -> None:
    items = items_of(THING, tmp_path)
    path = tmp_path / THING.filename
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(HashMismatch) as caught:
        made(items)
    assert caught.value.message == (
        f"`thing-1.0.data/scripts/native` in `{THING.filename}` is not what was locked"
    )
    assert caught.value.hint == "remove the file and run the command again: it is fetched anew"


def test_more_wheels_than_may_be_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = [make_wheel(f"w{number}", "1", files={f"w{number}.py": bytes(512)}) for number in range(3)]
    items = [item for wheel in wheels for item in items_of(wheel, tmp_path)]
    whole = made(items)
    monkeypatch.setattr("envlock.image.splice._MOST_OPEN", 1)
    assert made(items) == whole
    assert contents(gzip.decompress(whole[1]) + END)[f"{SITE.packages}/w2.py".lstrip("/")] == bytes(512)
