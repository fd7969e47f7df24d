"""A registry on 127.0.0.1 that does what it is told, faults and refusals included.

    with LocalRegistry() as registry:
        registry.add(layout, "team/base", "3.11")        # everything of an OCI layout, under a tag
        registry.reference("team/base:3.11")              # 127.0.0.1:PORT/team/base:3.11
        registry.fault("*/blobs/*", Truncate(at=100))     # faults of `tests.support.index`
        registry.fault("POST */uploads/", Answer(…))      # or an answer as it is; of a method alone

`LocalRegistry(login="basic")` asks for `user:secret`; `"token"` sends clients to its token server, which
takes the same (or the refresh token `identity`) and gives a token for exactly the scopes that were asked
for; without credentials one to pull only, and none where `anonymous=False`. `certificate=PEM` speaks TLS.
`log` has the requests as `METHOD path`; `blobs` and `tags` are what it holds.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.index import Delay, Fault, OtherBytes, Reset, Status, Truncate

USER, PASSWORD, IDENTITY = "user", "secret", "identity"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the registry says in the place of its own; `Content-Length` in `headers` counts."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


class LocalRegistry:
    """`repositories` maps name -> digest -> (media type, bytes); blobs have the media type ""."""

    def __init__(
        self,
        *,
        login: str | None = None,
        anonymous: bool = True,
        mounts: bool = True,
        certificate: Path | None = None,
    ) -> None:
        self.login, self.anonymous, self.mounts = login, anonymous, mounts
        self.repositories: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.tokens: dict[str, frozenset[str]] = {}
        self.log: list[str] = []
        self._faults: list[tuple[str, Fault | Answer, list[int]]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        if certificate is not None:
            self._server.speak_tls(certificate)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reference(self, name: str) -> str:
        return f"{self.host}/{name}"

    def add(self, layout: Path, repository: str, tag: str) -> None:
        """Take over all blobs of a layout; the tag gets its first image or index."""
        held = self.repositories.setdefault(repository, {})
        for path in sorted((layout / "blobs" / "sha256").iterdir()):
            content = path.read_bytes()
            kind = _media_type(content)
            held[f"sha256:{path.name}"] = (kind, content)
        top = json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"]
        self.tags[repository, tag] = top

    def fault(self, pattern: str, fault: Fault | Answer, *, times: int = 1000) -> None:
        """The first fault whose pattern fits the path, or method and path, applies, `times` times."""
        self._faults.append((pattern, fault, [times]))

    def due(self, method: str, path: str) -> Fault | Answer | None:
        for pattern, fault, left in self._faults:
            if left[0] and (fnmatchcase(path, pattern) or fnmatchcase(f"{method} {path}", pattern)):
                left[0] -= 1
                return fault
        return None

    def requests(self, pattern: str) -> list[str]:
        return [line for line in self.log if fnmatchcase(line, pattern)]


def _media_type(content: bytes) -> str:
    try:
        document = json.loads(content)
    except ValueError:
        return ""
    return str(document.get("mediaType", "")) if isinstance(document, dict) else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: LocalRegistry

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

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    @property
    def registry(self) -> LocalRegistry:
        return self.server.registry

    def _serve(self) -> None:
        path = urlsplit(self.path).path
        query = {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.registry.log.append(f"{self.command} {self.path}")
        fault = self.registry.due(self.command, path)
        if isinstance(fault, Delay):
            time.sleep(fault.seconds)
        if isinstance(fault, Answer):
            self._answer(fault.status, fault.body, fault.headers)
        elif isinstance(fault, Reset):
            self.close_connection = True
            self.connection.close()
        elif isinstance(fault, Status):
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            self._answer(fault.code, b"as planned", wait)
        elif path == "/token":
            self._token(body.decode())
        elif not self._admits(path, query):
            self._answer(401, b"", {"WWW-Authenticate": self._challenge()})
        else:
            self._route(path, query, body, fault)

    def _challenge(self) -> str:
        if self.registry.login == "basic":
            return 'Basic realm="tests"'
        return f'Bearer realm="http://{self.registry.host}/token",service="tests"'

    def _admits(self, path: str, query: Mapping[str, str]) -> bool:
        header = self.headers.get("Authorization", "")
        if self.registry.login is None:
            return True
        if self.registry.login == "basic":
            return header == BASIC
        granted = self.registry.tokens.get(header.removeprefix("Bearer "))
        return granted is not None and self._needed(path, query) <= granted

    def _needed(self, path: str, query: Mapping[str, str]) -> frozenset[str]:
        match = re.match(r"/v2/(.+)/(?:manifests|blobs)/", path)
        if match is None:
            return frozenset()
        needed = {f"{match[1]} pull"} | ({f"{match[1]} push"} if self.command in ("POST", "PUT") else set())
        return frozenset(needed | ({f"{query['from']} pull"} if "from" in query else set()))

    def _token(self, body: str) -> None:
        asked = parse_qs(body or urlsplit(self.path).query)
        known = self.headers.get("Authorization") == BASIC or asked.get("refresh_token") == [IDENTITY]
        if not known and ("Authorization" in self.headers or not self.registry.anonymous):
            self._answer(401, b"")
            return
        scopes = [scope for text in asked.get("scope", []) for scope in text.split(" ")]
        granted = set()
        for scope in scopes:
            _, name, actions = scope.split(":")
            granted |= {f"{name} {action}" for action in actions.split(",") if known or action == "pull"}
        token = hashlib.sha256(repr((sorted(granted), len(self.registry.tokens))).encode()).hexdigest()
        self.registry.tokens[token] = frozenset(granted)
        self._answer(200, json.dumps({"token": token}).encode())

    def _route(self, path: str, query: Mapping[str, str], body: bytes, fault: Fault | None) -> None:
        match = re.fullmatch(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<what>.+)", path)
        if match is None:
            self._answer(200 if path == "/v2/" else 404, b"{}")
        elif self.command in ("GET", "HEAD"):
            self._read(match["name"], match["what"], fault)
        elif match["kind"] == "manifests":
            self._store(match["name"], match["what"], self.headers.get("Content-Type", ""), body)
        elif self.command == "POST":
            self._start(match["name"], query)
        else:
            self._upload(match["name"], query["digest"], body)

    def _read(self, name: str, what: str, fault: Fault | None) -> None:
        digest = self.registry.tags.get((name, what), what)
        found = self.registry.repositories.get(name, {}).get(digest)
        if found is None:
            self._answer(404, b"{}")
            return
        kind, content = found
        content = fault.content if isinstance(fault, OtherBytes) else content
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Type": kind or "application/octet-stream"}
        self._answer(206 if start else 200, content[start:], headers, fault)

    def _start(self, name: str, query: Mapping[str, str]) -> None:
        source = self.registry.repositories.get(query.get("from", ""), {})
        if self.registry.mounts and query.get("mount") in source:
            self.registry.repositories.setdefault(name, {})[query["mount"]] = source[query["mount"]]
            self._answer(201, b"")
        else:
            self._answer(202, b"", {"Location": f"/v2/{name}/blobs/uploads/1?state=x"})

    def _upload(self, name: str, digest: str, body: bytes) -> None:
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            self._answer(400, b"DIGEST_INVALID")
            return
        self.registry.repositories.setdefault(name, {})[digest] = ("", body)
        self._answer(201, b"")

    def _store(self, name: str, version: str, kind: str, body: bytes) -> None:
        held = self.registry.repositories.setdefault(name, {})
        document = json.loads(body)
        parts = [*document.get("layers", ()), *document.get("manifests", ())]
        parts += [document["config"]] if "config" in document else []
        if any(part["digest"] not in held for part in parts):
            self._answer(404, b"MANIFEST_BLOB_UNKNOWN")
            return
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        held[digest] = (kind, body)
        self.registry.tags[name, version] = digest
        self._answer(201, b"")

    def _answer(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        fault: Fault | None = None,
    ) -> None:
        self.send_response(status)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(body[: fault.at] if isinstance(fault, Truncate) else body)
                self.wfile.flush()
        self.close_connection = self.close_connection or isinstance(fault, Truncate)
