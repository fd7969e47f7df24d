"""What the manifest's `image` asks for, in one image that Docker builds and runs: Debian packages, Jupyter,
an SSH server, the project's code. The base is a Debian of debootstrap's, the packages are its archive's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock import api
from envlock.image.wheel_files import WheelFiles
from envlock.install.model import Supply
from envlock.lock.file import read_lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest.platforms import Platform
from envlock.report import Verdict
from tests.support.debian import debian_image, newest
from tests.support.dockerd import Dockerd
from tests.support.proxy import HttpProxy
from tests.support.registry import LocalRegistry
from tests.support.tools import need

pytestmark = pytest.mark.slow

MANIFEST = """\
python = "3.11"
requirements = ["jupyterlab==4.3.5", "six==1.17.0"]
exclude-newer = 2025-03-01
[settings]
PYTHONHASHSEED = "7"
[image]
base = "{base}"
user = "worker"
code = "src"
"""
SERVICES = 'apt = ["openssh-server={version}"]\njupyter = true\nssh = true\n'
ENTRYPOINT = 'entrypoint = ["python", "src/train.py"]\n'
TRAIN = "import os, six, sys\nprint(sys.argv[1:], six.__version__, os.environ['PYTHONHASHSEED'])\n"
SSHD = "openssh-server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A project whose image the daemon has, as `services:1` and as `job:1`."""

    lock: Path
    daemon: Dockerd
    apt_version: str
    fetched: tuple[str, ...]

    def run(self, *words: str | Path) -> str:
        return self.daemon.docker("run", "--rm", "--network=none", *words).stdout

    @contextmanager
    def started(self, name: str, *words: str | Path) -> Iterator[None]:
        self.daemon.docker("run", "-d", f"--name={name}", *words)
        try:
            yield
        finally:
            self.daemon.docker("rm", "-f", name)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, docker_daemon: Dockerd) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("options")
    version = newest(SSHD)
    with LocalRegistry() as registry, HttpProxy() as proxy:
        registry.add(debian_image(folder / "layout"), "debian/system", "12")
        for port in (proxy.port, int(registry.host.rpartition(":")[2])):
            docker_daemon.lend(port)
        project = folder / "project"
        (project / "src").mkdir(parents=True)
        (project / "src/train.py").write_text(TRAIN)
        (project / "src/train.py").chmod(0o600)
        manifest = MANIFEST.format(base=registry.reference("debian/system:12"))
        (project / "envlock.toml").write_text(manifest + SERVICES.format(version=version))
        lock = api.lock(api.LockRequest(project=project), environment=dict(os.environ)).path
        _wheelhouse(lock, project)
        build = ("build", "--network=host", "--build-arg", f"http_proxy={proxy.url}", "-f", "-")
        for tag, asked in (("services:1", SERVICES.format(version=version)), ("job:1", ENTRYPOINT)):
            (project / "envlock.toml").write_text(manifest + asked)
            docker_daemon.docker(*build, "-t", tag, ".", cwd=project, input=_dockerfile(lock))
        yield Built(lock=lock, daemon=docker_daemon, apt_version=version, fetched=tuple(proxy.log))


def _wheelhouse(lock: Path, project: Path) -> None:
    locked = read_lock(lock)
    supply = Supply(sources={}, environment=dict(os.environ), wheelhouse=None)
    files = WheelFiles(
        lock=locked, platform=Platform("linux-64"), supply=supply, cache=project.parent / "cache"
    )
    wheels = [wheel for _, wheel in locked.on("linux-64")]
    found = files.fetch(wheels, lambda: None)
    (project / "wheels").mkdir()
    for wheel in wheels:
        os.link(found[wheel.sha256], project / "wheels" / wheel.file)


def _dockerfile(lock: Path) -> str:
    request = api.EmitRequest(
        format="docker", lock=lock, environment=dict(os.environ), wheelhouse=Path("wheels")
    )
    return api.emit(request)


def test_the_environment_is_that_of_the_lock(built: Built) -> None:
    request = api.ImageRequest(
        lock=built.lock,
        image="services:1",
        inside="docker",
        environment={**os.environ, **built.daemon.environment},
    )
    report = api.verify_image(request)
    assert report.verdict is Verdict.MATCH, report.findings
    assert report.observed == runtime_hash(read_lock(built.lock), "linux-64")


