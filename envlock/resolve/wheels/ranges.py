"""Files on a server, read in parts: ranges, retries, and the whole file where ranges are refused.

A server may do without ranges, answer with other ones than were asked for, stall, or break off. What
can be tried again is tried again; what still fails is `index-failed`, which names the file, the status
and the host, and never a URL: URLs carry credentials. Import late: requests costs 0.1 s.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar, cast
from urllib.parse import urlsplit
from zipfile import BadZipFile

import requests
import urllib3
from urllib3.exceptions import InvalidHeader, ProtocolError
from urllib3.util import Retry

from envlock import __version__
from envlock.errors import DiskFailed, IndexFailed
from envlock.resolve.wheels.contents import coalesced
from envlock.resolve.wheels.trust import SharedTrustAdapter
from envlock.resolve.wheels.wheel import Traffic

TAIL_BYTES: Final = 32 << 10
# Only the central directory runs into the tail. Writers put the dist-info just before it, and RECORD has
# a hash of 32 bytes where the directory has a header of 46: this much more (in %) brings RECORD as well.
LEAD: Final = 60
WINDOW_BYTES: Final = 4 << 20
CHUNK_BYTES: Final = 256 << 10
KEPT_BYTES: Final = 64 << 10  # of a connection that breaks, what came after the last such piece is lost
IN_MEMORY_BYTES: Final = 4 << 20
MOST_DIRECTORY_BYTES: Final = 32 << 20
ATTEMPTS: Final = 4
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 30.0
TIMEOUT_SECONDS: Final = (10.0, 30.0)  # to connect, and between two packets
AGAIN: Final = frozenset({429, 500, 502, 503, 504})
# RFC 9110 14.1.2 lets a server do without suffix ranges (`bytes=-N`); these are ways to decline one.
NO_SUFFIX: Final = frozenset({400, 405, 416, 501})

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_T = TypeVar("_T")


class RangesRefused(Exception):
    """The server does no ranges, or does them wrong. The message is a clause: `the server …`."""


class Cancelled(Exception):
    """Another file failed first."""


class Remote(Protocol):
    """What is fetched: `file` for messages, `url` for the request."""

    @property
    def file(self) -> str: ...

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The bytes from `start` on of a file of `total` bytes."""

    start: int
    data: bytes
    total: int

    @property
    def stop(self) -> int:
        return self.start + len(self.data)


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A whole file, spooled, with the hash of what came."""

    file: BinaryIO
    sha256: str
    size: int


class _Failed(Exception):
    """A try that failed: `reason` is a clause, `status` the answer's where there was one."""

    def __init__(
        self,
        reason: str,
        *,
        passing: bool = False,
        status: int | None = None,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.passing = reason, passing
        self.status, self.wait_seconds = status, wait_seconds

    @property
    def worth_another_try(self) -> bool:
        return self.passing and (self.wait_seconds or 0) <= LONGEST_WAIT_SECONDS


class Downloader:
    """Fetches files and parts of files over one session. Threads may share it.

    Setting `cancelled` ends waits and long downloads with `Cancelled`.
    """

    def __init__(self, session: requests.Session, cancelled: threading.Event | None = None) -> None:
        self._session = session
        self._cancelled = cancelled or threading.Event()

    def tail(self, remote: Remote, traffic: Traffic) -> Part | Whole:
        """The last `TAIL_BYTES` and the size, or the whole file where the server sends that."""

        def consume(response: requests.Response) -> Part | Whole | None:
            if response.status_code in NO_SUFFIX:
                return None
            return _part(response, traffic) if response.status_code == 206 else self._spool(response, traffic)

        answer = self._exchange(remote, {"Range": f"bytes=-{TAIL_BYTES}"}, consume, traffic)
        if answer is not None:
            return answer
        total = self._ranged(remote, 0, 1, traffic).total
        return self.part(remote, max(total - TAIL_BYTES, 0), total, traffic)

    def part(self, remote: Remote, start: int, stop: int, traffic: Traffic) -> Part:
        """Exactly the bytes from `start` to `stop`, or RangesRefused."""
        answer = self._ranged(remote, start, stop, traffic)
        if (answer.start, answer.stop) != (start, stop):
            raise RangesRefused("the server answers with other ranges than it is asked for")
        return answer

    def whole(self, remote: Remote, traffic: Traffic) -> Whole:
        return self._exchange(remote, {}, lambda response: self._spool(response, traffic), traffic)

    def resumed(self, remote: Remote, part: Path, traffic: Traffic) -> None:
        """Fetch a file into `part`, from where an earlier run, or a try of this one, broke off.

        What was there is not proved here: the hash of the whole tells. Raises IndexFailed, and OSError where
        the disk refuses.
        """
        headers: dict[str, str] = {}
        self._continue_at(part, headers)

        def consume(response: requests.Response) -> None:
            try:
                self._append(response, part, traffic)
            finally:
                self._continue_at(part, headers)

        self._exchange(remote, headers, consume, traffic)

    def _continue_at(self, part: Path, headers: dict[str, str]) -> None:
        there = part.stat().st_size if part.exists() else 0
        headers.clear()
        if there:
            headers["Range"] = f"bytes={there}-"

    def _append(self, response: requests.Response, part: Path, traffic: Traffic) -> None:
        """The body after what is there, where the server sends that; else anew from the start."""
        there = part.stat().st_size if part.exists() else 0
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        goes_on = response.status_code == 206 and match is not None and int(match[1]) == there
        if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{there}":
            return  # nothing is left to send
        if response.status_code != 200 and not goes_on:
            part.unlink(missing_ok=True)
            raise _Failed("the server answers a range with something else", passing=True)
        size = 0
        with part.open("ab" if goes_on else "wb") as file:
            for chunk in response.raw.stream(KEPT_BYTES, decode_content=not goes_on):
                self._check()
                file.write(chunk)
                size += len(chunk)
        _check_length(response, size)
        traffic.received += size

    def _ranged(self, remote: Remote, start: int, stop: int, traffic: Traffic) -> Part:
        def consume(response: requests.Response) -> Part:
            if response.status_code != 206:
                raise RangesRefused("the server answers a range with something else")
            return _part(response, traffic)

        return self._exchange(remote, {"Range": f"bytes={start}-{stop - 1}"}, consume, traffic)

    def _exchange(
        self,
        remote: Remote,
        headers: Mapping[str, str],
        consume: Callable[[requests.Response], _T],
        traffic: Traffic,
    ) -> _T:
        """Ask, and ask again after a fault that may pass; the body counts as part of the answer."""
        attempt = 0
        while True:
            attempt += 1
            traffic.requests += 1
            try:
                return self._try(remote, headers, consume)
            except _Failed as failed:
                if attempt == ATTEMPTS or not failed.worth_another_try:
                    raise _index_failed(remote, failed, attempt) from failed.__cause__
                backoff = FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
                self._wait(backoff if failed.wait_seconds is None else failed.wait_seconds)

    def _try(
        self,
        remote: Remote,
        headers: Mapping[str, str],
        consume: Callable[[requests.Response], _T],
    ) -> _T:
        self._check()
        try:
            with self._session.get(
                remote.url,
                headers={"Accept-Encoding": "identity", **headers},
                stream=True,
                timeout=TIMEOUT_SECONDS,
            ) as response:
                declined = "Range" in headers and response.status_code in NO_SUFFIX
                if not declined and response.status_code not in (200, 206):
                    raise _refusal(response)
                return consume(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _broken(error) from error

    def _spool(self, response: requests.Response, traffic: Traffic) -> Whole:
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))  # noqa: SIM115
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=True):
                self._check()
                _write(file, chunk)
                digest.update(chunk)
                size += len(chunk)
            _check_length(response, size)
            traffic.received += size
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return Whole(file=file, sha256=digest.hexdigest(), size=size)

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def _wait(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise Cancelled


class RangedFile(io.RawIOBase):
    """A file on a server as a seekable file, for the standard library to read.

    Kept in memory: the tail, what `prefetch` brought, and one window of at most `WINDOW_BYTES`.
    """

    def __init__(self, downloader: Downloader, remote: Remote, tail: Part, traffic: Traffic) -> None:
        super().__init__()
        self._downloader, self._remote, self._traffic = downloader, remote, traffic
        self._tail, self._window = tail, tail
        self._pinned: list[Part] = []
        self._position, self._horizon = 0, 0
        self.total = tail.total

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.total}[whence]
        if base + offset < 0:
            raise OSError("before the start of the file")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        stop = self.total if size is None or size < 0 else min(self._position + size, self.total)
        if stop <= self._position:
            return b""
        data = self._bytes(self._position, stop)
        self._position = stop
        return data

    def prefetch(self, extents: Iterable[tuple[int, int]]) -> None:
        """Bring (start, stop) extents in as few requests as `GAP_BYTES` allows."""
        missing = [extent for extent in extents if self._held(*extent) is None]
        for start, stop in coalesced(missing):
            if stop > self._tail.start:
                self._lengthen_tail(start)
            else:
                self._pinned.append(self._load(start, stop))

    def read_up_to(self, stop: int) -> None:
        """Say that the next reads go on until `stop`, so that a window reaches no further."""
        self._horizon = stop

    def _bytes(self, start: int, stop: int) -> bytes:
        held = self._held(start, stop)
        if held is not None:
            return held
        if stop - start > MOST_DIRECTORY_BYTES:
            raise BadZipFile("its central directory is larger than that of any wheel")
        if stop > self._tail.start:
            self._lengthen_tail(max(start - (self.total - start) * LEAD // 100, 0))
            return self._tail.data[start - self._tail.start : stop - self._tail.start]
        self._window = self._moved_window(start, stop)
        return self._window.data[: stop - start]

    def _moved_window(self, start: int, stop: int) -> Part:
        """A window from `start` on, which keeps what the last one has of it."""
        old = self._window
        kept = old.data[start - old.start :] if old.start <= start < old.stop else b""
        end = max(stop, min(start + WINDOW_BYTES, self._horizon, self._tail.start))
        more = self._load(start + len(kept), end)
        return Part(start=start, data=kept + more.data, total=self.total)

    def _held(self, start: int, stop: int) -> bytes | None:
        for part in (self._tail, self._window, *self._pinned):
            if part.start <= start and stop <= part.stop:
                return part.data[start - part.start : stop - part.start]
        return None

    def _lengthen_tail(self, start: int) -> None:
        more = self._load(start, self._tail.start)
        self._tail = Part(start=start, data=more.data + self._tail.data, total=self.total)

    def _load(self, start: int, stop: int) -> Part:
        part = self._downloader.part(self._remote, start, stop, self._traffic)
        if part.total != self.total:
            raise RangesRefused("the server changed the file between two requests")
        return part


class _Session(requests.Session):
    """Redirects to what is no address fail as all else does that requests cannot do."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        try:
            target = super().get_redirect_target(resp)
            urlsplit(target or "")
        except ValueError as error:
            resp.close()
            raise requests.exceptions.InvalidURL("a redirect to what is no address") from error
        return target


def open_session(connections: int) -> requests.Session:
    """A session with room for that many connections, which share one set of trusted certificates.

    Proxies, netrc and REQUESTS_CA_BUNDLE count as always with requests; the system's own trust store is
    added to the bundled one, so that SSL_CERT_FILE, which uv obeys, is obeyed here as well.
    """
    session = _Session()
    session.headers["User-Agent"] = f"envlock/{__version__}"
    adapter = SharedTrustAdapter(pool_connections=8, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _part(response: requests.Response, traffic: Traffic) -> Part:
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or "Content-Encoding" in response.headers:
        raise RangesRefused("the server answers ranges in a form of its own")
    start, last, total = (int(number) for number in match.groups())
    data = response.raw.read(decode_content=False)
    _check_length(response, len(data))
    traffic.received += len(data)
    if len(data) != last + 1 - start:
        raise RangesRefused("the server answers ranges in a form of its own")
    return Part(start=start, data=data, total=total)


def _check_length(response: requests.Response, received: int) -> None:
    """Treat a body that ends early as a broken connection; urllib3 1.26 lets it pass."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and received < int(announced) and "Content-Encoding" not in response.headers:
        raise ProtocolError("the body ends early")


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise DiskFailed(
            f"cannot write a temporary file: {error.strerror}",
            hint="free some space, or let TMPDIR name a folder that has it",
        ) from error


def _refusal(response: requests.Response) -> _Failed:
    status = response.status_code
    return _Failed(
        f"the server answers {status}",
        passing=status in AGAIN,
        status=status,
        wait_seconds=retry_after(response.headers.get("Retry-After")),
    )


def retry_after(value: str | None) -> float | None:
    """Seconds to wait; RFC 9110 allows a date as well."""
    try:
        return None if value is None else Retry().parse_retry_after(value)
    except InvalidHeader:
        return None


def _broken(error: Exception) -> _Failed:
    """What went wrong below HTTP, without the library's own text: that one holds the path."""
    match error:
        case requests.exceptions.SSLError():
            return _Failed("the server's certificate is not trusted")
        case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
            return _Failed("the server is silent for too long", passing=True)
        case requests.exceptions.ProxyError():
            return _Failed("the proxy does not answer", passing=True)
        case requests.exceptions.ConnectionError() | ProtocolError():
            return _Failed("the connection breaks", passing=True)
        case requests.exceptions.TooManyRedirects():
            return _Failed("the server redirects in a circle")
    return _Failed("the request cannot be made")


def _index_failed(remote: Remote, failed: _Failed, tries: int) -> IndexFailed:
    facts = [("host", _host(remote.url))] + ([("tried", f"{tries} times")] if tries > 1 else [])
    return IndexFailed(
        f"cannot read `{remote.file}`: {failed.reason}", hint=_hint(failed), facts=tuple(facts)
    )


def _host(url: str) -> str:
    """Host and port of a URL, without what may be secret.

    >>> _host("https://me:secret@mirror.example:8443/simple/?token=x")
    'mirror.example:8443'
    """
    return urlsplit(url).netloc.rpartition("@")[2]


def _hint(failed: _Failed) -> str:
    if failed.status in (401, 403):
        return "credentials for this host come from netrc or the keyring"
    if failed.status in (404, 410):
        return "the index lists a file that it does not have; `envlock lock --upgrade` looks again"
    if failed.wait_seconds is not None and failed.wait_seconds > LONGEST_WAIT_SECONDS:
        return f"the server asks to wait {failed.wait_seconds:.0f} seconds; then run the command again"
    if "certificate" in failed.reason:
        return "let REQUESTS_CA_BUNDLE name the certificates of your network"
    return "run the command again; `[tool.envlock.sources]` can name a mirror"
