"""`docker build` of the emitted Dockerfile: BuildKit by the command line's buildx, else the docker SDK.

The SDK drives the classic builder only; the file builds with both.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from envlock.errors import ToolFailed, ToolMissing
from envlock.image.context import Context, streamed
from envlock.resolve.model import Event, OnEvent

if TYPE_CHECKING:
    from docker import DockerClient

Builder = Literal["auto", "buildx", "classic"]
_CLASSIC_STEP = re.compile(r"Step (\d+)/(\d+) :")
_BUILDKIT_STEP = re.compile(r"#\d+ \[[^\]]*?(\d+)/(\d+)\] ")
_LAST_LINES = 12
_GRACE_SECONDS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerBuild:
    """`environment` is the user's: it says where the daemon is. `offline`: no stage has a network."""

    context: Context
    tags: tuple[str, ...]
    platform: str
    offline: bool
    environment: Mapping[str, str]
    no_cache: bool = False


def builder_at_hand(asked: Builder, environment: Mapping[str, str]) -> Builder:
    """`buildx` where the docker command has it, else `classic`. Raises ToolMissing for one that is not,
    and without the command: it looks into what was built.
    """
    if shutil.which("docker", path=environment.get("PATH")) is None:
        raise ToolMissing(
            "there is no `docker` command here", hint="install it; `envlock build oci` needs none"
        )
    if asked == "classic":
        return asked
    if _has_buildx(environment):
        return "buildx"
    if asked == "buildx":
        raise ToolMissing(
            "the `docker` command here has no buildx", hint="leave `--builder` out, or install it"
        )
    return "classic"


def _has_buildx(environment: Mapping[str, str]) -> bool:
    return _asked(environment, "buildx", "version").returncode == 0


def connect(environment: Mapping[str, str]) -> DockerClient:
    """The daemon of the docker command: DOCKER_HOST, else that of its context. Raises ToolMissing."""
    import docker
    from docker.errors import DockerException

    host = environment.get("DOCKER_HOST") or _host_of_context(environment)
    own = {**environment, **({"DOCKER_HOST": host} if host else {})}
    try:
        client = docker.from_env(environment=own, timeout=600)
        client.ping()
    except DockerException as error:
        raise ToolMissing(
            f"no Docker daemon answers: {_first_line(error)}",
            where=host,
            hint="start one, or name it in DOCKER_HOST; `envlock build oci` needs none",
        ) from error
    return client


def _host_of_context(environment: Mapping[str, str]) -> str | None:
    done = _asked(environment, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    return done.stdout.strip() or None if done.returncode == 0 else None


def _asked(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *words], capture_output=True, text=True, env=dict(environment), check=False
    )


@contextmanager
def told_failures(message: str) -> Iterator[None]:
    """What the daemon refuses, as an error of envlock."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise ToolFailed(f"{message}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    explanation: object = getattr(error, "explanation", None)
    lines = str(explanation or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def build(client: DockerClient, order: DockerBuild, builder: Builder, on_event: OnEvent) -> str:
    """Build and return the image's id. Raises ToolFailed with the builder's last lines."""
    if builder == "buildx":
        return _buildx(order, on_event)
    return _classic(client, order, on_event)


def _classic(client: DockerClient, order: DockerBuild, on_event: OnEvent) -> str:
    from docker.utils import parse_repository_tag

    said: list[str] = []
    with streamed(order.context.write) as stream:
        rows: Iterator[dict[str, Any]] = client.api.build(
            fileobj=stream,
            custom_context=True,
            decode=True,
            rm=True,
            forcerm=True,
            nocache=order.no_cache,
            platform=order.platform,
            network_mode="none" if order.offline else None,
        )
        image = _followed(rows, said, on_event)
    for tag in order.tags:
        name, version = parse_repository_tag(tag)
        client.api.tag(image, name, version)
    return image


def _followed(rows: Iterator[dict[str, Any]], said: list[str], on_event: OnEvent) -> str:
    """Pass on the steps; the id of the image is in the last row that has one. Read to its end, also after an
    error: else the connection would stay open."""
    image: str | None = None
    error = "the daemon named no image"
    for row in rows:
        text = str(row.get("stream", ""))
        said += [line for line in text.splitlines() if line.strip()]
        if match := _CLASSIC_STEP.match(text):
            on_event(Event(step="build", done=int(match[1]), total=int(match[2])))
        image = row.get("aux", {}).get("ID", image)
        if "error" in row:
            image, error = None, str(row["error"])
    if image is None:
        raise _failed(said, error)
    return image


def _buildx(order: DockerBuild, on_event: OnEvent) -> str:
    with tempfile.TemporaryDirectory(prefix="envlock-build-") as scratch:
        named = Path(scratch) / "image-id"
        command = ["docker", "buildx", "build", "--progress=plain", "--load", "--provenance=false"]
        command += [f"--iidfile={named}", f"--platform={order.platform}"]
        command += ["--network=none"] if order.offline else []
        command += ["--no-cache"] if order.no_cache else []
        command += [f"--tag={tag}" for tag in order.tags]
        with streamed(order.context.write) as stream:
            _run([*command, "-"], stream.fileno(), order.environment, on_event)
        return named.read_text().strip()


def _run(command: list[str], stdin: int, environment: Mapping[str, str], on_event: OnEvent) -> None:
    said: list[str] = []
    # Newer builders write the time of the image from this one, so that two builds have one id.
    own = {**environment, "SOURCE_DATE_EPOCH": environment.get("SOURCE_DATE_EPOCH", "0")}
    with (
        subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=own,
            start_new_session=True,  # buildx is a child of `docker`, which does not pass every signal on
        ) as process,
        _ended(process),
    ):
        for line in process.stderr or ():
            said.append(line.rstrip())
            if match := _BUILDKIT_STEP.match(line):
                on_event(Event(step="build", done=int(match[1]), total=int(match[2])))
    if process.returncode != 0:
        raise _failed(said, said[-1] if said else f"status {process.returncode}")


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Who stops waiting ends the builder too: it would go on, and tag an image that nobody knows of."""
    try:
        yield
    except BaseException:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_GRACE_SECONDS)
                break
        raise


def _failed(said: list[str], error: str) -> ToolFailed:
    lines = [line for line in said if line.strip()][-_LAST_LINES:]
    return ToolFailed(f"the image was not built: {error.strip()}", facts=[("said", line) for line in lines])
