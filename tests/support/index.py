"""A package index on 127.0.0.1 that does what it is told, faults included.

    with LocalIndex() as index:
        index.add(wheel, upload_time="2025-01-30T00:00:00Z")     # -> the wheel's URL
        index.url                                                # http://127.0.0.1:PORT/simple/
        company = index.named("company/simple", html=True)       # another index on the same server
        company.add(other); company.url; company.remove("other-1.0-py3-none-any.whl")

`add(wheel, *, upload_time=None, sha256=TRUE, size=True, core_metadata=True, yanked=False)`: `sha256=None`
publishes no hash, another text a lying one; `size=False` none in the JSON page; `core_metadata=False`
leaves out PEP 658. `named(path, html=True)` serves HTML only, so no sizes and no upload times, as the
PyTorch index does. `LocalIndex(certificate=PEM)` speaks TLS with that certificate and key.

Faults: `index.fault(pattern, fault, times=None, skip=0)`. `pattern` is an fnmatch over the path of the
request (`*/six-*.whl`, `/simple/six/`); `skip` lets the first matching requests through, `times` ends the
fault. The first fault that matches applies. `index.heal()` forgets all. Kinds:

    Status(code=503, retry_after=None)   answer with that status; `retry_after` as it is sent
    Delay(seconds=1.0)                   wait, then answer as usual
    Drip(chunk=64, seconds=0.01)         send the body in small pieces
    Truncate(at=100)                     announce the whole body, send only its first bytes, close
    Reset()                              reset the connection without an answer
    NoRanges()                           answer ranges with 200 and everything
    WrongRange(shift=1, said=None)       answer 206 with a Content-Range that is not the one asked for,
                                         or with `said` in its place
    OtherBytes(content=b"…")             serve other bytes than were hashed
    Redirect(to="/files/…")              302 to a path or URL

Log: `index.log` holds a `Request(method, path, range, status, sent, authorized)` for each, in order of
completion; `index.requests(pattern)` those of a path, `index.sent(pattern)` the body bytes sent.
`index.forget()` empties the log.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

from tests.support.wheels import Wheel

TRUE = "the true hash"
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
BYTES = "application/octet-stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    code: int
    retry_after: int | str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Drip:
    chunk: int = 64
    seconds: float = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Truncate:
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reset:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class NoRanges:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongRange:
    shift: int = 1
    said: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherBytes:
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Redirect:
    to: str


Fault = Status | Delay | Drip | Truncate | Reset | NoRanges | WrongRange | OtherBytes | Redirect


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request as served: `range` as asked, `sent` in bytes of the body."""

    method: str
    path: str
    range: str | None
    status: int
    sent: int
    authorized: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    wheel: Wheel
    upload_time: str | None
    sha256: str | None
    size: bool
    core_metadata: bool
    yanked: bool


@dataclass(kw_only=True, slots=True)
class _Planned:
    pattern: str
    fault: Fault
    times: int | None
    skip: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    content_type: str = BYTES
    headers: Mapping[str, str] = field(default_factory=dict)


