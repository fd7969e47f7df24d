"""Wheels on a server that behaves, and on one that does not: what is fetched, and how it fails."""

from __future__ import annotations

import random
import resource
import shutil
import struct
import subprocess
import threading
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import requests
from uv import find_uv_bin

from envlock.errors import BadWheel, DiskFailed, HashMismatch, IndexFailed, UsageFault
from envlock.lock.model import Fixup
from envlock.resolve.wheels import ranges
from envlock.resolve.wheels.entries import EntryCache
from envlock.resolve.wheels.identity import (
    WheelIdentity,
    WheelSource,
    identify,
    identify_all,
    identify_archive,
)
from tests.support import wheels
from tests.support.index import (
    Delay,
    Drip,
    Fault,
    LocalIndex,
    NoRanges,
    OtherBytes,
    Redirect,
    Reset,
    Status,
    Truncate,
    WrongRange,
)
from tests.support.wheels import Wheel, make_wheel

PYTHON = (3, 11)
NOISE = random.Random(0).randbytes(300_000)
AGAIN = "run the command again; `[tool.envlock.sources]` can name a mirror"

big = partial(make_wheel, "big", "1.0", files={"big/noise.bin": NOISE, "big/__init__.py": b"x = 1\n"})
BIG = big()
SMALL = make_wheel("small", "1.0", files={"small.py": b"x = 1\n"})


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as served:
        yield served


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with closing(ranges.open_session(4)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "FIRST_WAIT_SECONDS", 0.01)


def source(index: LocalIndex, wheel: Wheel, **listing: str | None) -> WheelSource:
    url = index.add(wheel)
    return WheelSource(file=wheel.filename, url=url, sha256=listing.get("sha256", wheel.sha256))


def from_bytes(wheel: Wheel, folder: Path) -> WheelIdentity:
    return identify_archive(wheel.write(folder), python=PYTHON)


def said(identity: WheelIdentity) -> WheelIdentity:
    """The identity without how it was come by."""
    return replace(identity, proved=True, fetched_bytes=0, requests=0, downloaded_whole=None)


def failure(index: LocalIndex, session: requests.Session, wheel: Wheel = BIG) -> IndexFailed:
    with pytest.raises(IndexFailed) as caught:
        identify(source(index, wheel), python=PYTHON, session=session)
    return caught.value


# --- what is fetched


def test_a_big_wheel_costs_its_end(index: LocalIndex, session: requests.Session, tmp_path: Path) -> None:
    identity = identify(source(index, BIG), python=PYTHON, session=session)
    assert said(identity) == from_bytes(BIG, tmp_path)
    assert not identity.proved
    assert identity.downloaded_whole is None
    assert (identity.requests, identity.fetched_bytes) == (1, 32 << 10)
    assert [(request.range, request.sent) for request in index.log] == [("bytes=-32768", 32 << 10)]


def test_a_small_wheel_comes_whole_and_is_proved(index: LocalIndex, session: requests.Session) -> None:
    identity = identify(source(index, SMALL), python=PYTHON, session=session)
    assert identity.proved
    assert identity.downloaded_whole is None
    assert (identity.requests, identity.fetched_bytes) == (1, SMALL.size)


def test_a_long_directory_comes_with_record_before_it(
    index: LocalIndex, session: requests.Session, tmp_path: Path
) -> None:
    files = {"big/noise.bin": NOISE * 4} | {f"big/{number}/module.py": b"" for number in range(2000)}
    wheel = big(files=files)
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert identity.requests == 2
    assert identity.fetched_bytes < wheel.size / 3


def test_of_scripts_only_the_first_bytes_are_fetched(
    index: LocalIndex, session: requests.Session, tmp_path: Path
) -> None:
    files = {
        "{data}/scripts/tool": b"\x7fELF" + NOISE,
        "big/noise.bin": NOISE,
        "{data}/scripts/run": b"#!python -E\n" + b"print()\n" * 500,
        "big/more.bin": NOISE,
    }
    wheel = big(files=files)
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert identity.requests == 3
    assert identity.fetched_bytes < (32 << 10) + 2 * 6000


