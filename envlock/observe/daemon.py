"""Facts from inside of a container, by the docker SDK: of an image, or of a container that runs.

The agent and the lockfile go in through the API, so a daemon elsewhere sees them too. An image is looked at
in a container of its own, without a network and without capabilities, and its command is never started.
"""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envlock.agent.facts import Facts
from envlock.errors import CouldNotTell, ToolFailed, ToolMissing
from envlock.observe.document import parse_facts
from envlock.observe.zipapp import agent_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

DEFAULT_PREFIX = "/opt/env"
_LAST_LINES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """What to look at: the environment at `prefix`, against the text of a lockfile."""

    lock: bytes
    prefix: str = DEFAULT_PREFIX
    level: str = "content"

    def command(self, folder: str) -> list[str]:
        python = f"{self.prefix}/bin/python"
        files = (f"{folder}/agent.pyz", "--expect", f"{folder}/envlock.lock")
        return [python, "-I", "-S", "-B", *files, "--prefix", self.prefix, "--level", self.level]

    def archive(self, folder: str) -> bytes:
        return _archive({f"{folder}/agent.pyz": agent_bytes(), f"{folder}/envlock.lock": self.lock})


def connect(environment: Mapping[str, str]) -> DockerClient:
    """The daemon of DOCKER_HOST, else the usual one. Raises ToolMissing."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(environment=dict(environment), timeout=600)
        client.ping()
    except DockerException as error:
        host = environment.get("DOCKER_HOST")
        raise ToolMissing(
            f"no Docker daemon answers: {_first_line(error)}",
            where=host,
            hint="start one, or name it in DOCKER_HOST; `envlock build oci` needs none",
        ) from error
    return client


def observe_image(client: DockerClient, image: str, inside: Inside) -> Facts:
    """Facts of an image that the daemon has. Raises CouldNotTell, ToolFailed."""
    folder = f".envlock-{secrets.token_hex(4)}"
    python, *words = inside.command(f"/{folder}")
    with told_failures(f"the image `{image}` cannot be looked at"):
        container = client.containers.create(
            image,
            entrypoint=[python],
            command=words,
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        try:
            container.put_archive("/", inside.archive(folder))
            container.start()
            status = container.wait()["StatusCode"]
            output = container.logs(stdout=True, stderr=False)
            said = container.logs(stdout=False, stderr=True)
        finally:
            container.remove(force=True)
    return _facts(status, output, said)


def observe_container(client: DockerClient, name: str, inside: Inside) -> Facts:
    """Facts of a running container, as its processes see them. Raises CouldNotTell, ToolFailed."""
    folder = f"envlock-{secrets.token_hex(4)}"
    place = f"/tmp/{folder}"  # noqa: S108  (inside of the container)
    with told_failures(f"the container `{name}` cannot be looked at"):
        container: Any = client.containers.get(name)
        container.put_archive("/tmp", inside.archive(folder))  # noqa: S108
        try:
            status, (output, said) = container.exec_run(inside.command(place), demux=True)
        finally:
            container.exec_run(["rm", "-rf", place], user="0")
    return _facts(status, output or b"", said or b"")


@contextmanager
def told_failures(message: str) -> Iterator[None]:
    """What the daemon refuses, as an error of envlock."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise ToolFailed(f"{message}: {_first_line(error)}") from error


def _facts(status: int, output: bytes, said: bytes) -> Facts:
    if status != 0:
        lines = said.decode(errors="replace").splitlines()[-_LAST_LINES:]
        raise CouldNotTell(
            f"the agent ended with status {status} in the container", facts=[("said", line) for line in lines]
        )
    return parse_facts(output)


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            row = tarfile.TarInfo(name)
            row.size, row.mode = len(content), 0o644
            archive.addfile(row, io.BytesIO(content))
    return buffer.getvalue()


def _first_line(error: Exception) -> str:
    explanation: object = getattr(error, "explanation", None)
    lines: Sequence[str] = str(explanation or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
