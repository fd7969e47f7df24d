"""An image, observed from outside: its layers are read and proved, and nothing of it runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.agent.expect import Expectation, to_json
from envlock.agent.facts import Facts
from envlock.errors import CouldNotTell
from envlock.observe.document import parse_facts
from envlock.observe.unpacked import Unpacked, unpack
from envlock.resolve.oci.layered import LayeredImage

_USUAL_PREFIX = "/opt/env"
_MOST_SECONDS = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageTarget:
    """An image and where to look in it. `prefix` None: what its configuration says. `base_layers`: how many
    layers from the bottom are the base's."""

    image: LayeredImage
    platform: str
    expectation: Expectation
    base_layers: int
    prefix: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFacts:
    """What was seen: the agent's facts of the prefix, the diff ids that were proved, and what layers above
    the base did to the rest of the image. `inside`: seen from inside, where that cannot be told."""

    facts: Facts
    id: str
    diff_ids: tuple[str, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]
    inside: bool = False


def observe_image(target: ImageTarget) -> ImageFacts:
    """Unpack an image into a temporary folder and look at it with the agent's own rules.

    Raises HashMismatch, RegistryFailed, DiskFailed, and CouldNotTell where there is no environment in it, or
    this host lets nobody enter a folder.
    """
    with tempfile.TemporaryDirectory(prefix="envlock-image-") as folder:
        unpacked = unpack(target.image, Path(folder), target.base_layers)
        prefix = target.prefix or prefix_of(target.image.config.environment)
        _refuse_empty(unpacked, prefix, target.image.name)
        facts = _ask(target, unpacked, prefix)
    inside = prefix.strip("/") + "/"
    return ImageFacts(
        facts=facts,
        id=target.image.id,
        diff_ids=target.image.config.diff_ids,
        changed=tuple(path for path in unpacked.changed if not path.startswith(inside)),
        added=tuple(path for path in unpacked.added if not path.startswith(inside)),
    )


def prefix_of(environment: Mapping[str, str]) -> str:
    """The environment that an image is made for."""
    return environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX") or _USUAL_PREFIX


def _refuse_empty(unpacked: Unpacked, prefix: str, name: str) -> None:
    place = unpacked.root / prefix.lstrip("/")
    if not place.is_dir():
        raise CouldNotTell(
            f"the image `{name}` has no environment at `{prefix}`",
            where=name,
            hint="`--prefix DIR` names the environment inside of the image",
        )


def _ask(target: ImageTarget, unpacked: Unpacked, prefix: str) -> Facts:
    request = {
        "root": str(unpacked.root),
        "prefix": prefix,
        "platform": target.platform,
        "environment": dict(target.image.config.environment),
        "expectation": to_json(target.expectation),
    }
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-m", "envlock.observe.rooted"],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=False,
        timeout=_MOST_SECONDS,
    )
    return _answered(done, target.image.name)


def _answered(done: subprocess.CompletedProcess[bytes], name: str) -> Facts:
    try:
        answer = json.loads(done.stdout)
        refused = answer.get("refused")
        if refused is None:
            return parse_facts(json.dumps(answer["facts"]).encode())
    except (ValueError, KeyError) as error:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise CouldNotTell(f"the image `{name}` could not be looked at: {reason}", where=name) from error
    raise CouldNotTell(
        f"the image `{name}` could not be looked at: this host forbids it ({refused.lower()})",
        where=name,
        hint="run as root, or where user namespaces are allowed",
    )
