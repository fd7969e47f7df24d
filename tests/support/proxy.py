"""A proxy on 127.0.0.1 for what a build inside of a daemon without a network asks of the world by HTTP.

    with HttpProxy() as proxy:
        proxy.url        # for `--build-arg http_proxy=URL`

It reaches hosts as apt on this machine does: through the machine's own proxy where apt has one.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

_PASSED_ON = ("Range", "If-Range", "If-Modified-Since", "User-Agent", "Accept")
_PASSED_BACK = ("Content-Length", "Content-Range", "Content-Type", "Last-Modified")
_SECONDS = 120


class HttpProxy:
    """`log` has the URLs that were asked for."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.proxies = _of_apt()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _of_apt() -> dict[str, str]:
    command = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    url = said.strip().removeprefix("proxy=").strip("'")
    return {"http": url} if url and url != "DIRECT" else {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: HttpProxy


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.proxy.log.append(self.path)
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        headers["Accept-Encoding"] = "identity"
        try:
            answer = requests.get(
                self.path, headers=headers, stream=True, timeout=_SECONDS, proxies=self.server.proxy.proxies
            )
        except requests.RequestException as error:
            self.send_error(502, type(error).__name__)
            return
        with answer, contextlib.suppress(OSError):
            self.send_response(answer.status_code)
            for name in _PASSED_BACK:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            for chunk in answer.iter_content(1 << 16):
                self.wfile.write(chunk)

    def log_message(self, format: str, *args: Any) -> None:
        pass