def test_a_dist_info_in_front_costs_one_request_more(
    index: LocalIndex, session: requests.Session, tmp_path: Path
) -> None:
    honest = big(files={"big/__init__.py": b""})
    wheel = replace(honest, content=_with_noise_behind_the_dist_info(honest, tmp_path))
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert identity.requests == 2
    assert identity.fetched_bytes < 40_000
    assert [fixup.path for fixup in identity.fixups] == []


def _with_noise_behind_the_dist_info(wheel: Wheel, folder: Path) -> bytes:
    """INSTALLER does not count, so it can be as big as it likes."""
    path = wheel.write(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("big-1.0.dist-info/INSTALLER", NOISE)
    return path.read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        wheels.leading_slash(),
        wheels.backslashed(),
        wheels.duplicated(),
        wheels.unhashed("big/__init__.py"),
        wheels.wrong_size("big/__init__.py"),
        wheels.without("big/__init__.py"),
        wheels.rehashed("md5", "big/__init__.py"),
        wheels.rehashed("sha512", "big/__init__.py", "big/noise.bin"),
        wheels.ghost("big/ghost.py"),
    ],
)
def test_odd_records_read_by_ranges_as_from_bytes(
    index: LocalIndex, session: requests.Session, tmp_path: Path, spoil: wheels.Spoiler
) -> None:
    wheel = big(record=spoil)
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert identity.downloaded_whole is None
    assert identity.fetched_bytes < 40_000


def test_a_big_member_without_a_hash_is_read_through_a_window(
    index: LocalIndex, session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "WINDOW_BYTES", 100_000)
    files = {"big/odd.bin": NOISE, "big/noise.bin": NOISE, "big/more.bin": NOISE}
    wheel = big(files=files, record=wheels.unhashed("big/odd.bin"))
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert [fixup.path for fixup in identity.fixups] == ["big/odd.bin"]
    assert identity.downloaded_whole is None
    assert len(NOISE) < identity.fetched_bytes < len(NOISE) + 40_000
    assert identity.requests == 4


def test_zip64_by_ranges(
    index: LocalIndex, session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
        wheel = big()
    assert b"PK\x06\x06" in wheel.content
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert identity.requests == 1


def test_a_directory_that_claims_to_be_huge(index: LocalIndex, session: requests.Session) -> None:
    size = struct.unpack("<L", BIG.content[-10:-6])[0]
    start = struct.unpack("<L", BIG.content[-6:-2])[0]
    padded = bytes(40 << 20) + BIG.content[:-10] + struct.pack("<LLH", size + (39 << 20), start, 0)
    wheel = replace(BIG, content=padded)
    with pytest.raises(BadWheel) as caught:
        identify(source(index, wheel), python=PYTHON, session=session)
    assert caught.value.message == (
        "`big-1.0-py3-none-any.whl` is broken: it is not a zip file that can be read"
    )
    assert caught.value.facts == (("reason", "its central directory is larger than that of any wheel"),)
    assert index.sent("*.whl") == 32 << 10


def test_an_archive_that_is_all_comment(index: LocalIndex, session: requests.Session) -> None:
    comment = bytes(40_000)
    empty = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 0, 0, 0, 0, len(comment)) + comment
    with pytest.raises(BadWheel) as caught:
        identify(source(index, replace(BIG, content=empty)), python=PYTHON, session=session)
    assert caught.value.message == (
        "`big-1.0-py3-none-any.whl` cannot be installed safely: it has 0 dist-info folders instead of one"
    )


def test_bad_wheels_are_refused_by_ranges_too(index: LocalIndex, session: requests.Session) -> None:
    with pytest.raises(BadWheel) as caught:
        identify(source(index, big(extra=[("../evil", b"")])), python=PYTHON, session=session)
    assert caught.value.message == (
        "`big-1.0-py3-none-any.whl` cannot be installed safely: a member is named '../evil'"
    )


