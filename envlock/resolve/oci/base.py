"""What a base image has for an environment on top of it: its Python and its users, read from the layers.

Nothing of the image runs, and what its configuration says of versions is not believed: the version is
the one that is compiled into the interpreter.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from envlock.errors import RegistryFailed
from envlock.resolve.oci.media import BadImage, ImageConfig, ImageManifest
from envlock.resolve.oci.store import ImageStore, other_bytes
from envlock.resolve.oci.tree import ImageTree, Kind, LayerReader, merge_layer
from envlock.resolve.wheels.entries import write_cached

SCHEMA: Final = "envlock.base/1"
DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VERSION = re.compile(rb"(?<![0-9.])(3\.\d{1,2}\.\d{1,3})\+?\0")
HEADER_VERSION = re.compile(rb'#define\s+PY_VERSION\s+"(3\.\d+\.\d+)\+?"')
_INTERPRETER = re.compile(r"(?:.*/)?bin/python3(?:\.\d+)?")
_LIBRARY = re.compile(r"(?:.*/)?libpython3\.\d+\.so(?:\.1\.0)?")
_HEADER = re.compile(r"(?:.*/)?include/python3\.\d+/patchlevel\.h")
_USERS = ("etc/passwd", "etc/group")
_MOST_TEXT_BYTES = 1 << 20
_MOST_BINARY_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What an environment needs to know of its base. Paths are absolute inside the image.

    `python` is what `python3` on the image's PATH leads to, None where there is none; `version` is to the
    patch, None where the interpreter does not tell; `passwd` and `group` are the texts of those files.
    """

    command: str | None
    python: str | None
    version: str | None
    passwd: str
    group: str

    @property
    def series(self) -> str | None:
        return None if self.version is None else ".".join(self.version.split(".")[:2])


def read_base(store: ImageStore, manifest: ImageManifest, config: ImageConfig, cache: Path | None) -> Base:
    """Read every layer once, and prove it by its diff id. Raises RegistryFailed, HashMismatch."""
    known = _cached(cache, manifest.document.digest)
    if known is not None:
        return known
    base = base_of(_merged(store, manifest, config), config.environment)
    _keep(cache, manifest.document.digest, base)
    return base


def base_of(tree: ImageTree, environment: Mapping[str, str]) -> Base:
    command, python = _found(tree, environment.get("PATH") or DEFAULT_PATH)
    return Base(
        command=command,
        python=python,
        version=None if python is None else _version(tree, python),
        passwd=_text(tree, "/etc/passwd"),
        group=_text(tree, "/etc/group"),
    )


def _merged(store: ImageStore, manifest: ImageManifest, config: ImageConfig) -> ImageTree:
    if len(manifest.layers) != len(config.diff_ids):
        raise broken(store.name, BadImage("it has another number of layers than of diff ids"))
    tree = ImageTree()
    for number, (layer, diff_id) in enumerate(zip(manifest.layers, config.diff_ids, strict=True)):
        reader = LayerReader(store.chunks(layer))
        try:
            merge_layer(tree, number, reader.members(), keep_of_base)
        except BadImage as error:
            raise broken(store.name, error) from error
        if reader.diff_id != diff_id:
            raise other_bytes(store.name, diff_id, reader.diff_id)
    return tree


def keep_of_base(path: str, content: Iterator[bytes], size: int) -> bytes | None:
    """The users, and the versions that binaries and headers of Python have in them."""
    if path in _USERS:
        return b"".join(content) if size <= _MOST_TEXT_BYTES else None
    if _HEADER.fullmatch(path) and size <= _MOST_TEXT_BYTES:
        return b"\0".join(HEADER_VERSION.findall(b"".join(content)))
    if (_INTERPRETER.fullmatch(path) or _LIBRARY.fullmatch(path)) and size <= _MOST_BINARY_BYTES:
        return b"\0".join(sorted(set(VERSION.findall(b"".join(content)))))
    return None


def _found(tree: ImageTree, path: str) -> tuple[str | None, str | None]:
    """(the command, the file that it leads to) of the first python3 on PATH."""
    for folder in path.split(":"):
        command = f"{folder.rstrip('/')}/python3"
        found = tree.resolved(command) if folder.startswith("/") else None
        if found is not None and tree.nodes[found].kind is Kind.FILE and tree.nodes[found].mode & 0o111:
            return command, f"/{found}"
    return None, None


def _version(tree: ImageTree, python: str) -> str | None:
    """The one version of the interpreter's series that it, its library or its header has in it."""
    series = posixpath.basename(python).removeprefix("python")
    places = [python, *_libraries(tree, python), *_headers(python)]
    for place in places:
        node = tree.node(place)
        versions = (node.content or b"").decode().split("\0") if node is not None else []
        fitting = {each for each in versions if each.startswith(f"{series}.")}
        if len(fitting) == 1:
            return fitting.pop()
    return None


def _libraries(tree: ImageTree, python: str) -> Iterator[str]:
    """The interpreter's own library first."""
    prefix = posixpath.dirname(posixpath.dirname(python))
    name = f"lib{posixpath.basename(python)}.so"
    yield from (f"{prefix}/lib/{name}.1.0", f"{prefix}/lib/{name}")
    yield from (f"/{path}" for path in sorted(tree.nodes) if posixpath.basename(path).startswith(name))


def _headers(python: str) -> Iterator[str]:
    prefix = posixpath.dirname(posixpath.dirname(python))
    yield f"{prefix}/include/{posixpath.basename(python)}/patchlevel.h"


def _text(tree: ImageTree, path: str) -> str:
    node = tree.node(path)
    return (node.content or b"").decode(errors="replace") if node is not None else ""


def broken(name: str, error: BadImage) -> RegistryFailed:
    return RegistryFailed(
        f"cannot use the image `{name}`: {error}",
        where=name,
        hint="name another image, or build this one again",
    )


def _path(cache: Path, digest: str) -> Path:
    return cache / "bases-v1" / f"{digest.removeprefix('sha256:')}.json"


def _cached(cache: Path | None, digest: str) -> Base | None:
    if cache is None:
        return None
    try:
        document = json.loads(_path(cache, digest).read_bytes())
        if document.pop("schema") != SCHEMA or not all(isinstance(v, str | None) for v in document.values()):
            return None
        return Base(**document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(cache: Path | None, digest: str, base: Base) -> None:
    if cache is None:
        return
    write_cached(
        _path(cache, digest), json.dumps({"schema": SCHEMA, **asdict(base)}, sort_keys=True).encode()
    )
