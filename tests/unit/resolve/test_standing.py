"""How a locked file stands: there, gone, other bytes, or not to be asked. The servers are real."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.lock.model import CondaPackage
from envlock.resolve.oci.layout import open_layout
from envlock.resolve.standing import conda_standing, image_standing
from envlock.resolve.wheels.ranges import open_session
from tests.support.images import digest_of, tiny_base
from tests.support.index import FolderServer, NoRanges, OtherBytes, Redirect, Reset, Status
from tests.unit.lock.values import conda_package

CONTENT = b"an archive"
PACKAGE = conda_package(
    "demo",
    channel="local",
    subdir="noarch",
    file="demo-1-0.conda",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)
ARCHIVE = "/channel/noarch/demo-1-0.conda"


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    folder = tmp_path / "channel"
    (folder / "noarch").mkdir(parents=True)
    (folder / "noarch" / PACKAGE.file).write_bytes(CONTENT)
    (folder / "noarch" / "repodata.json").write_text("{}")
    return folder


@pytest.fixture
def server(channel: Path) -> Iterator[FolderServer]:
    with FolderServer(channel, "channel") as running:
        yield running


def stands(url: str | None, package: CondaPackage = PACKAGE) -> tuple[str, str]:
    with open_session(1) as session:
        found = conda_standing(package, {} if url is None else {"local": url}, session)
    assert (found.file, found.sha256, found.index) == (package.file, package.sha256, "local")
    return str(found.state), found.reason


def test_an_archive_on_a_server(server: FolderServer, channel: Path) -> None:
    assert stands(server.url) == ("there", "")
    server.fault(ARCHIVE, NoRanges())
    assert stands(server.url) == ("there", "")
    server.heal()
    server.fault(ARCHIVE, OtherBytes(content=b"longer than it was"))
    assert stands(server.url) == ("other-bytes", "it has 18 bytes there, 10 are locked")
    server.heal()
    (channel / "noarch" / PACKAGE.file).unlink()
    assert stands(server.url) == ("gone", "the server answers 404")
    (channel / "noarch" / "repodata.json").unlink()
    assert stands(server.url) == ("unasked", "what is there is no channel: the server answers 404")


def test_a_server_that_cannot_be_asked(server: FolderServer) -> None:
    server.fault(ARCHIVE, Status(code=503))
    assert stands(server.url) == ("unasked", "the server answers 503")
    assert len(server.requests(ARCHIVE)) == 3
    for fault in (Reset(), Redirect(to="http://["), Redirect(to="http://a..b/")):
        server.heal()
        server.fault(ARCHIVE, fault)
        assert stands(server.url) == ("unasked", "the server does not answer")
    assert stands("http://127.0.0.1:9") == ("unasked", "the server does not answer")


def test_a_channel_that_points_nowhere() -> None:
    state, reason = stands(None)
    assert (state, reason) == ("unasked", "channel `local` points nowhere from here")


def test_an_archive_in_a_folder(channel: Path) -> None:
    url = channel.as_uri()
    assert stands(url) == ("there", "")
    other = hashlib.sha256(b"an Archive").hexdigest()
    (channel / "noarch" / PACKAGE.file).write_bytes(b"an Archive")
    assert stands(url) == ("other-bytes", f"it has sha256 {other} there")
    (channel / "noarch" / PACKAGE.file).unlink()
    assert stands(url) == ("gone", "it is not there")
    elsewhere = (channel / "none").as_uri()
    assert stands(elsewhere) == ("unasked", "the folder is not there")


def test_a_base_in_a_layout(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "base")
    layout = open_layout(f"oci:{folder}", Path("/"))
    digest = json.loads((folder / "index.json").read_bytes())["manifests"][0]["digest"]

    def base(digest: str = digest) -> tuple[str, str]:
        found = image_standing("oci:base", digest, layout)
        assert (found.file, found.index) == (f"oci:base@{digest}", "oci:base")
        return str(found.state), found.reason

    assert base() == ("there", "")
    lowest = json.loads(layout.file(digest).read_bytes())["layers"][0]["digest"]
    layout.file(lowest).unlink()
    assert base() == ("gone", f"it no longer has blob {lowest}")
    layout.file(digest).unlink()
    assert base() == ("gone", f"it no longer has manifest {digest}")
    other = digest_of(b"{}")
    layout.file(other).write_bytes(b"{}")
    message = f"cannot use the image `oci:{folder}`: it has another schema than version 2"
    assert base(other) == ("unasked", message)
    nowhere = open_layout(f"oci:{tmp_path / 'none'}", Path("/"))
    found = image_standing("oci:none", digest, nowhere)
    assert (str(found.state), found.reason) == ("unasked", f"there is no layout at `{tmp_path / 'none'}`")