def test_a_wheel_in_a_folder(tmp_path: Path, session: requests.Session) -> None:
    folder = tmp_path / "wheels of mine"
    expected = from_bytes(BIG, folder)
    local = WheelSource(file=BIG.filename, url=(folder / BIG.filename).as_uri(), sha256=BIG.sha256)
    assert identify(local, python=PYTHON, session=session) == expected
    with pytest.raises(IndexFailed) as caught:
        identify(replace(local, url=(folder / "gone.whl").as_uri()), python=PYTHON, session=session)
    assert caught.value.message == "cannot read `big-1.0-py3-none-any.whl`: No such file or directory"


# --- whole, where it must be


@pytest.mark.parametrize(
    ("fault", "skip", "why"),
    [
        (NoRanges(), 0, "the server does not send parts of files"),
        (NoRanges(), 1, "the server answers a range with something else"),
        (WrongRange(), 1, "the server answers with other ranges than it is asked for"),
        (WrongRange(said="bytes 0-9/*"), 0, "the server answers ranges in a form of its own"),
        (WrongRange(said="bytes 0-9/20"), 0, "the server answers ranges in a form of its own"),
    ],
)
def test_without_ranges_the_wheel_comes_whole(
    index: LocalIndex, session: requests.Session, tmp_path: Path, fault: Fault, skip: int, why: str
) -> None:
    wheel = big(files={"{data}/scripts/tool": b"\x7fELF" + NOISE})
    index.fault("*.whl", fault, skip=skip, times=1)
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert identity.proved
    assert identity.downloaded_whole == why


def test_an_index_without_hashes(index: LocalIndex, session: requests.Session, tmp_path: Path) -> None:
    identity = identify(source(index, BIG, sha256=None), python=PYTHON, session=session)
    assert said(identity) == from_bytes(BIG, tmp_path)
    assert identity.proved
    assert identity.downloaded_whole == "the index gives no hash"
    assert [request.range for request in index.log] == [None]


def test_a_record_without_hashes(index: LocalIndex, session: requests.Session, tmp_path: Path) -> None:
    wheel = big(record=wheels.no_hashes)
    identity = identify(source(index, wheel), python=PYTHON, session=session)
    assert said(identity) == from_bytes(wheel, tmp_path)
    assert identity.downloaded_whole == "its RECORD has no hash for most of its files"


@pytest.mark.parametrize("status", [400, 405, 416, 501])
def test_a_server_without_suffix_ranges(
    index: LocalIndex, session: requests.Session, tmp_path: Path, status: int
) -> None:
    index.fault("*.whl", Status(code=status), times=1)
    identity = identify(source(index, BIG), python=PYTHON, session=session)
    assert said(identity) == from_bytes(BIG, tmp_path)
    assert identity.downloaded_whole is None
    asked = [request.range for request in index.log]
    assert asked == ["bytes=-32768", "bytes=0-0", f"bytes={BIG.size - 32768}-{BIG.size - 1}"]


@pytest.mark.parametrize("fault", [OtherBytes(content=SMALL.content), NoRanges()])
def test_other_bytes_than_were_hashed(index: LocalIndex, session: requests.Session, fault: Fault) -> None:
    index.fault("*.whl", fault)
    found = SMALL.sha256 if isinstance(fault, OtherBytes) else BIG.sha256
    listed = BIG.sha256 if isinstance(fault, OtherBytes) else "0" * 64
    with pytest.raises(HashMismatch) as caught:
        identify(source(index, BIG, sha256=listed), python=PYTHON, session=session)
    error = caught.value
    assert error.message == "`big-1.0-py3-none-any.whl` is not the file that its index lists"
    assert error.facts == (("listed", listed), ("found", found))
    assert error.hint == (
        "run the command again; if it stays so, the index or a mirror before it is at fault"
    )


def test_a_file_that_changes_between_two_requests(index: LocalIndex, session: requests.Session) -> None:
    wheel = big(files={"{data}/scripts/tool": b"\x7fELF" + NOISE})
    index.fault("*.whl", OtherBytes(content=BIG.content + b"\0"), skip=1)
    with pytest.raises(HashMismatch):
        identify(source(index, wheel), python=PYTHON, session=session)


