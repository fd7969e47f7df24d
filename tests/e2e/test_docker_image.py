"""One lock, real wheels on a real Debian: built by three builders, in two ways, and verified from inside."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from envlock import api
from envlock.api.building_docker import DockerOrder, DockerResult, build_docker
from envlock.errors import ToolMissing
from envlock.lock.file import read_lock
from envlock.lock.runtime import runtime_hash
from envlock.report import Severity, Verdict
from tests.support.dockerd import Dockerd
from tests.support.images import debian_base, locked_project
from tests.support.index import LocalIndex
from tests.support.registry import LocalRegistry
from tests.support.tools import need
from tests.support.wheels import Wheel

pytestmark = pytest.mark.slow
LINUX = "linux-64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A locked project with its wheels, and the daemon that knows its registry."""

    lock: Path
    cache: Path
    daemon: Dockerd

    @property
    def folder(self) -> Path:
        return self.lock.parent

    @property
    def hash(self) -> str:
        return runtime_hash(read_lock(self.lock), LINUX)

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.daemon.environment}

    def build(self, **options: Any) -> DockerResult:
        order = DockerOrder(
            lock=self.lock, environment=self.environment, cache=self.cache, no_cache=True, **options
        )
        return build_docker(order)


@pytest.fixture(scope="module")
def registry() -> Iterator[LocalRegistry]:
    with LocalRegistry() as started:
        started.add(debian_base(), "debian/python", "3.11")
        yield started


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, registry: LocalRegistry, docker_daemon: Dockerd
) -> Project:
    reference = registry.reference("debian/python:3.11")
    docker_daemon.lend(int(reference.partition("/")[0].rpartition(":")[2]))
    folder = tmp_path_factory.mktemp("image") / "project"
    lock = locked_project(folder, reference)
    return Project(lock=lock, cache=folder / "cache", daemon=docker_daemon)


@pytest.fixture(scope="module")
def built(project: Project) -> DockerResult:
    """The image by the classic builder, as `demo:1`."""
    return project.build(builder="classic", tags=("demo:1",))


@pytest.mark.parametrize("builder", ["classic", "buildx"])
def test_two_builds_have_the_same_layers_and_match(
    project: Project, built: DockerResult, builder: str
) -> None:
    first = built if builder == "classic" else project.build(builder=builder)
    second = project.build(builder=builder, tags=("again:1",))
    assert first.diff_ids == second.diff_ids
    locked = read_lock(project.lock).image
    assert locked is not None
    assert first.diff_ids[:2] == locked.platforms[LINUX].diff_ids
    for result in (first, second):
        assert result.report.verdict is Verdict.MATCH, result.report.findings
        assert result.report.observed == project.hash
    assert (first.builder, second.tags) == (builder, ("again:1",))


def test_one_lock_three_environments_one_runtime_hash(
    project: Project, built: DockerResult, tmp_path: Path
) -> None:
    """A virtual environment, the image that Docker builds, and the one that needs no daemon."""
    archive = tmp_path / "image.tar"
    options: Any = {"lock": project.lock, "environment": project.environment, "cache": project.cache}
    api.sync(api.SyncOrder(venv=tmp_path / "env", python=_python311(), **options))
    api.build_oci(api.OciOrder(output=archive, tag="localhost/daemonless:1", **options))
    project.daemon.docker("load", "-i", archive)
    reports = [
        api.verify(api.VerifyRequest(prefix=tmp_path / "env", level="content", **options)),
        built.report,
        api.verify_image(api.ImageRequest(image="localhost/daemonless:1", inside="docker", **options)),
        api.verify_image(api.ImageRequest(image=str(archive), **options)),
    ]
    for report in reports:
        assert (report.verdict, report.observed) == (Verdict.MATCH, project.hash), report.findings


def _python311() -> str:
    """The lock is for Debian's Python 3.11."""
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    need("python3.11")
    return "python3.11"


def test_pip_in_the_build_fetches_the_wheels_where_the_build_has_a_network(
    project: Project, built: DockerResult
) -> None:
    """The index of the machine is on no network of the daemon's own: one of ours stands in for it."""
    with LocalIndex() as index:
        for path in _wheels(project):
            index.add(_published(path), core_metadata=False)
        project.daemon.lend(urlsplit(index.url).port or 0)
        dockerfile = _emitted(project, "docker")
        done = project.daemon.docker(
            *("build", "--no-cache", "--network=host", "-t", "online:1"),
            *("--build-arg", f"PIP_INDEX_URL={index.url}", "-"),
            input=dockerfile,
            environment={"DOCKER_BUILDKIT": "0"},
        )
        assert "Successfully installed" in done.stdout
        assert index.requests("/files/*")
    inspected = json.loads(project.daemon.docker("image", "inspect", "online:1").stdout)
    assert tuple(inspected[0]["RootFS"]["Layers"]) == built.diff_ids


def _published(path: Path) -> Wheel:
    name, version = path.name.split("-")[:2]
    content = path.read_bytes()
    return Wheel(
        name=name, version=version, filename=path.name, content=content, metadata=b"", requires_python=None
    )


