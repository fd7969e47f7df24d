"""Names of images, as docker and the OCI distribution specification read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from envlock.errors import UsageFault
from envlock.manifest.patterns import IMAGE_BASE

DOCKER_HUB = "docker.io"
LAYOUT = "oci:"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """`registry` is a host, with its port where it has one; a tag, a digest, or both."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest where there is one, a tag means nothing beside it."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """The image that `text` names. Docker's rules: a first part with a dot or a colon, or `localhost`, is a
    host; what has none is of Docker Hub, and of its `library` where it is a single word.

    Raises UsageFault.

    >>> str(parse_reference("python:3.11-slim"))
    'docker.io/library/python:3.11-slim'
    >>> parse_reference("localhost:5000/a/b").version
    'latest'
    """
    if not IMAGE_BASE.admits(text) or text.startswith(LAYOUT):
        raise UsageFault(
            f"{text!a} is not the name of an image", hint="write it like `registry.example/name:tag`"
        )
    rest, _, digest = text.partition("@")
    name, tag = _split_tag(rest)
    first, slash, tail = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, repository = (first, tail) if is_host else (DOCKER_HUB, name)
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    if tag is None and not digest:
        tag = "latest"
    return Reference(registry=registry, repository=repository, tag=tag, digest=digest or None)


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def _split_tag(name: str) -> tuple[str, str | None]:
    head, slash, tail = name.rpartition("/")
    last, colon, tag = tail.partition(":")
    return (head + slash + last, tag) if colon else (name, None)