def test_a_size_that_is_not_the_listed_one(index: LocalIndex, session: requests.Session) -> None:
    listed = replace(source(index, BIG), size=BIG.size + 1)
    with pytest.raises(HashMismatch) as caught:
        identify(listed, python=PYTHON, session=session)
    assert caught.value.facts == (("listed", f"{BIG.size + 1} bytes"), ("found", f"{BIG.size} bytes"))


# --- faults that pass, and faults that stay


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (Status(code=500), 3),
        (Status(code=502), 1),
        (Status(code=503), 2),
        (Status(code=504), 1),
        (Status(code=429), 1),
        (Status(code=503, retry_after=0), 1),
        (Status(code=503, retry_after="soon"), 1),
        (Reset(), 2),
        (Truncate(at=100), 2),
    ],
)
def test_a_fault_that_passes(
    index: LocalIndex, session: requests.Session, tmp_path: Path, fault: Fault, times: int
) -> None:
    index.fault("*.whl", fault, times=times)
    identity = identify(source(index, BIG), python=PYTHON, session=session)
    assert said(identity) == from_bytes(BIG, tmp_path)
    assert identity.requests == times + 1
    assert identity.downloaded_whole is None


@pytest.mark.parametrize("sha256", [BIG.sha256, None])
def test_a_body_that_ends_early_where_urllib3_lets_it_pass(
    index: LocalIndex, session: requests.Session, sha256: str | None
) -> None:
    def as_in_1_26(response: requests.Response, **_: object) -> None:
        response.raw.enforce_content_length = False

    session.hooks["response"].append(as_in_1_26)
    index.fault("*.whl", Truncate(at=100), times=1)
    identity = identify(source(index, BIG, sha256=sha256), python=PYTHON, session=session)
    assert (identity.sha256, identity.requests) == (BIG.sha256, 2)


def test_a_whole_wheel_that_breaks_off_is_asked_for_again(
    index: LocalIndex, session: requests.Session
) -> None:
    index.fault("*.whl", Truncate(at=200_000), times=1)
    identity = identify(source(index, BIG, sha256=None), python=PYTHON, session=session)
    assert identity.sha256 == BIG.sha256
    assert (identity.requests, identity.fetched_bytes) == (2, BIG.size)


def test_a_slow_server_is_waited_for(index: LocalIndex, session: requests.Session) -> None:
    index.fault("*.whl", Drip(chunk=2048, seconds=0.01))
    assert identify(source(index, BIG), python=PYTHON, session=session).requests == 1


def test_retry_after_is_honoured(index: LocalIndex, session: requests.Session) -> None:
    index.fault("*.whl", Status(code=429, retry_after=1), times=1)
    before = time.monotonic()
    identify(source(index, BIG), python=PYTHON, session=session)
    assert time.monotonic() - before >= 1


def test_redirects_are_followed(index: LocalIndex, session: requests.Session) -> None:
    mirror = index.named("mirror")
    index.fault("/files/simple/*", Redirect(to=mirror.add(BIG)))
    identity = identify(source(index, BIG), python=PYTHON, session=session)
    assert identity.fetched_bytes == 32 << 10
    assert [request.status for request in index.log] == [302, 206]


@pytest.mark.parametrize(
    ("fault", "reason", "tries", "hint"),
    [
        (Status(code=500), "the server answers 500", 4, AGAIN),
        (Status(code=503), "the server answers 503", 4, AGAIN),
        (
            Status(code=404),
            "the server answers 404",
            1,
            "the index lists a file that it does not have; `envlock lock --upgrade` looks again",
        ),
        (
            Status(code=401),
            "the server answers 401",
            1,
            "credentials for this host come from netrc or the keyring",
        ),
        (
            Status(code=429, retry_after=3600),
            "the server answers 429",
            1,
            "the server asks to wait 3600 seconds; then run the command again",
        ),
        (Reset(), "the connection breaks", 4, AGAIN),
        (Truncate(at=100), "the connection breaks", 4, AGAIN),
        (Redirect(to="/files/simple/big-1.0-py3-none-any.whl"), "the server redirects in a circle", 1, AGAIN),
        (Redirect(to="http://[big"), "the request cannot be made", 1, AGAIN),
    ],
)
def test_a_fault_that_stays(
    index: LocalIndex, session: requests.Session, fault: Fault, reason: str, tries: int, hint: str
) -> None:
    index.fault("*.whl", fault)
    error = failure(index, session)
    assert error.message == f"cannot read `big-1.0-py3-none-any.whl`: {reason}"
    assert error.facts == (
        ("host", index.root.removeprefix("http://")),
        *([("tried", f"{tries} times")] if tries > 1 else []),
    )
    assert error.hint == hint


