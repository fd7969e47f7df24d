"""Facts from inside of a container, by docker or podman: of an image, or of a container that runs.

The agent and the lockfile go in by the standard input of the container's own Python, so an engine elsewhere
sees them too, and nothing is mounted. An image is looked at in a container of its own, without a network,
without capabilities, its file system read-only, and its command is never started. What the lock expects
comes from here, never from the image; what the image is (layers, variables) the engine says.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envlock.agent.facts import Facts
from envlock.errors import CouldNotTell, ToolFailed, ToolMissing
from envlock.observe.document import parse_facts
from envlock.observe.image import ImageFacts, prefix_of
from envlock.observe.zipapp import agent_bytes
from envlock.resolve.oci.media import BadImage, ImageConfig, parse_config

_MOST_SECONDS = 3600
_LAST_LINES = 10
_CONFINED = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
# argv: sizes of agent and lockfile, where both may lie ("": where the container can be written), the agent's.
_START = """\
import os, runpy, sys, tempfile
agent, lock, place = sys.argv[1:4]
memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
with tempfile.TemporaryDirectory(prefix="envlock-", dir=place or memory) as folder:
    tempfile.tempdir = folder
    names = [folder + "/agent.pyz", folder + "/envlock.lock"]
    for name, size in zip(names, (agent, lock)):
        with open(name, "wb") as file:
            file.write(sys.stdin.buffer.read(int(size)))
    sys.argv[1:4] = ["--expect", names[1]]
    runpy.run_path(names[0], run_name="__main__")
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerTarget:
    """An image, or a running container, by its name in `engine` (`docker` or `podman`).

    `lockfile` is the text that the agent gets. `environment` is the user's: where the engine listens stands
    there. `prefix` None: what the configuration says. `gpus`: an image's container is to have them.
    """

    engine: str
    name: str
    lockfile: bytes
    environment: Mapping[str, str]
    prefix: str | None = None
    gpus: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """How to start the Python of an environment inside: `words` of the engine, to which its arguments are
    added. `place`: where files may lie, "" where the container can be written. `environment` is the
    container's, by its configuration."""

    words: tuple[str, ...]
    prefix: str
    place: str
    environment: Mapping[str, str]


def observe_inside(target: ContainerTarget) -> ImageFacts:
    """Run the agent in a container of an image. Raises ToolMissing, ToolFailed, CouldNotTell."""
    document, config = _image(target)
    facts = _observed(target, _inside_image(target, config))
    identity = str(document.get("Id", ""))
    return ImageFacts(
        facts=facts,
        id=identity if identity.startswith("sha256:") else f"sha256:{identity}",
        diff_ids=config.diff_ids,
        changed=(),
        added=(),
        inside=True,
    )


def observe_running(target: ContainerTarget) -> Facts:
    """Facts of a running container, as its processes see them. Raises as `observe_inside` does."""
    return _observed(target, inside_container(target))


def inside_image(target: ContainerTarget) -> Inside:
    """A container of its own: no network, no capabilities, nothing of it can be written."""
    return _inside_image(target, _image(target)[1])


def inside_container(target: ContainerTarget) -> Inside:
    """The container that runs, as it is."""
    document = _inspected(target, "container", f"`{target.engine} ps` lists those that run")
    rows = (document.get("Config") or {}).get("Env") or ()
    environment = dict(row.partition("=")[::2] for row in rows)
    prefix = target.prefix or prefix_of(environment)
    words = ("exec", "--interactive", target.name, f"{prefix}/bin/python")
    return Inside(words=words, prefix=prefix, place="", environment=environment)


def _image(target: ContainerTarget) -> tuple[dict[str, Any], ImageConfig]:
    hint = f"`{target.engine} pull {target.name}`, or name a reference in a registry"
    document = _inspected(target, "image", hint)
    return document, _config(document, target)


def _inside_image(target: ContainerTarget, config: ImageConfig) -> Inside:
    prefix = target.prefix or prefix_of(config.environment)
    place = f"/.envlock-{secrets.token_hex(4)}"  # in memory, and it hides nothing of the image
    more = (f"--tmpfs={place}:mode=1777", *(("--gpus=all",) if target.gpus else ()))
    python = (f"--entrypoint={prefix}/bin/python", target.name)
    words = ("run", "--rm", "--interactive", *_CONFINED, *more, *python)
    return Inside(words=words, prefix=prefix, place=place, environment=config.environment)


def _inspected(target: ContainerTarget, kind: str, hint: str) -> dict[str, Any]:
    done = _run(target, kind, "inspect", target.name)
    if done.returncode:
        raise CouldNotTell(
            f"`{target.engine}` has no {kind} `{target.name}`",
            where=target.name,
            hint=hint,
            facts=[(f"{target.engine} says", line) for line in _lines(done.stderr)[-1:]],
        )
    rows = json.loads(done.stdout)
    return dict(rows[0]) if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}


def _config(document: Mapping[str, Any], target: ContainerTarget) -> ImageConfig:
    """What `inspect` says, in the words of the image's own configuration."""
    layers = (document.get("RootFS") or {}).get("Layers")
    text = {"rootfs": {"diff_ids": layers}, "config": document.get("Config")}
    try:
        return parse_config(json.dumps(text).encode())
    except BadImage as error:
        raise ToolFailed(f"`{target.engine}` does not tell what `{target.name}` is: {error}") from error


def _observed(target: ContainerTarget, inside: Inside) -> Facts:
    """What the agent says that the Python inside starts."""
    agent = agent_bytes()
    sizes = (str(len(agent)), str(len(target.lockfile)))
    program = (_START, *sizes, inside.place, "--prefix", inside.prefix, "--level", "content")
    done = start_python(target, inside, program, agent + target.lockfile)
    try:
        return parse_facts(done.stdout)
    except ValueError as error:
        raise no_answer(target, "the agent could not look at", done) from error


def start_python(
    target: ContainerTarget, inside: Inside, program: tuple[str, ...], stdin: bytes
) -> subprocess.CompletedProcess[bytes]:
    """Run a program of Python (its text, then its arguments) inside. Raises ToolMissing.

    A container of its own is gone afterwards, also where nobody waits for its end, which `--rm` does.
    """
    program = ("-I", "-S", "-B", "-c", *program)
    if inside.words[0] != "run":
        return _run(target, *inside.words, *program, stdin=stdin)
    name = f"envlock-{secrets.token_hex(8)}"
    try:
        return _run(target, "run", f"--name={name}", *inside.words[1:], *program, stdin=stdin)
    except BaseException:
        _run(target, "rm", "--force", name)
        raise


def no_answer(target: ContainerTarget, what: str, done: subprocess.CompletedProcess[bytes]) -> CouldNotTell:
    said = _lines(done.stderr)[-_LAST_LINES:]
    return CouldNotTell(
        f"{what} `{target.name}`: {said[-1] if said else 'it says nothing'}",
        where=target.name,
        hint="`--prefix DIR` names the environment inside of it",
        facts=[("said", line) for line in said[:-1]],
    )


def _run(target: ContainerTarget, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [target.engine, *words],
            input=stdin,
            capture_output=True,
            check=False,
            env=dict(target.environment),
            timeout=_MOST_SECONDS,
        )
    except OSError as error:
        raise ToolMissing(
            f"`{target.engine}` cannot be started: {(error.strerror or str(error)).lower()}",
            hint="install it, or verify the image from outside: a reference, `oci:DIR`, or a saved archive",
        ) from error


def _lines(said: bytes) -> list[str]:
    return said.decode(errors="replace").strip().splitlines()
