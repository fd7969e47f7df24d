"""`envlock compare` as it makes real environments: every route twice, verified, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock import api
from envlock.api.comparing import Comparison, Route, comparison_text
from envlock.audit.compare.model import Measured
from envlock.lock.file import write_lock
from tests.support.conda import Channel
from tests.support.conda.locks import archive_of, conda_subject, solve
from tests.support.dockerd import Dockerd
from tests.support.environments import lock_of
from tests.support.images import debian_base
from tests.support.index import Delay, LocalIndex
from tests.support.registry import LocalRegistry
from tests.support.tools import need
from tests.support.wheels import make_wheel

ENVLOCK = [sys.executable, "-m", "envlock", "compare"]
SIX = make_wheel("six", "1.17.0", files={"six.py": b"def main(): print(6)\n"})


@dataclass(frozen=True, kw_only=True, slots=True)
class OnDocker:
    """A registry with Debian's Python in it, which a Docker daemon and the test can reach."""

    reference: str
    daemon: Dockerd

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.daemon.environment}

    def lock(self, folder: Path, *requirements: str) -> Path:
        """A project on Debian's Python in `folder`, locked from the package index."""
        names = ", ".join(f'"{each}"' for each in requirements)
        (folder / "envlock.toml").write_text(
            f'python = "3.11"\nrequirements = [{names}]\n[image]\nbase = "{self.reference}"\n'
        )
        request = api.LockRequest(project=folder, cache=folder / "cache")
        return api.lock(request, environment=self.environment).path

    def looks(self, _pid: int) -> bool:
        """Is a container running? The builder's own are not listed."""
        return self.daemon.docker("ps", "-q").stdout != ""

    def left(self) -> tuple[set[str], set[str]]:
        """(containers, images) that the daemon has, which it lists in any order."""
        containers, images = self.daemon.docker("ps", "-aq"), self.daemon.docker("images", "-aq")
        return set(containers.stdout.split()), set(images.stdout.split())


@pytest.fixture
def on_docker(docker_daemon: Dockerd) -> Iterator[OnDocker]:
    with LocalRegistry() as registry:
        registry.add(debian_base(), "debian/python", "3.11")
        reference = registry.reference("debian/python:3.11")
        docker_daemon.lend(int(reference.partition("/")[0].rpartition(":")[2]))
        yield OnDocker(reference=reference, daemon=docker_daemon)


@pytest.fixture
def python() -> str:
    """That of Debian's series."""
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    need("python3.11")
    return "python3.11"


@pytest.mark.slow
def test_a_venv_and_both_images_measured_from_one_lock(
    tmp_path: Path, on_docker: OnDocker, python: str
) -> None:
    """The small example: each made twice, each the runtime hash of the lock, nothing of it left behind."""
    scratch, before = tmp_path / "scratch", on_docker.left()
    order = api.CompareOrder(
        lock=on_docker.lock(tmp_path, "greenlet==3.1.1", "click==8.1.8", "six==1.17.0"),
        environment=on_docker.environment,
        scratch=scratch,
        python=python,
    )
    comparison = api.compare(order)
    made = measured(comparison)
    assert list(made) == [Route.VENV, Route.DOCKER, Route.OCI]
    assert verdicts(made) == {("match", comparison.runtime)}
    assert made[Route.OCI].rebuild.same_digest is True
    assert {route: changed(each) for route, each in made.items()} == {route: [] for route in made}
    assert list(scratch.iterdir()) == []
    assert on_docker.left() == before


@pytest.mark.slow
def test_a_conda_prefix_measured(tmp_path: Path, conda_channel: Channel) -> None:
    archives = [archive_of(each) for each in solve([conda_channel.url], "python", "attrs", "prefix-notes")]
    lock = conda_subject(tmp_path / "env", tmp_path / "wheels", archives, (SIX,)).lock
    write_lock(tmp_path / "envlock.lock", lock)
    for archive in archives:
        (tmp_path / "wheels" / archive.name).symlink_to(archive)
    order = api.CompareOrder(
        lock=tmp_path / "envlock.lock",
        environment=dict(os.environ),
        scratch=tmp_path / "scratch",
        routes=(Route.CONDA,),
        wheelhouse=tmp_path / "wheels",
    )
    comparison = api.compare(order)
    made = measured(comparison)
    assert list(made) == [Route.CONDA]
    assert verdicts(made) == {("match", comparison.runtime)}
    assert list((tmp_path / "scratch").iterdir()) == []


def measured(comparison: Comparison) -> dict[Route, Measured]:
    """What was made; printed whole, so that a failure shows which route was not, and why."""
    sys.stdout.write(f"{comparison_text(comparison, is_verbose=True)}\n")
    return {each.route: each.measured for each in comparison.routes if each.measured is not None}


def verdicts(made: dict[Route, Measured]) -> set[tuple[str, str | None]]:
    return {(str(each.report.verdict), each.report.observed) for each in made.values()}


def changed(measured: Measured) -> list[str]:
    return [change.path for change in measured.rebuild.changes]


def stopped(
    words: list[str], folder: Path, environment: dict[str, str], number: int, ready: Callable[[int], bool]
) -> tuple[int, str, str]:
    """Send `envlock compare` alone a signal as soon as `ready(pid)`: (exit status, stdout, stderr)."""
    child = subprocess.Popen(
        [*ENVLOCK, *words, "--scratch", "scratch"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: ready(child.pid), child)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def wait_until(ready: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    for _ in range(4000):
        if child.poll() is not None:
            raise AssertionError(f"it ended before it could be stopped: {child.communicate()}")
        if ready():
            return
        time.sleep(0.02)
    child.kill()
    raise AssertionError("it never came to where it was to be stopped")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_while_it_waits_for_an_index(tmp_path: Path, number: int, status: int) -> None:
    write_lock(tmp_path / "envlock.lock", lock_of([SIX], tmp_path / "wheels"))
    with LocalIndex() as index:
        index.fault("/*", Delay(seconds=2))
        environment = {**os.environ, "ENVLOCK_SOURCE_DEFAULT": index.url}
        found = stopped(
            ["--routes", "venv", "--python", sys.executable],
            tmp_path,
            environment,
            number,
            lambda _: any((tmp_path / "scratch").glob("*/venv")),
        )
    assert found == (status, "", "stopped\n")
    assert list((tmp_path / "scratch").iterdir()) == []


def builds(environment: Mapping[str, str]) -> bool:
    """Is a builder at work for a comparison? It has the comparison's name among its words."""
    found = running(f"DOCKER_HOST={environment['DOCKER_HOST']}")
    return any("buildx\0build\0" in words and "envlock-compare-" in words for words in found)


def running(variable: str) -> Iterator[str]:
    """The words of processes with that variable: other tests have daemons of their own."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if variable in (process / "environ").read_text().split("\0"):
                yield (process / "cmdline").read_text()
        except OSError:
            continue


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_while_docker_is_at_work(
    tmp_path: Path, on_docker: OnDocker, number: int, status: int
) -> None:
    """SIGINT in the first build, SIGTERM while a container of the first image is looked into."""
    on_docker.lock(tmp_path, "six==1.17.0")
    before = on_docker.left()
    ready = on_docker.looks if number == signal.SIGTERM else lambda _pid: builds(on_docker.environment)
    found = stopped(["--routes", "docker"], tmp_path, on_docker.environment, number, ready)
    assert found == (status, "", "stopped\n")
    assert not builds(on_docker.environment)
    assert on_docker.left() == before
    assert list((tmp_path / "scratch").iterdir()) == []