def test_a_server_that_falls_silent(
    index: LocalIndex, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "TIMEOUT_SECONDS", (1.0, 0.05))
    index.fault("*.whl", Delay(seconds=0.3))
    assert failure(index, session).message == (
        "cannot read `big-1.0-py3-none-any.whl`: the server is silent for too long"
    )


def test_a_server_that_is_not_there(session: requests.Session) -> None:
    with LocalIndex() as index:
        gone = source(index, BIG)
    with pytest.raises(IndexFailed) as caught:
        identify(gone, python=PYTHON, session=session)
    assert caught.value.message == "cannot read `big-1.0-py3-none-any.whl`: the connection breaks"


def test_a_proxy_that_is_not_there(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalIndex() as index:
        monkeypatch.setenv("http_proxy", index.root)
    beyond = WheelSource(file=BIG.filename, url="http://wheels.example/big.whl", sha256=BIG.sha256)
    error = failure_of(lambda: identify(beyond, python=PYTHON, session=session))
    assert error.message == "cannot read `big-1.0-py3-none-any.whl`: the proxy does not answer"
    assert error.facts == (("host", "wheels.example"), ("tried", "4 times"))


def test_a_temporary_file_without_room(
    index: LocalIndex, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "IN_MEMORY_BYTES", 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DiskFailed) as caught:
            identify(source(index, BIG, sha256=None), python=PYTHON, session=session)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.message == "cannot write a temporary file: File too large"
    assert caught.value.hint == "free some space, or let TMPDIR name a folder that has it"


def test_credentials_are_used_and_never_told(index: LocalIndex, session: requests.Session) -> None:
    plain = source(index, BIG)
    secret = replace(plain, url=plain.url.replace("://", "://me:hunter2@") + "?token=hunter2")
    identify(secret, python=PYTHON, session=session)
    assert [request.authorized for request in index.log] == [True]
    index.fault("*.whl", Status(code=403))
    with pytest.raises(IndexFailed) as caught:
        identify(secret, python=PYTHON, session=session)
    error = caught.value
    assert error.message == "cannot read `big-1.0-py3-none-any.whl`: the server answers 403"
    assert error.facts == (("host", index.root.removeprefix("http://")),)
    assert "hunter2" not in f"{error.message}{error.facts}{error.hint}{error.where}"


# --- many at once


def stack(count: int) -> list[Wheel]:
    return [make_wheel(f"w{number}", "1.0", files={"x.bin": NOISE[:50_000]}) for number in range(count)]


def test_all_come_in_the_order_asked_over_few_connections(index: LocalIndex) -> None:
    sources = [source(index, wheel) for wheel in stack(30)]
    seen: list[str] = []
    found = identify_all(sources, python=PYTHON, on_progress=lambda identity: seen.append(identity.file))
    assert list(found) == [each.file for each in sources]
    assert sorted(seen) == sorted(found)
    assert len(index.log) == 30


def test_what_is_cached_is_not_asked_for(index: LocalIndex, tmp_path: Path) -> None:
    cache = EntryCache(directory=tmp_path)
    sources = [source(index, wheel) for wheel in stack(3)]
    cold = identify_all(sources, python=PYTHON, cache=cache)
    index.forget()
    seen: list[WheelIdentity] = []
    warm = identify_all(sources, python=PYTHON, cache=cache, on_progress=seen.append)
    assert index.log == ()
    assert seen == list(warm.values())
    assert {file: said(each) for file, each in warm.items()} == {f: said(each) for f, each in cold.items()}
    identify_all(sources, python=(3, 12), cache=cache)
    assert len(index.log) == 3


def test_without_a_hash_the_cache_is_not_asked(index: LocalIndex, tmp_path: Path) -> None:
    cache = EntryCache(directory=tmp_path)
    nameless = source(index, SMALL, sha256=None)
    identify_all([nameless], python=PYTHON, cache=cache)
    identify_all([nameless], python=PYTHON, cache=cache)
    assert len(index.log) == 2


def test_the_first_failure_ends_the_others(index: LocalIndex) -> None:
    sources = [source(index, wheel) for wheel in stack(80)]
    index.fault("*/w0-*", Status(code=404))
    index.fault("*.whl", Delay(seconds=0.1))
    with pytest.raises(IndexFailed) as caught:
        identify_all(sources, python=PYTHON)
    assert caught.value.message == "cannot read `w0-1.0-py3-none-any.whl`: the server answers 404"
    assert len(index.log) < 80
    _join_workers()


@pytest.mark.parametrize(
    "busy", [Status(code=503, retry_after=25), Drip(chunk=1024, seconds=0.1)], ids=["waits", "downloads"]
)
def test_the_first_failure_ends_what_takes_long(
    index: LocalIndex, monkeypatch: pytest.MonkeyPatch, busy: Fault
) -> None:
    """Either would go on for 25 seconds or more."""
    monkeypatch.setattr(ranges, "CHUNK_BYTES", 1024)
    bad = make_wheel("bad", "1.0", files={"bad.py": b""})
    index.fault("*/big-*", busy)
    index.fault("*/bad-*", Delay(seconds=0.1))
    sources = [source(index, bad), source(index, BIG, sha256=None)]
    index.remove(bad.filename)
    assert failure_of(lambda: identify_all(sources, python=PYTHON)).message == (
        "cannot read `bad-1.0-py3-none-any.whl`: the server answers 404"
    )
    _join_workers()


def test_failures_that_are_known_by_then_are_named(
    index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress of a third wheel holds up the thread that collects, until both others have failed."""
    monkeypatch.setattr(ranges, "FIRST_WAIT_SECONDS", 0.1)
    sources = [source(index, wheel) for wheel in (*stack(2), SMALL)]
    index.fault("*/w[01]-*", Status(code=503))

    def hold(_identity: WheelIdentity) -> None:
        while len(index.requests("*/w[01]-*")) < 2 * ranges.ATTEMPTS:
            time.sleep(0.01)
        time.sleep(0.2)  # the last answers are still on their way

    error = failure_of(lambda: identify_all(sources, python=PYTHON, on_progress=hold))
    messages = [f"cannot read `w{number}-1.0-py3-none-any.whl`: the server answers 503" for number in (0, 1)]
    assert [error.message, *(text for label, text in error.facts if label == "also")] == messages


def _join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("identify"):
            thread.join(timeout=5)
            assert not thread.is_alive()


# --- trust


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by nobody."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate of this test")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    subprocess.run(
        [*command, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path)],
        check=True,
        capture_output=True,
    )
    return path


def test_a_certificate_that_nobody_trusts(certificate: Path, session: requests.Session) -> None:
    with LocalIndex(certificate=certificate) as index:
        error = failure_of(lambda: identify(source(index, BIG), python=PYTHON, session=session))
        assert index.log == ()
    assert error.message == "cannot read `big-1.0-py3-none-any.whl`: the server's certificate is not trusted"
    assert error.hint == "let REQUESTS_CA_BUNDLE name the certificates of your network"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_that_the_user_trusts(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(certificate))
    with LocalIndex(certificate=certificate) as index:
        sources = [source(index, wheel) for wheel in stack(5)]
        assert len(identify_all(sources, python=PYTHON)) == 5


def test_a_folder_of_certificates_that_the_user_trusts(
    certificate: Path, session: requests.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(certificate)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / f"{name}.0").symlink_to(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with LocalIndex(certificate=certificate) as index:
        assert identify(source(index, BIG), python=PYTHON, session=session).sha256 == BIG.sha256


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file or directory"), (b"none\n", "it holds none")],
)
def test_certificates_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    bundle = tmp_path / "certificates.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    far = WheelSource(file=BIG.filename, url="https://127.0.0.1:9/big.whl", sha256=BIG.sha256)
    with pytest.raises(UsageFault) as caught:
        identify_all([far], python=PYTHON)
    assert caught.value.message == f"cannot read certificates in `{bundle}`: {reason}"
    assert caught.value.hint == "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names it"


def test_a_certificate_for_another_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with LocalIndex(certificate=certificate) as index, closing(ranges.open_session(1)) as session:
        other = source(index, BIG)
        renamed = replace(other, url=other.url.replace("127.0.0.1", "localhost"))
        error = failure_of(lambda: identify(renamed, python=PYTHON, session=session))
    assert error.message == "cannot read `big-1.0-py3-none-any.whl`: the server's certificate is not trusted"


def failure_of(action: Callable[[], object]) -> IndexFailed:
    with pytest.raises(IndexFailed) as caught:
        action()
    return caught.value


# --- the vectors of IDENTITY, from the installer's own index


VECTORS = {
    "six-1.17.0-py2.py3-none-any.whl": (
        5,
        "1c9e262c3fa1f6b56c7cbe9a603b3af741ab7589e804507edac139856e910e3a",
    ),
    "jupyterlab_widgets-3.0.13-py3-none-any.whl": (
        27,
        "f752ad1c7a6f78f640fad02b39a2350368d2d626c00cdc59de8871450a052de0",
    ),
    "greenlet-3.1.1-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl": (
        95,
        "dfb43be988af9bed2d87e9d9ec263185cd6f34b9585adcffd7716e3c7e9b5f8b",
    ),
}


@pytest.mark.slow
def test_vectors_by_ranges_and_from_bytes(session: requests.Session, tmp_path: Path) -> None:
    sources = [
        each
        for each in _listed("six==1.17.0", "jupyterlab-widgets==3.0.13", "greenlet==3.1.1")
        if each.file in VECTORS
    ]
    by_ranges = identify_all(sources, python=PYTHON, session=session)
    assert {file: (each.files, each.digest) for file, each in by_ranges.items()} == VECTORS
    for each in sources:
        path = tmp_path / each.file
        path.write_bytes(session.get(each.url, timeout=60).content)
        proved = identify_archive(path, python=PYTHON, sha256=each.sha256)
        assert said(proved) == said(by_ranges[each.file])
        assert proved.proved


@pytest.mark.slow
def test_a_record_that_is_wrong_in_the_wild(session: requests.Session) -> None:
    """sentry-cli 3.8.0 lists another WHEEL than it holds; selenium 4.1.0 lists absolute paths."""
    found = identify_all(_listed("sentry-cli==3.8.0", "selenium==4.1.0"), python=PYTHON, session=session)
    by_name = {each.name: each for each in found.values()}
    assert by_name["selenium"].fixups == ()
    assert by_name["sentry-cli"].fixups == (
        Fixup(
            place="lib",
            path="sentry_cli-3.8.0.dist-info/WHEEL",
            sha256="d8a059763966fe38b2cfd579971df714c82858e6c15351b685883166f0a22b8c",
        ),
    )
    assert all(each.fetched_bytes < 100_000 for each in found.values())


def _listed(*requirements: str) -> list[WheelSource]:
    """The wheels of exact pins for Linux, as the installer's index lists them."""
    command = "pip compile - --no-deps --format pylock.toml --python-version 3.11 --python-platform"
    answer = subprocess.run(
        [find_uv_bin(), *command.split(), "x86_64-manylinux_2_28"],
        input="\n".join(requirements),
        capture_output=True,
        text=True,
        check=True,
    )
    packages = tomllib.loads(answer.stdout)["packages"]
    return [
        WheelSource(file=wheel["url"].rpartition("/")[2], url=wheel["url"], sha256=wheel["hashes"]["sha256"])
        for package in packages
        for wheel in package["wheels"]
    ]
