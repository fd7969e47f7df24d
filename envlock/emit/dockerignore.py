""".dockerignore: the builder gets what the Dockerfile copies, and never keys, caches or environments."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import folder, header, locked
from envlock.emit.quoting import comment
from envlock.lock.model import Lock
from envlock.manifest.patterns import CODE_FOLDER

# Of the project's code: what is made on each host, and what must not leave it.
NEVER = (
    "**/.git",
    "**/.venv",
    "**/__pycache__",
    "**/*.pyc",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.ipynb_checkpoints",
    "**/.env",
    "**/.netrc",
    "**/.ssh",
    "**/.aws",
    "**/*.pem",
    "**/*.key",
    "**/id_rsa",
    "**/id_ed25519",
)


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    locked(lock, options)
    yield from map(comment, header(lock, options, "dockerignore"))
    code = options.image.code
    if code != ".":
        yield "*"
    if code not in (None, ".") and CODE_FOLDER.admits(str(code)):
        yield f"!{code}"
    yield from NEVER if code is not None else ()
    if options.wheelhouse is not None:
        yield f"!{folder(options.wheelhouse).removeprefix('./').rstrip('/')}"


EMITTER = Emitter(render=render, file=".dockerignore")
