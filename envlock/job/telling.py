"""Local rank 0 tells the others what it found, over a socket of the file system."""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from envlock.errors import CouldNotTell

_PAUSE_SECONDS = 0.02
_LATE_SECONDS = 10.0  # how long a rank 0 that ends waits for the others, so that they can say the same
_NOT_YET = (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN)


def asked_and_told(
    path: str, others: int, ask: Callable[[], dict[str, Any]], timeout_seconds: float
) -> dict[str, Any]:
    """Listen, ask, and tell `others`. A match is told beside the program; a failure before it is raised."""
    server = _listening(path, others)
    try:
        answer = ask()
    except BaseException:
        server.close()  # the others learn at once that there will be no verdict
        _gone(path)
        raise
    if answer.get("report", {}).get("verdict") == "match":
        words = (server, path, others, answer, timeout_seconds)
        thread = threading.Thread(target=_tell, args=words, daemon=True, name="envlock-require")
        thread.start()
        atexit.register(thread.join, _LATE_SECONDS)  # a short program ends before the others have asked
    else:
        _tell(server, path, others, answer, min(timeout_seconds, _LATE_SECONDS))
    return answer


def told(path: str, timeout_seconds: float, *, is_unique: bool) -> dict[str, Any]:
    """What rank 0 tells. Raises CouldNotTell where it ends without a word, or is not there in time.

    `is_unique`: no older run can have left a socket of that name, so one that nobody answers is of a rank 0
    that has ended.
    """
    deadline = time.monotonic() + timeout_seconds
    with _connected(path, deadline, timeout_seconds, is_unique) as peer:
        text = _read(peer, deadline, timeout_seconds)
    if not text.endswith(b"\n"):
        raise _ended()
    answer: dict[str, Any] = json.loads(text)
    return answer


def can_meet(path: str) -> bool:
    """Whether there can be a socket at `path`: not every file system has them."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        try:
            server.bind(_own(path))
        except OSError:
            return False
    _gone(_own(path))
    return True


def _own(path: str) -> str:
    """A name that no other process takes."""
    return f"{path}-{os.getpid()}"


def _listening(path: str, others: int) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.bind(_own(path))
        server.listen(others)
        # Whoever finds the socket by its name finds one that listens; what a killed rank 0 left is replaced.
        os.rename(_own(path), path)
    except OSError as error:
        server.close()
        _gone(_own(path))
        raise CouldNotTell(
            f"local rank 0 cannot tell the other ranks its verdict: {error.strerror}", where=path
        ) from error
    return server


def _tell(
    server: socket.socket, path: str, others: int, answer: dict[str, Any], timeout_seconds: float
) -> None:
    text = json.dumps(answer).encode() + b"\n"
    deadline = time.monotonic() + timeout_seconds
    with server, contextlib.suppress(OSError):
        for _ in range(others):
            server.settimeout(max(deadline - time.monotonic(), 0.001))
            peer, _address = server.accept()
            with peer, contextlib.suppress(OSError):
                peer.settimeout(_LATE_SECONDS)
                peer.sendall(text)
    _gone(path)


def _connected(path: str, deadline: float, timeout_seconds: float, is_unique: bool) -> socket.socket:
    while time.monotonic() < deadline:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        status = peer.connect_ex(path)
        if status == 0:
            return peer
        peer.close()
        if status == errno.ECONNREFUSED and is_unique:
            raise _ended()
        if status not in _NOT_YET:
            break
        time.sleep(_PAUSE_SECONDS)
    raise _too_late(timeout_seconds)


def _read(peer: socket.socket, deadline: float, timeout_seconds: float) -> bytes:
    text = b""
    try:
        while not text.endswith(b"\n"):
            peer.settimeout(max(deadline - time.monotonic(), 0.001))
            part = peer.recv(1 << 16)
            if not part:
                break
            text += part
    except TimeoutError as error:
        raise _too_late(timeout_seconds) from error
    except OSError:
        return b""
    return text


def _ended() -> CouldNotTell:
    return CouldNotTell(
        "local rank 0 ended before it had a verdict on this environment", hint="its own output says why"
    )


def _too_late(timeout_seconds: float) -> CouldNotTell:
    return CouldNotTell(
        f"local rank 0 told no verdict on this environment within {timeout_seconds:g} s",
        hint="every rank calls `require()`; `timeout_seconds` is how long they wait for rank 0",
    )


def _gone(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
