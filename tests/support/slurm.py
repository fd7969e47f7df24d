"""A Slurm cluster of three nodes on the loopback: munged, slurmctld and three slurmd of the test's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_SETTINGS = """\
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/linear
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
{nodes}
PartitionName=all Nodes=n[0-2] Default=YES State=UP
"""


@contextlib.contextmanager
def loopback_slurm() -> Iterator[Path]:
    """Yield the slurm.conf of a cluster with idle nodes n0, n1, n2. Needs root."""
    # Not below pytest's folder: only root may enter that, and munged does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        config = _configured(folder)
        _munge(folder, stack)
        environment = {**os.environ, "SLURM_CONF": str(config)}
        commands = [["slurmctld", "-D", "-c"], *(["slurmd", "-D", "-N", f"n{number}"] for number in range(3))]
        for command in commands:
            _start(command, stack, environment)
        _wait_idle(environment)
        yield config


def _configured(folder: Path) -> Path:
    (folder / "state").mkdir()
    ports = _free_ports(4)
    host = socket.gethostname()
    nodes = [
        f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1"
        for number, port in enumerate(ports[1:])
    ]
    config = folder / "slurm.conf"
    config.write_text(_SETTINGS.format(host=host, control=ports[0], folder=folder, nodes="\n".join(nodes)))
    return config


def _munge(folder: Path, stack: contextlib.ExitStack) -> None:
    private = folder / "munge"
    private.mkdir()
    key = private / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    for path in (private, key):
        shutil.chown(path, "munge", "munge")
    files = [f"--{option}-file={private}/{option}" for option in ("key", "pid", "log", "seed")]
    words = ["runuser", "-u", "munge", "--", "munged", "-F", f"--socket={private}/socket", *files]
    _start(words, stack, dict(os.environ))
    _wait((private / "socket").exists, "munged did not start")


def _start(command: Sequence[str], stack: contextlib.ExitStack, environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)


def _wait_idle(environment: dict[str, str]) -> None:
    def is_idle() -> bool:
        words = ["sinfo", "--noheader", "--format=%T %D"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=20)
        return done.stdout.split() == ["idle", "3"]

    _wait(is_idle, "the nodes did not become idle")


def _wait(is_there: Callable[[], bool], fault: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if is_there():
            return
        time.sleep(0.1)
    raise AssertionError(fault)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
