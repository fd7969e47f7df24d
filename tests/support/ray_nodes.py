"""A Ray cluster whose nodes are on the loopback of a network of its own, where no port is anybody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_HEAD = "127.0.0.1:6379"
# Fixed ports: without them a raylet waits for those of its agents, and gives up after 15 s.
_AGENTS = ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export")


@dataclass(frozen=True, kw_only=True)
class RayNodes:
    """`process` holds the namespaces; `address` is for `--ray`, inside them."""

    process: subprocess.Popen[bytes]
    folder: Path
    address: str = _HEAD

    def run(self, *words: str, prefix: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command in the network of the cluster."""
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        environment.pop("VIRTUAL_ENV", None)
        if prefix is not None:
            environment["VIRTUAL_ENV"] = str(prefix)
        inside = ["nsenter", f"--target={self._first()}", "--net", "--pid", "--mount", "--", *words]
        return subprocess.run(
            inside, env=environment, capture_output=True, text=True, timeout=240, check=False
        )

    def start(self, number: int, prefix: Path) -> None:
        """Node `number`, whose tasks have VIRTUAL_ENV `prefix`; node 0 is the head."""
        head = ["--head", "--port=6379", f"--temp-dir={self.folder}", "--include-dashboard=false"]
        ports = [f"--{name}-port={20000 + 10 * number + at}" for at, name in enumerate(_AGENTS)]
        limits = ["--num-cpus=1", "--object-store-memory=80000000"]
        ray = [str(Path(sys.executable).parent / "ray"), "start", f"--node-ip-address=127.0.0.{number + 1}"]
        where = head if number == 0 else [f"--address={_HEAD}"]
        done = self.run(*ray, *where, *limits, *ports, prefix=prefix)
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self, number: int) -> None:
        """As a host that loses its power."""
        done = self.run("pkill", "-KILL", "-f", f"raylet/raylet.*node_ip_address=127.0.0.{number + 1} ")
        assert done.returncode == 0, done.stderr

    def _first(self) -> int:
        """The process that unshare started: the first of its namespaces."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])


@contextlib.contextmanager
def loopback_ray(prefixes: Sequence[Path]) -> Iterator[RayNodes]:
    """Yield a cluster with a node for each prefix. Needs root; all of it ends with the first process."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets are in it
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    first = "ip link set lo up && echo up && exec sleep 600"
    process = subprocess.Popen([*words, "sh", "-c", first], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"up\n"
        nodes = RayNodes(process=process, folder=folder)
        nodes.start(0, prefixes[0])
        with ThreadPoolExecutor() as pool:
            list(pool.map(nodes.start, range(1, len(prefixes)), prefixes[1:]))
        yield nodes
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