class NamedIndex:
    """One index of the server: pages below `/{path}/`, files below `/files/{path}/`."""

    def __init__(self, root: str, path: str, *, html_only: bool) -> None:
        self.path, self.html_only = path, html_only
        self._root = root
        self._files: dict[str, _File] = {}

    @property
    def url(self) -> str:
        return f"{self._root}/{self.path}/"

    def add(
        self,
        wheel: Wheel,
        *,
        upload_time: str | None = None,
        sha256: str | None = TRUE,
        size: bool = True,
        core_metadata: bool = True,
        yanked: bool = False,
    ) -> str:
        """Publish a wheel; return its URL, without a fragment."""
        claimed = wheel.sha256 if sha256 == TRUE else sha256
        self._files[wheel.filename] = _File(
            wheel=wheel,
            upload_time=upload_time,
            sha256=claimed,
            size=size,
            core_metadata=core_metadata,
            yanked=yanked,
        )
        return self.file_url(wheel.filename)

    def remove(self, filename: str) -> None:
        del self._files[filename]

    def file_url(self, filename: str) -> str:
        return f"{self._root}/files/{self.path}/{quote(filename)}"

    def answer(self, path: str, accept: str) -> _Answer | None:
        """The answer to a path of this index, or None when it is not one."""
        if path.startswith(f"/files/{self.path}/"):
            return self._file(path.rpartition("/")[2])
        if path == f"/{self.path}/":
            return self._projects(accept)
        match = re.fullmatch(re.escape(f"/{self.path}/") + r"([^/]+)/", path)
        return self._project(match[1], accept) if match else None

    def _file(self, name: str) -> _Answer:
        file = self._files.get(name.removesuffix(".metadata"))
        if file is None or (name.endswith(".metadata") and not file.core_metadata):
            return _Answer(status=404)
        return _Answer(
            status=200, body=file.wheel.metadata if name not in self._files else file.wheel.content
        )

    def _projects(self, accept: str) -> _Answer:
        names = sorted({canonicalize_name(file.wheel.name) for file in self._files.values()})
        if self._wants_json(accept):
            page = {"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]}
            return _Answer(status=200, body=json.dumps(page).encode(), content_type=JSON)
        return _page(f'<a href="{name}/">{name}</a>' for name in names)

    def _project(self, project: str, accept: str) -> _Answer:
        files = [file for file in self._files.values() if canonicalize_name(file.wheel.name) == project]
        if not files:
            return _Answer(status=404)
        if not self._wants_json(accept):
            return _page(self._anchor(file) for file in files)
        page = {
            "meta": {"api-version": "1.1"},
            "name": project,
            "versions": sorted({file.wheel.version for file in files}),
            "files": [self._row(file) for file in files],
        }
        return _Answer(status=200, body=json.dumps(page).encode(), content_type=JSON)

    def _wants_json(self, accept: str) -> bool:
        return JSON in accept and not self.html_only

    def _anchor(self, file: _File) -> str:
        url = self.file_url(file.wheel.filename) + (f"#sha256={file.sha256}" if file.sha256 else "")
        attributes = [f'href="{html.escape(url)}"']
        if file.wheel.requires_python:
            attributes.append(f'data-requires-python="{html.escape(file.wheel.requires_python)}"')
        if file.core_metadata:
            attributes.append('data-core-metadata="true" data-dist-info-metadata="true"')
        if file.yanked:
            attributes.append('data-yanked=""')
        return f"<a {' '.join(attributes)}>{html.escape(file.wheel.filename)}</a>"

    def _row(self, file: _File) -> dict[str, Any]:
        row: dict[str, Any] = {
            "filename": file.wheel.filename,
            "url": self.file_url(file.wheel.filename),
            "hashes": {"sha256": file.sha256} if file.sha256 else {},
            "core-metadata": file.core_metadata,
            "yanked": file.yanked,
        }
        optional = {
            "requires-python": file.wheel.requires_python,
            "upload-time": file.upload_time,
            "size": file.wheel.size if file.size else None,
        }
        return row | {key: value for key, value in optional.items() if value is not None}


def _page(anchors: Any) -> _Answer:
    body = "<!DOCTYPE html><html><body>\n" + "<br/>\n".join(anchors) + "\n</body></html>\n"
    return _Answer(status=200, body=body.encode(), content_type=HTML)


class LocalIndex(NamedIndex):
    """A server with a default index (`simple`), and more on demand. Use as a context manager."""

    def __init__(self, *, certificate: Path | None = None) -> None:
        self._server = _Server(self)
        if certificate is not None:
            self._server.speak_tls(certificate)
        scheme = "http" if certificate is None else "https"
        self.root = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        super().__init__(self.root, "simple", html_only=False)
        self._indexes: dict[str, NamedIndex] = {"simple": self}
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._log: list[Request] = []
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def named(self, path: str, *, html: bool = False) -> NamedIndex:
        """Another index on the same server, made when it is first asked for."""
        if path not in self._indexes:
            self._indexes[path] = NamedIndex(self.root, path, html_only=html)
        return self._indexes[path]

    def fault(self, pattern: str, fault: Fault, *, times: int | None = None, skip: int = 0) -> None:
        with self._lock:
            self._planned.append(_Planned(pattern=pattern, fault=fault, times=times, skip=skip))

    def heal(self) -> None:
        with self._lock:
            self._planned.clear()

    @property
    def log(self) -> tuple[Request, ...]:
        with self._lock:
            return tuple(self._log)

    def forget(self) -> None:
        with self._lock:
            self._log.clear()

    def requests(self, pattern: str) -> tuple[Request, ...]:
        return tuple(request for request in self.log if fnmatchcase(request.path, pattern))

    def sent(self, pattern: str) -> int:
        return sum(request.sent for request in self.requests(pattern))

    def note(self, request: Request) -> None:
        with self._lock:
            self._log.append(request)

    def due(self, path: str) -> Fault | None:
        """The fault that this request meets, counted down."""
        with self._lock:
            for planned in self._planned:
                if not fnmatchcase(path, planned.pattern) or planned.times == 0:
                    continue
                if planned.skip:
                    planned.skip -= 1
                    continue
                planned.times = None if planned.times is None else planned.times - 1
                return planned.fault
        return None

    def look_up(self, path: str, accept: str) -> _Answer:
        answers = (index.answer(path, accept) for index in self._indexes.values())
        return next((answer for answer in answers if answer is not None), _Answer(status=404))


class FolderServer(LocalIndex):
    """The files of a folder below `/{path}/`, with the same ranges, faults and log."""

    def __init__(self, folder: Path, path: str) -> None:
        super().__init__()
        self._folder, self._below = folder.resolve(), f"/{path}/"

    @property
    def url(self) -> str:
        return self.root + self._below.rstrip("/")

    def look_up(self, path: str, accept: str) -> _Answer:
        file = (self._folder / path.removeprefix(self._below)).resolve()
        inside = path.startswith(self._below) and file.is_relative_to(self._folder)
        return (
            _Answer(status=200, body=file.read_bytes()) if inside and file.is_file() else _Answer(status=404)
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, index: LocalIndex) -> None:
        self.index = index
        super().__init__(("127.0.0.1", 0), _Handler)

    def speak_tls(self, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        path = unquote(self.path.partition("?")[0])
        answer = self.server.index.look_up(path, self.headers.get("Accept", ""))
        fault = self.server.index.due(path)
        if isinstance(fault, Reset):
            self._note(path, 0, 0)
            self._reset()
            return
        answer = _spoil(answer, fault)
        if answer.status == 200 and not isinstance(fault, NoRanges):
            answer = _part(answer, self.headers.get("Range"), fault)
        self._send(path, answer, fault)

    def _send(self, path: str, answer: _Answer, fault: Fault | None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = b"" if self.command == "HEAD" else answer.body
        body = body[: fault.at] if isinstance(fault, Truncate) else body
        self._note(path, answer.status, len(body))
        self._write(body, fault)
        if isinstance(fault, Truncate):
            self.close_connection = True

    def _write(self, body: bytes, fault: Fault | None) -> None:
        if not isinstance(fault, Drip):
            self.wfile.write(body)
            self.wfile.flush()
            return
        for start in range(0, len(body), fault.chunk):
            self.wfile.write(body[start : start + fault.chunk])
            self.wfile.flush()
            time.sleep(fault.seconds)

    def _note(self, path: str, status: int, sent: int) -> None:
        self.server.index.note(
            Request(
                method=self.command,
                path=path,
                range=self.headers.get("Range"),
                status=status,
                sent=sent,
                authorized="Authorization" in self.headers,
            )
        )

    def _reset(self) -> None:
        """Close with a zero linger time: the peer gets RST, not an orderly end."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _spoil(answer: _Answer, fault: Fault | None) -> _Answer:
    match fault:
        case Status(code=code, retry_after=seconds):
            headers = {} if seconds is None else {"Retry-After": str(seconds)}
            return _Answer(status=code, body=b"as planned\n", content_type="text/plain", headers=headers)
        case Redirect(to=to):
            return _Answer(status=302, headers={"Location": to})
        case OtherBytes(content=content):
            return replace(answer, body=content)
        case Delay(seconds=pause):
            time.sleep(pause)
    return answer


def _part(answer: _Answer, asked: str | None, fault: Fault | None) -> _Answer:
    """Cut the answer to a single range, as RFC 9110 14.2 defines it."""
    total = len(answer.body)
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked or "")
    if match is None or not (match[1] or match[2]):
        return replace(answer, headers={"Accept-Ranges": "bytes"})
    first = int(match[1]) if match[1] else max(total - int(match[2]), 0)
    last = min(int(match[2]), total - 1) if match[1] and match[2] else total - 1
    if first > last:
        return _Answer(status=416, headers={"Content-Range": f"bytes */{total}"})
    shift = fault.shift if isinstance(fault, WrongRange) else 0
    said = fault.said if isinstance(fault, WrongRange) else None
    said = f"bytes {first + shift}-{last + shift}/{total}" if said is None else said
    headers = {"Content-Range": said, "Accept-Ranges": "bytes"}
    return _Answer(status=206, body=answer.body[first : last + 1], headers=headers)
