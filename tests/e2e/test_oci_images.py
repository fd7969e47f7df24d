"""One lock, a virtual environment and the daemonless image of it: the same runtime hash, with real tools.

The base is Debian's own Python from its packages, the wheels are PyPI's.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock.lock import read_lock, runtime_hash
from tests.support.devcontainers import devcontainer
from tests.support.dockerd import Dockerd
from tests.support.images import debian_base, locked_project
from tests.support.tools import need

pytestmark = pytest.mark.slow

ENVLOCK = Path(__file__).resolve().parents[2] / "envlock"
PROGRAM = (
    "import greenlet, numpy, os; print(numpy.__version__, greenlet.__version__, numpy.ones(3).sum(),"
    " os.getuid(), os.environ['PYTHONHASHSEED'])"
)
SITE = "/opt/env/lib/python3.11/site-packages"
SAID = "2.2.3 3.1.1 3.0 1000 0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A locked project, its image noted in the lock, as a layout and as an archive."""

    folder: Path
    environment: dict[str, str]

    @property
    def hash(self) -> str:
        return runtime_hash(read_lock(self.folder / "envlock.lock"), "linux-64")

    def run(self, *words: str | Path, status: int = 0, more: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "envlock", *map(str, words)],
            cwd=self.folder,
            env={**self.environment, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def verdict(
        self, *words: str | Path, status: int = 0, more: Mapping[str, str] | None = None
    ) -> tuple[str, str, list[str]]:
        document = json.loads(self.run("verify", *words, "--json", status=status, more=more))
        found = [row["code"] for row in document["findings"] if row["severity"] != "note"]
        return document["verdict"], document["runtime_hash"]["observed"], found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("oci") / "project"
    locked_project(folder, debian_base())
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"ENVLOCK_CACHE_DIR": str(folder / "cache")}
    made = Made(folder=folder, environment=environment)
    made.run("build", "oci", "--digest-only")
    made.run("build", "oci", "-o", "image", "-t", "demo")
    made.run("build", "oci", "-o", "image.tar", "-t", "localhost/demo:1")
    return made


