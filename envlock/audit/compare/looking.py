"""Trees as they are: a folder on this disk, and an image by its layers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from envlock.audit.compare.trees import Seen
from envlock.resolve.oci.layered import LayeredImage
from envlock.resolve.oci.tree import Kind, LayerReader, Member


def tree_of(folder: Path) -> Mapping[str, Seen]:
    """Every file and link below `folder`, by its path from there. Nothing is followed."""
    return {path.relative_to(folder).as_posix(): _seen(path) for path in _files(folder)}


def disk_of(folder: Path) -> int:
    """What the files take on the disk; one with several names counts once."""
    found = {(info.st_dev, info.st_ino): info.st_blocks * 512 for info in map(os.lstat, _files(folder))}
    return sum(found.values())


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        here = Path(root)
        yield from (here / name for name in names)
        yield from (here / name for name in folders if (here / name).is_symlink())


def _seen(path: Path) -> Seen:
    info = path.lstat()
    if path.is_symlink():
        return Seen(content=f"-> {path.readlink()}", mode=0, mtime_ns=info.st_mtime_ns)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Seen(content=digest, mode=info.st_mode & 0o7777, mtime_ns=info.st_mtime_ns)


def unshared(one: LayeredImage, other: LayeredImage) -> tuple[Mapping[str, Seen], Mapping[str, Seen]]:
    """Both images by what is in the layers that they do not share; layers of one diff id are equal."""
    shared = set(one.config.diff_ids) & set(other.config.diff_ids)
    return _layers(one, shared), _layers(other, shared)


def _layers(image: LayeredImage, shared: set[str]) -> Mapping[str, Seen]:
    found: dict[str, Seen] = {}
    for diff_id, chunks in zip(image.config.diff_ids, image.layers, strict=True):
        if diff_id not in shared:
            members = LayerReader(chunks()).members()
            found |= {each.path: _member(each) for each in members if each.node.kind is not Kind.FOLDER}
    return found


def _member(member: Member) -> Seen:
    digest = hashlib.sha256()
    for chunk in member.content() if member.node.kind is Kind.FILE else ():
        digest.update(chunk)
    link = member.hard_link or member.node.target
    return Seen(
        content=f"-> {link}" if link else digest.hexdigest(),
        mode=member.node.mode,
        mtime_ns=int(member.info.mtime * 10**9),
    )
