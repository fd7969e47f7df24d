"""An image laid out below a folder: files, folders and links, layer upon layer, nothing of it run."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from envlock.errors import DiskFailed, HashMismatch
from envlock.resolve.oci.base import broken
from envlock.resolve.oci.layered import LayeredImage
from envlock.resolve.oci.media import BadImage
from envlock.resolve.oci.tree import ImageTree, Kind, LayerReader, Node, merge_layer


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A root, and what the layers above the first `base_layers` did outside of it: paths without a leading
    slash. `changed` were files of the base and are not what they were, `added` are new."""

    root: Path
    changed: tuple[str, ...]
    added: tuple[str, ...]


def unpack(image: LayeredImage, folder: Path, base_layers: int) -> Unpacked:
    """Lay an image out below `folder`, each layer proved by its diff id.

    Raises HashMismatch for a layer that is not what the configuration says, RegistryFailed for one that is
    broken, DiskFailed.
    """
    root, store = folder / "root", _Store(folder / "files")
    try:
        store.folder.mkdir(parents=True)
        root.mkdir()
        tree, base = ImageTree(), dict[str, Node]()
        for number in range(len(image.layers)):
            if number == base_layers:
                base = dict(tree.nodes)
                store.compared = frozenset(base)
            _merge(image, tree, number, store)
        _lay_out(tree, root, store.folder)
    except OSError as error:
        raise DiskFailed(
            f"the image cannot be laid out: {(error.strerror or str(error)).lower()}",
            where=str(folder),
            hint="free some space, or let TMPDIR name a folder that has it",
        ) from error
    return Unpacked(
        root=root,
        changed=tuple(sorted(path for path in base if _is_other(base[path], tree.nodes.get(path)))),
        added=tuple(
            sorted(
                path
                for path, node in tree.nodes.items()
                if path not in base and node.layer >= base_layers and node.kind is not Kind.FOLDER
            )
        ),
    )


def _is_other(before: Node, now: Node | None) -> bool:
    """A folder that was written again with the same kind is no change."""
    if now is None or now.kind is not before.kind:
        return True
    return before.kind is not Kind.FOLDER and replace(now, layer=before.layer) != before


@dataclass(slots=True)
class _Store:
    """Contents until it is known which of them stay, named by their hash where two are `compared` (None:
    all are), else by a number: the diff id of their layer proves them."""

    folder: Path
    compared: frozenset[str] | None = None
    kept: int = 0

    def keep(self, path: str, content: Iterator[bytes], size: int) -> bytes:
        self.kept += 1
        name, temporary = str(self.kept), self.folder / "new"
        with temporary.open("wb") as file:
            if self.compared is None or path in self.compared:
                name = _written(content, file)
            else:
                file.writelines(content)
        temporary.replace(self.folder / name)
        return name.encode()


def _written(content: Iterator[bytes], file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in content:
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


def _merge(image: LayeredImage, tree: ImageTree, number: int, store: _Store) -> None:
    reader = LayerReader(image.layers[number]())
    try:
        if len(image.layers) != len(image.config.diff_ids):
            raise BadImage("it has another number of layers than of diff ids")
        merge_layer(tree, number, reader.members(), store.keep)
    except BadImage as error:
        raise broken(image.name, error) from error
    wanted = image.config.diff_ids[number]
    if reader.diff_id != wanted:
        raise HashMismatch(
            f"layer {number + 1} of the image `{image.name}` is not what its configuration says",
            where=image.name,
            hint="it was changed after it was made: build the image again",
            facts=[("expected", wanted), ("found", reader.diff_id)],
        )


def _lay_out(tree: ImageTree, root: Path, files: Path) -> None:
    """Put every node in its place. No node lies behind a link: the tree has resolved them."""
    placed: dict[bytes, Path] = {}
    for path in sorted(tree.nodes):
        node, target = tree.nodes[path], root / path
        match node.kind:
            case Kind.FOLDER:
                target.mkdir(exist_ok=True)
                target.chmod(node.mode | 0o700)
            case Kind.LINK:
                target.symlink_to(node.target)
            case Kind.FILE:
                _put(node, files, target, placed)


def _put(node: Node, files: Path, target: Path, placed: dict[bytes, Path]) -> None:
    """A content that is there already is copied: two files of one content have a mode each."""
    content = node.content or b""
    if content in placed:
        shutil.copyfile(placed[content], target)
    else:
        (files / content.decode()).replace(target)
        placed[content] = target
    target.chmod((node.mode & 0o777) | 0o400)
