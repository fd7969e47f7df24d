"""The daemon that the real tests use keeps to itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.dockerd import Dockerd, dockerd
from tests.support.index import LocalIndex

pytestmark = pytest.mark.slow


def test_two_daemons_know_nothing_of_each_other(docker_daemon: Dockerd) -> None:
    before = _links()
    with dockerd() as other:
        other.docker("network", "create", "mine")
        assert "mine" in other.docker("network", "ls").stdout
        assert "mine" not in docker_daemon.docker("network", "ls").stdout
    assert docker_daemon.docker("version").returncode == 0
    assert _links() == before
    assert not Path(f"/proc/{other.process}").exists()
    assert not other.folder.exists()


def test_a_port_that_is_lent_is_reached_from_inside(docker_daemon: Dockerd) -> None:
    with LocalIndex() as index:
        assert _status(docker_daemon, index) == "000"
        docker_daemon.lend(urlsplit(index.url).port or 0)
        assert _status(docker_daemon, index) == "200"


def _links() -> str:
    return subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout


def _status(daemon: Dockerd, index: LocalIndex) -> str:
    command = [
        "nsenter",
        "--net",
        "--target",
        str(daemon.process),
        "curl",
        "--silent",
        "--output",
        "/dev/null",
    ]
    done = subprocess.run(
        [*command, "--write-out", "%{http_code}", index.url], capture_output=True, text=True, check=False
    )
    return done.stdout