def test_one_lock_one_runtime_hash(made: Made) -> None:
    """The venv, the layout and the archive: three times `match`, with one hash."""
    made.run("sync", "--venv", ".venv")
    venv = made.verdict("--prefix", ".venv", "--level", "content")
    assert venv == made.verdict("--image", "oci:image") == ("match", made.hash, [])
    assert made.verdict("--image", "image.tar") == venv


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_digest_is_that_of_the_lock_on_another_machine(made: Made, tmp_path: Path, version: str) -> None:
    """Another Python, another directory, another umask and time zone."""
    python = _other_python(version)
    venv = tmp_path / "venv"
    uv = _uv()
    subprocess.run([uv, "venv", "-q", "--python", python, venv], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", venv / "bin/python", ENVLOCK.parent], check=True)
    project = tmp_path / "elsewhere" / "project"
    shutil.copytree(
        made.folder, project, ignore=shutil.ignore_patterns("cache", "image*", ".venv"), symlinks=True
    )
    environment = {**made.environment, "ENVLOCK_CACHE_DIR": str(tmp_path / "cache"), "TZ": "Asia/Tokyo"}
    words = [str(venv / "bin/envlock"), "build", "oci", "-o", "image", "-t", "demo", "--json"]
    done = subprocess.run(
        words, cwd=project, env=environment, capture_output=True, text=True, check=True, umask=0o077
    )
    image = read_lock(made.folder / "envlock.lock").image
    assert image is not None
    built = image.platforms["linux-64"].built
    assert built is not None
    document = json.loads(done.stdout)
    assert (document["manifest"], document["image_id"]) == (built.manifest, built.id)
    compared = subprocess.run(["diff", "-r", project / "image", made.folder / "image"], check=False)
    assert compared.returncode == 0


def _other_python(version: str) -> str:
    done = subprocess.run(
        [_uv(), "python", "find", "--no-project", version], capture_output=True, text=True, check=False
    )
    if done.returncode:
        done = subprocess.run(
            [_uv(), "python", "install", version], capture_output=True, text=True, check=False
        )
    for path in (Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python3"):
        return str(path)
    if done.returncode:
        pytest.skip(f"no Python {version} here, and none can be had")
    return version


def _uv() -> str:
    from uv import find_uv_bin

    return str(find_uv_bin())


def test_skopeo_and_umoci_take_the_layout(made: Made, tmp_path: Path) -> None:
    need("skopeo", "umoci")
    subprocess.run(
        ["skopeo", "copy", "-q", f"oci:{made.folder}/image:demo", f"oci:{tmp_path}/copy:demo"], check=True
    )
    assert made.verdict("--image", f"oci:{tmp_path}/copy") == ("match", made.hash, [])
    bundle = tmp_path / "bundle"
    subprocess.run(
        ["umoci", "unpack", "--rootless", "--image", f"{made.folder}/image:demo", bundle],
        check=True,
        capture_output=True,
    )
    assert (bundle / "rootfs/opt/env/bin/python").is_symlink()


def test_docker_loads_and_runs_it(made: Made, docker_daemon: Dockerd, tmp_path: Path) -> None:
    docker_daemon.docker("load", "-i", made.folder / "image.tar")
    image = read_lock(made.folder / "envlock.lock").image
    assert image is not None
    built = image.platforms["linux-64"].built
    assert built is not None
    found = docker_daemon.docker("image", "inspect", "--format", "{{.Id}}", "localhost/demo:1").stdout
    assert found.strip() == built.id
    flags = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL")
    assert (
        docker_daemon.docker("run", *flags, "localhost/demo:1", "python", "-c", PROGRAM).stdout == f"{SAID}\n"
    )
    inside = ("--image", "localhost/demo:1", "--inside", "docker")
    assert made.verdict(*inside, more=docker_daemon.environment) == ("match", made.hash, [])
    docker_daemon.docker("save", "-o", tmp_path / "saved.tar", "localhost/demo:1")
    assert made.verdict("--image", tmp_path / "saved.tar") == ("match", made.hash, [])


def test_a_package_on_top_and_a_file_changed_in_a_container_are_named(
    made: Made, docker_daemon: Dockerd, tmp_path: Path
) -> None:
    docker_daemon.docker("load", "-i", made.folder / "image.tar")
    script = (
        "import pathlib, six; p = pathlib.Path(six.__file__); p.write_text(p.read_text() + '# changed');"
        "(p.parent / 'evil.py').write_text('')"
    )
    name = "envlock-changed"
    docker_daemon.docker("run", "--name", name, "--user=0", "localhost/demo:1", "python", "-B", "-c", script)
    docker_daemon.docker("commit", name, "localhost/changed:1")
    docker_daemon.docker("save", "-o", tmp_path / "changed.tar", "localhost/changed:1")
    verdict, observed, found = made.verdict("--image", tmp_path / "changed.tar", status=1)
    assert (verdict, sorted(found)) == ("mismatch", ["file-differs", "foreign-module"])
    inside = ("--image", "localhost/changed:1", "--inside", "docker")
    assert made.verdict(*inside, status=1, more=docker_daemon.environment)[0] == "mismatch"
    assert observed != made.hash


def test_a_development_container_starts_where_its_environment_matches(
    made: Made, docker_daemon: Dockerd, tmp_path: Path
) -> None:
    docker = docker_daemon.docker
    docker("load", "-i", made.folder / "image.tar")
    changed = f"FROM localhost/demo:1\nUSER 0\nRUN echo 'x = 1' >> {SITE}/six.py\nUSER 1000:1000\n"
    docker("build", "--network=none", "-t", "localhost/odd:1", "-", input=changed)
    environment = {**made.environment, **docker_daemon.environment}
    for image, status in (("localhost/demo:1", 0), ("localhost/odd:1", 1)):
        workspace = _workspace(made, tmp_path / f"workspace-{status}", image)
        done = devcontainer("up", "--workspace-folder", workspace, environment=environment)
        assert done.returncode == status, done.stdout + done.stderr
        outcome = json.loads(done.stdout.splitlines()[-1])
        container = outcome["containerId"]
        if status == 0:
            words = ("exec", "--workspace-folder", workspace, "python", "-c", PROGRAM)
            assert devcontainer(*words, environment=environment).stdout == f"{SAID}\n"
            assert (outcome["outcome"], outcome["remoteUser"]) == ("success", "app")
        else:
            assert "lib/python3.11/site-packages/six.py" in done.stderr
        docker("rm", "-f", container)


def _workspace(made: Made, folder: Path, image: str) -> Path:
    folder.mkdir()
    shutil.copy(made.folder / "envlock.lock", folder)
    manifest = (made.folder / "envlock.toml").read_text()
    (folder / "envlock.toml").write_text(f'{manifest}[job]\nimage = "{image}"\n')
    (folder / ".devcontainer").mkdir()
    lock = ("-l", folder / "envlock.lock")
    made.run("emit", "devcontainer", *lock, "-o", folder / ".devcontainer/devcontainer.json")
    made.run("agent", "-o", folder / "envlock-agent.pyz")
    return folder


def test_podman_loads_and_runs_it(made: Made, podman: dict[str, str]) -> None:
    words = ("run", "--rm", "--network=none", "localhost/demo:1", "python", "-c", PROGRAM)
    done = subprocess.run(["podman", *words], env=podman, capture_output=True, text=True, check=False)
    assert done.stdout == f"{SAID}\n", done.stderr
    inside = ("--image", "localhost/demo:1", "--inside", "podman")
    assert made.verdict(*inside, more=podman) == ("match", made.hash, [])


def test_a_container_of_podman_is_seen_as_it_runs(made: Made, podman: dict[str, str]) -> None:
    words = ("run", "-d", "--name=job", "--network=none", "--user=0", "localhost/demo:1", "sleep", "600")
    _said(["podman", *words], podman)
    container = ("--container", "job", "--inside", "podman")
    try:
        assert made.verdict(*container, more=podman) == ("match", made.hash, [])
        script = f"echo 'x = 1' >> {SITE}/six.py && echo > {SITE}/planted.py"
        _said(["podman", "exec", "job", "sh", "-c", script], podman)
        verdict, observed, found = made.verdict(*container, status=1, more=podman)
    finally:
        _said(["podman", "rm", "-f", "-t", "0", "job"], podman)
    assert (verdict, sorted(found)) == ("mismatch", ["file-differs", "foreign-module"])
    assert observed != made.hash


def test_numbers_are_held_against_the_lock_inside_of_a_container(made: Made, podman: dict[str, str]) -> None:
    """Recorded in a virtual environment of this host, and the same in an image and in a container of it."""
    made.run("sync", "--venv", ".venv")
    made.run("numerics", "record", "--prefix", ".venv", "-l", "envlock.lock")
    numbers = ("--level", "numerics", "--inside", "podman")
    image = ("--image", "localhost/demo:1", *numbers)
    document = json.loads(made.run("verify", *image, "--json", more=podman))
    assert (document["verdict"], document["level"]) == ("match", "numerics")
    assert (document["numerics"]["equal"] > 0, document["numerics"]["differing"]) == (True, [])
    slow = ("-e", "OPENBLAS_CORETYPE=Prescott")
    _said(["podman", "run", "-d", "--name=slow", *slow, "localhost/demo:1", "sleep", "600"], podman)
    try:
        container = ("--container", "slow", *numbers)
        found = json.loads(made.run("verify", *container, "--json", more=podman))
    finally:
        _said(["podman", "rm", "-f", "-t", "0", "slow"], podman)
    knobs = {row["restored_by"] for row in found["numerics"]["differing"]}
    assert (found["verdict"], knobs) == ("match", {"unset OPENBLAS_CORETYPE"}), found["numerics"]


def test_gpus_that_podman_promises_and_does_not_give(made: Made, podman: dict[str, str]) -> None:
    """podman 4.3 takes `--gpus all`, gives none, and ends with 0: seen from inside all the same."""
    command = ["podman", "run", "--rm", "--network=none", "--gpus=all", "localhost/demo:1", "ls", "/dev"]
    done = subprocess.run(command, env=podman, capture_output=True, text=True, check=False)
    assert (done.returncode, "nvidia" in done.stdout) == (0, False), done.stderr
    inside = ("--image", "localhost/demo:1", "--inside", "podman", "--require-gpu")
    assert made.verdict(*inside, status=1, more=podman) == ("mismatch", made.hash, ["no-gpu"])


@pytest.fixture(scope="module")
def podman(made: Made) -> Iterator[dict[str, str]]:
    """The environment of a podman with a store of its own, which has the image."""
    need("podman", "runc", root=True)
    with tempfile.TemporaryDirectory(prefix="pm-") as folder:
        store, containers = Path(folder, "storage.conf"), Path(folder, "containers.conf")
        store.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/a"\nrunroot = "{folder}/b"\n')
        containers.write_text(_CONTAINERS)
        own = {**os.environ, "CONTAINERS_STORAGE_CONF": str(store), "CONTAINERS_CONF": str(containers)}
        _said(["podman", "load", "-q", "-i", f"{made.folder}/image.tar"], own)
        yield own
        _said(["podman", "rmi", "-a", "-f"], own)


# Not more than a test may have.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


def _said(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def debian_registry(folder: Path) -> Iterator[str]:
    """Debian's docker-registry on loopback; yields host and port."""
    need("docker-registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    folder.mkdir()
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\nhttp:\n  addr: {host}\n"
    )
    log = (folder / "log").open("wb")
    with subprocess.Popen(
        ["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=subprocess.STDOUT
    ) as process:
        try:
            _wait_for(host)
            yield host
        finally:
            process.terminate()
            log.close()


def _wait_for(host: str) -> None:
    name, port = host.split(":")
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((name, int(port))) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no registry at {host}")


def test_a_real_registry_takes_it_and_gives_it_back(
    made: Made, docker_daemon: Dockerd, tmp_path: Path
) -> None:
    with debian_registry(tmp_path / "registry") as host:
        target = f"{host}/team/demo:1"
        first = json.loads(made.run("build", "oci", "--push", target, "--json"))
        assert json.loads(made.run("build", "oci", "--push", target, "--json")) == first
        assert made.verdict("--image", target) == ("match", made.hash, [])
        docker_daemon.lend(int(host.split(":")[1]))
        docker_daemon.docker("pull", "-q", f"{host}/team/demo@{first['manifest']}")
        ran = docker_daemon.docker(
            "run", "--rm", "--network=none", f"{host}/team/demo@{first['manifest']}", "python", "-c", PROGRAM
        )
        assert ran.stdout == f"{SAID}\n"
