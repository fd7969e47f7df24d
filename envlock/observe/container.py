"""An image of a container engine on this host, observed from inside: the agent runs in a container of it.

Without a network, without capabilities, its file system read-only. What the lock expects comes from here,
never from the image. What the image is (layers, variables) the engine says.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from envlock.agent.facts import Facts
from envlock.errors import CouldNotTell, ToolFailed, ToolMissing
from envlock.observe.document import parse_facts
from envlock.observe.image import ImageFacts, prefix_of
from envlock.observe.zipapp import agent_bytes
from envlock.resolve.oci.media import BadImage, ImageConfig, parse_config

ENGINES: Final = ("docker", "podman")
_AGENT, _LOCK = "/envlock-agent.pyz", "/envlock.lock"
_MOST_SECONDS = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerTarget:
    """An image by its name in `engine`; `lockfile` is the text that the agent gets. `environment` is the
    user's: where the engine listens stands there."""

    engine: str
    name: str
    lockfile: bytes
    environment: Mapping[str, str]
    prefix: str | None = None


def observe_container(target: ContainerTarget) -> ImageFacts:
    """Run the agent in a container of an image. Raises ToolMissing, ToolFailed, CouldNotTell."""
    document = _inspected(target)
    config = _config(document, target)
    facts = _observed(target, target.prefix or prefix_of(config.environment))
    identity = str(document.get("Id", ""))
    return ImageFacts(
        facts=facts,
        id=identity if identity.startswith("sha256:") else f"sha256:{identity}",
        diff_ids=config.diff_ids,
        changed=(),
        added=(),
        inside=True,
    )


def _inspected(target: ContainerTarget) -> dict[str, Any]:
    done = _run(target, "image", "inspect", target.name)
    if done.returncode:
        raise CouldNotTell(
            f"`{target.engine}` has no image `{target.name}`",
            where=target.name,
            hint=f"`{target.engine} pull {target.name}`, or name a reference in a registry",
            facts=[(f"{target.engine} says", _last_line(done.stderr))],
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


def _observed(target: ContainerTarget, prefix: str) -> Facts:
    with tempfile.TemporaryDirectory(prefix="envlock-") as folder:
        agent, lock = Path(folder, "agent.pyz"), Path(folder, "envlock.lock")
        agent.write_bytes(agent_bytes())
        lock.write_bytes(target.lockfile)
        for path in (Path(folder), agent, lock):
            path.chmod(0o755)  # the user of the image reads them
        mounts = (f"--volume={agent}:{_AGENT}:ro", f"--volume={lock}:{_LOCK}:ro")
        done = _run(
            target,
            *("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", *mounts),
            *(f"--entrypoint={prefix}/bin/python", target.name),
            *("-I", "-S", "-B", _AGENT, "--prefix", prefix, "--expect", _LOCK, "--level", "content"),
        )
    try:
        return parse_facts(done.stdout)
    except ValueError as error:
        raise CouldNotTell(
            f"the agent could not look at `{target.name}`: {_last_line(done.stderr)}",
            where=target.name,
            hint="`--prefix DIR` names the environment inside of the image",
        ) from error


def _run(target: ContainerTarget, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [target.engine, *words],
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


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"
