"""`torch.distributed.TCPStore` as far as envlock uses it, over real sockets: for ranks without torch.

Written to a file it is `torch/distributed.py`. The store of an agent is one that the test opens.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from datetime import timedelta
from typing import Any


def _handler() -> type[socketserver.StreamRequestHandler]:
    values: dict[str, str] = {}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            verb, key, value = json.loads(self.rfile.readline())
            if verb == "set":
                values[key] = value
            self.wfile.write(json.dumps(values.get(key)).encode() + b"\n")

    return Handler


class TCPStore:
    """One connection for each request. `get` of what is not there, and `wait` in vain, are RuntimeError."""

    def __init__(
        self,
        host_name: str,
        port: int,
        *,
        is_master: bool,
        timeout: timedelta,
        wait_for_workers: bool,
        multi_tenant: bool,
    ) -> None:
        self.place = (host_name, port)
        if is_master:
            server = socketserver.ThreadingTCPServer(self.place, _handler())
            self.place = (host_name, server.server_address[1])
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self._asked("get", "", "", timeout.total_seconds())

    @property
    def port(self) -> int:
        return self.place[1]

    def set(self, key: str, value: str) -> None:
        self._asked("set", key, value)

    def get(self, key: str) -> bytes:
        return str(self._asked("get", key)).encode()

    def wait(self, keys: list[str], timeout: timedelta) -> None:
        until = time.monotonic() + timeout.total_seconds()
        while any(self._asked("get", key) is None for key in keys):
            if time.monotonic() > until:
                raise RuntimeError("wait timeout")
            time.sleep(0.02)

    def _asked(self, verb: str, key: str, value: str = "", seconds: float = 5) -> Any:
        until = time.monotonic() + seconds
        while True:
            try:
                with socket.create_connection(self.place, timeout=5) as peer, peer.makefile("rwb") as file:
                    file.write(json.dumps([verb, key, value]).encode() + b"\n")
                    file.flush()
                    return json.loads(file.readline())
            except ConnectionError as error:
                if time.monotonic() > until:
                    raise RuntimeError(f"the store is gone: {error}") from error
                time.sleep(0.02)