def test_the_user_is_not_root_and_nobody_has_a_password(built: Built) -> None:
    script = "whoami; id -u; id -g; echo $HOME; getent passwd worker"
    assert built.run("services:1", "sh", "-c", script).splitlines() == [
        *("worker", "1000", "1000", "/home/worker"),
        "worker:x:1000:1000::/home/worker:/bin/sh",
    ]
    shadow = built.run("--user=0", "services:1", "cat", "/etc/shadow").splitlines()
    assert {row.split(":")[1] for row in shadow} <= {"*", "!", "!*"}
    assert not any(row.startswith("worker:") for row in shadow)
    tried = built.daemon.docker("run", "--rm", "services:1", "su", "-c", "id", check=False)
    assert tried.returncode != 0


def test_the_packages_have_their_versions_and_leave_nothing_behind(built: Built) -> None:
    said = built.run("services:1", "dpkg-query", "-W", "-f", "${Version}", SSHD)
    assert said == built.apt_version
    assert any(f"/{SSHD}_" in url for url in built.fetched)
    left = ("find", "/var/lib/apt/lists", "/etc/ssh", "-name", "ssh_host_*", "-o", "-name", "*_Packages")
    assert built.run("services:1", *left) == ""
    history = built.daemon.docker("history", "--no-trunc", "services:1").stdout
    inspected = built.daemon.docker("image", "inspect", "services:1").stdout
    assert "http_proxy" not in history.lower()  # nor the address: that of the base's registry is a label
    assert not any("127.0.0.1" in line for line in history.splitlines() if "base.name=" not in line)
    assert "proxy" not in json.dumps(json.loads(inspected)[0]["Config"]).lower()


def test_the_code_is_there_and_the_entry_point_runs_it(built: Built) -> None:
    assert built.run("job:1", "--epochs", "3") == "['--epochs', '3'] 1.17.0 7\n"
    stat = ("stat", "-c", "%U %a %Y", "src/train.py")
    assert built.run("services:1", *stat) == "worker 644 0\n"


def test_jupyter_answers_those_who_have_its_token(built: Built) -> None:
    ask = (
        "import sys, urllib.request as u, urllib.error as e\n"
        "try: print(u.urlopen('http://127.0.0.1:8888/api/contents' + sys.argv[1]).status)\n"
        "except e.HTTPError as error: print(error.code)\n"
    )
    docker = built.daemon.docker
    with built.started("lab", "--network=none", "services:1"):
        token = _waited_for(lambda: re.search(r"\?token=([0-9a-f]{32,})", docker("logs", "lab").stderr))[1]
        answers = [
            docker("exec", "lab", "python", "-c", ask, query).stdout.strip()
            for query in ("", "?token=wrong", f"?token={token}")
        ]
    assert answers == ["403", "403", "200"]


def _waited_for(look: Callable[[], re.Match[str] | None]) -> re.Match[str]:
    for _ in range(240):
        if (found := look()) is not None:
            return found
        time.sleep(0.25)
    raise AssertionError("it did not come")


def test_ssh_takes_keys_only(built: Built, tmp_path: Path) -> None:
    need("ssh", "ssh-keygen", "nsenter", root=True)
    for name in ("mine", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    mount = f"{tmp_path}/mine.pub:/run/secrets/authorized_keys:ro"
    with built.started("remote", "--network=host", "-v", mount, "services:1", "envlock-sshd"):
        program = "import os, six, sys; print(sys.prefix, os.environ['PYTHONHASHSEED'], os.getuid())"
        said = _logged_in(built, tmp_path / "mine", f'python -c "{program}"')
        assert (said.returncode, said.stdout) == (0, "/opt/env 7 1000\n"), said.stderr
        refused = [
            _ssh(built, tmp_path / "other", "worker", "id"),
            _ssh(built, tmp_path / "mine", "root", "id"),
            _ssh(
                *(built, tmp_path / "mine", "worker", "id"),
                *("PubkeyAuthentication=no", "PreferredAuthentications=password,keyboard-interactive"),
            ),
        ]
    for done in refused:
        assert done.returncode == 255
        assert done.stderr.splitlines()[-1].endswith("Permission denied (publickey).")


def _logged_in(built: Built, key: Path, command: str) -> subprocess.CompletedProcess[str]:
    """The server makes its host key first."""
    for _ in range(80):
        done = _ssh(built, key, "worker", command)
        if "Connection refused" not in done.stderr:
            return done
        time.sleep(0.25)
    return done


def _ssh(built: Built, key: Path, user: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """From the host, in the network of the daemon."""
    always = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    words = [word for option in (*always, *options) for word in ("-o", option)]
    enter = ["nsenter", "--net", "--target", str(built.daemon.process), "--"]
    ssh = ["ssh", "-F", "none", "-p", "2222", "-i", str(key), *words, f"{user}@127.0.0.1", command]
    return subprocess.run([*enter, *ssh], capture_output=True, text=True, check=False, timeout=60)
