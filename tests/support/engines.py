"""Engines that start processes on hosts, as a fleet has them: an sshd of the test's own, and node scripts."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


def node_script(folder: Path, prefixes: Sequence[Path], ranks: str) -> Path:
    """A program that makes each task a node of its own: rank N looks at the N-th prefix.

    It stands between engine and agent, as a module system or a prologue does on real nodes.
    """
    script = folder / "node.sh"
    cases = "\n".join(f"{rank}) VIRTUAL_ENV={prefix} ;;" for rank, prefix in enumerate(prefixes))
    script.write_text(f'#!/bin/sh\ncase "${ranks}" in\n{cases}\nesac\nexport VIRTUAL_ENV\nexec "$@"\n')
    script.chmod(0o755)
    return script


@contextlib.contextmanager
def loopback_sshd(folder: Path, prefixes: Sequence[Path]) -> Iterator[Path]:
    """An sshd on 127.0.0.1 with keys of its own; yields a client configuration with hosts node0, node1, …

    Each host has a key that its VIRTUAL_ENV comes with (authorized_keys, `environment=`).
    """
    folder.mkdir(mode=0o700)
    Path("/run/sshd").mkdir(exist_ok=True)  # privilege separation wants it
    port = _free_port()
    keys = [_key(folder / f"node{number}") for number in range(len(prefixes))]
    host_key = _key(folder / "host")
    rows = [
        f'environment="VIRTUAL_ENV={prefix}" {key.with_suffix(".pub").read_text()}'
        for prefix, key in zip(prefixes, keys, strict=True)
    ]
    (folder / "authorized_keys").write_text("".join(rows))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key.with_suffix('.pub').read_text()}")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPermitUserEnvironment yes\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    log = (folder / "sshd.log").open("wb")
    server = subprocess.Popen([str(shutil.which("sshd")), "-D", "-e", "-f", str(config)], stderr=log)
    try:
        _wait(port, server, folder / "sshd.log")
        yield _client(folder, port, keys)
    finally:
        server.terminate()
        server.wait(timeout=10)
        log.close()


def _client(folder: Path, port: int, keys: Sequence[Path]) -> Path:
    common = (
        f"  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n  StrictHostKeyChecking yes\n  BatchMode yes\n"
    )
    config = folder / "ssh_config"
    hosts = [f"Host {key.name}\n{common}  IdentityFile {key}\n" for key in keys]
    config.write_text("".join(hosts))
    return config


def _key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"sshd did not start: {log.read_text(errors='replace')}")


def as_root() -> list[str]:
    """What Open MPI wants to hear before it runs as root."""
    return ["--allow-run-as-root"] if os.geteuid() == 0 else []