@pytest.mark.usefixtures("built")
def test_buildah_makes_the_same_layers_twice(project: Project, tmp_path: Path) -> None:
    need("buildah", root=True)
    context = tmp_path / "context"
    (context / "wheels").mkdir(parents=True)
    for wheel in _wheels(project):
        shutil.copy(wheel, context / "wheels" / wheel.name)
    (context / "Dockerfile").write_text(_emitted(project, "docker", wheelhouse=Path("wheels")))
    first, second = (_by_buildah(context, tmp_path / name) for name in ("one", "two"))
    options: Any = {"lock": project.lock, "environment": project.environment, "cache": project.cache}
    report = api.verify_image(api.ImageRequest(image=f"oci:{first}", **options))
    assert (report.verdict, report.observed) == (Verdict.MATCH, project.hash), report.findings
    assert _diff_ids(first) == _diff_ids(second)


def _by_buildah(context: Path, folder: Path) -> Path:
    """A layout of what is built. In a chroot: no container is made, and no network can be taken away."""
    store = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    build = ["bud", "--isolation", "chroot", "--tls-verify=false", "-t", "image", "."]
    for words in (build, ["push", "image", f"oci:{folder}/layout:image"]):
        done = subprocess.run(
            ["buildah", *store, *words], cwd=context, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return folder / "layout"


def _diff_ids(layout: Path) -> list[str]:
    blobs = layout / "blobs" / "sha256"
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_text())
    found: list[str] = config["rootfs"]["diff_ids"]
    return found


@pytest.mark.usefixtures("built")
def test_what_changes_in_a_running_container_is_named(project: Project) -> None:
    docker = project.daemon.docker
    docker("run", "-d", "--name", "job", "--network=none", "--user=0", "demo:1", "sleep", "600")
    try:
        assert _container(project).verdict is Verdict.MATCH
        site = "/opt/env/lib/python3.11/site-packages"
        docker("exec", "job", "sh", "-c", f"echo 'x = 1' >> {site}/click/core.py")
        docker("exec", "job", "sh", "-c", f"mkdir {site}/planted && echo > {site}/planted/__init__.py")
        report = _container(project)
    finally:
        docker("rm", "-f", "job")
    assert report.verdict is Verdict.MISMATCH
    named = {(f.code, f.path) for f in report.findings if f.severity is not Severity.NOTE}
    inside = site.removeprefix("/opt/env/")
    assert ("file-differs", f"{inside}/click/core.py") in named
    assert any(path and path.startswith(f"{inside}/planted") for _, path in named), named


@pytest.mark.usefixtures("built")
def test_a_package_on_top_of_the_image_is_named(project: Project, tmp_path: Path) -> None:
    site = "/opt/env/lib/python3.11/site-packages"
    text = f"FROM demo:1\nUSER 0\nRUN mkdir {site}/extra && echo 'x = 1' > {site}/extra/__init__.py\n"
    docker = project.daemon.docker
    docker(
        *("build", "--network=none", "-t", "topped:1", "-"), input=text, environment={"DOCKER_BUILDKIT": "0"}
    )
    docker("run", "-d", "--name", "topped", "--network=none", "topped:1", "sleep", "600")
    try:
        running = _container(project, "topped")
    finally:
        docker("rm", "-f", "topped")
    docker("save", "-o", tmp_path / "topped.tar", "topped:1")
    options: Any = {"lock": project.lock, "environment": project.environment, "cache": project.cache}
    inside = api.verify_image(api.ImageRequest(image="topped:1", inside="docker", **options))
    outside = api.verify_image(api.ImageRequest(image=str(tmp_path / "topped.tar"), **options))
    for report in (running, inside, outside):
        named = [(f.code, f.path) for f in report.findings if f.severity is not Severity.NOTE]
        assert named == [("foreign-module", "lib/python3.11/site-packages/extra/__init__.py")]
        assert report.verdict is Verdict.MISMATCH


def _container(project: Project, name: str = "job") -> Any:
    request = api.ContainerRequest(
        lock=project.lock, name=name, environment=project.environment, cache=project.cache
    )
    return api.verify_container(request)


def _wheels(project: Project) -> list[Path]:
    """Every locked wheel under its own name. A build has fetched them."""
    folder = project.folder / "wheels"
    if not folder.exists():
        folder.mkdir()
        for _, wheel in read_lock(project.lock).on(LINUX):
            kept = project.cache / "wheel-files-v1" / wheel.sha256[:2] / f"{wheel.sha256}.whl"
            os.link(kept, folder / wheel.file)
    return sorted(folder.iterdir())


def _emitted(project: Project, format: str, wheelhouse: Path | None = None) -> str:
    return api.emit(
        api.EmitRequest(format=format, lock=project.lock, environment=dict(os.environ), wheelhouse=wheelhouse)
    )


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the SDK's own, when nobody answers
def test_no_daemon_is_told(project: Project) -> None:
    with pytest.raises(ToolMissing) as caught:
        build_docker(
            DockerOrder(
                lock=project.lock,
                environment={"PATH": os.environ["PATH"], "DOCKER_HOST": "unix:///nowhere/docker.sock"},
                cache=project.cache,
            )
        )
    assert caught.value.where == "unix:///nowhere/docker.sock"
    assert caught.value.message.startswith("no Docker daemon answers: ")
    del caught
    gc.collect()
