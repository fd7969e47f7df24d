"""A throw-away Docker daemon in namespaces of its own: it sees no other daemon, and none sees it.

A second daemon on one network deletes the bridge of the first, and a daemon takes the machine's containerd
where one runs. So this one gets a network, mounts and processes of its own, an empty /run/containerd, and
every path below one temporary folder. When its first process ends, the kernel ends all of the others.

Its images are in memory: a daemon waits for the disk after every layer, and images on disk must be removed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.tools import need

CLONE_NEWNET = 0x40000000
SECONDS_TO_START = 60
_START = """
mkdir -p /run/containerd && mount -t tmpfs envlock /run/containerd
mkdir "$1" && mount -t tmpfs envlock "$1"
shift
ip link set lo up
trap 'kill -TERM $daemon' TERM
"$@" & daemon=$!
while kill -0 $daemon 2>/dev/null; do wait $daemon; done
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dockerd:
    """A running daemon. `process` is the host's id of the first process in its namespaces."""

    folder: Path
    process: int
    portals: list[Portal] = field(default_factory=list)

    @property
    def host(self) -> str:
        """As DOCKER_HOST and the docker SDK take it."""
        return f"unix://{self.folder}/docker.sock"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make every client talk to this daemon, without anybody's configuration."""
        return {"DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.folder / "config"), "DOCKER_CONTEXT": ""}

    def lend(self, port: int) -> None:
        """Let the daemon, and containers on its host network, reach the test's own 127.0.0.1:`port`."""
        if all(portal.port != port for portal in self.portals):
            self.portals.append(Portal(port, self.process))

    def docker(
        self,
        *words: str | Path,
        check: bool = True,
        environment: Mapping[str, str] | None = None,
        **more: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker command against this daemon; `more` goes to subprocess.run."""
        own = {**os.environ, **self.environment, **(environment or {})}
        command = ["docker", *map(str, words)]
        done = subprocess.run(command, env=own, capture_output=True, text=True, check=False, **more)
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done


class Portal:
    """A port of this process's loopback, offered on the loopback of another network namespace."""

    def __init__(self, port: int, process: int) -> None:
        self.port = port
        opened: list[socket.socket | OSError] = []
        # A socket belongs to the network of the thread that opens it, so a thread goes there and ends.
        opener = threading.Thread(target=lambda: opened.append(_listen(port, process)))
        opener.start()
        opener.join()
        server = opened[0]
        if isinstance(server, OSError):
            raise server
        self._server = server
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(caller,), daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        with caller:
            try:
                answerer = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            with answerer:
                back = threading.Thread(target=_pump, args=(answerer, caller), daemon=True)
                back.start()
                _pump(caller, answerer)
                back.join()

    def close(self) -> None:
        # A thread that waits in accept() keeps a closed socket alive: shutdown wakes it.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


def _listen(port: int, process: int) -> socket.socket | OSError:
    try:
        with open(f"/proc/{process}/ns/net", "rb") as network:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
                return OSError(ctypes.get_errno(), "setns")
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        return error


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two hung up


@contextmanager
def dockerd() -> Iterator[Dockerd]:
    """Start a daemon and wait until it answers; stop it, and whatever it started, on the way out.

    Without Docker or root the test is skipped with the reason; in CI it fails.
    """
    need("dockerd", "docker", "unshare", "ip", root=True)
    folder = Path(tempfile.mkdtemp(prefix="envlock-dockerd-"))
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        started = subprocess.Popen(_command(folder), stdout=output, stderr=subprocess.STDOUT)
    daemon: Dockerd | None = None
    try:
        daemon = Dockerd(folder=folder, process=_first_process(started, log))
        _wait_until_it_answers(daemon, started, log)
        yield daemon
    finally:
        for portal in daemon.portals if daemon is not None else ():
            portal.close()
        _stop(started, daemon)
        shutil.rmtree(folder, ignore_errors=True)


def _command(folder: Path) -> list[str]:
    namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    daemon = [
        "dockerd",
        f"--host=unix://{folder}/docker.sock",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/pid",
        f"--config-file={_configuration(folder)}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-masq=false",
    ]
    return [*namespaces, "sh", "-c", _START, "sh", str(folder / "data"), *daemon]


def _configuration(folder: Path) -> Path:
    """An empty one, so that the machine's own is not read."""
    (folder / "config").mkdir()
    path = folder / "daemon.json"
    path.write_text("{}")
    return path


def _first_process(started: subprocess.Popen[bytes], log: Path) -> int:
    """The child of `unshare`, as the host numbers it."""
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
    for _ in range(SECONDS_TO_START * 20):
        if started.poll() is not None:
            break
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError(f"the namespaces of the daemon were not made: {_tail(log)}")


def _wait_until_it_answers(daemon: Dockerd, started: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(SECONDS_TO_START * 10):
        if started.poll() is None and daemon.docker("version", check=False).returncode == 0:
            return
        if started.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the Docker daemon did not start: {_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


def _stop(started: subprocess.Popen[bytes], daemon: Dockerd | None) -> None:
    if daemon is not None and started.poll() is None:
        try:
            os.kill(daemon.process, signal.SIGTERM)
            started.wait(timeout=20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
    if started.poll() is None:
        started.kill()
        started.wait()
