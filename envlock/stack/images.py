"""Tags of the image `pytorch/pytorch` on Docker Hub (`data/docker_tags.toml`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from packaging.version import Version

from envlock.stack.builds import release
from envlock.stack.facts import document

_VERSION = re.compile(r"(\d+\.\d+(?:\.\d+)?)-")
_OLDEST = Version("2.0.0")


def image_tag_exists(tag: str) -> bool | None:
    """Was `pytorch/pytorch:<tag>` published? None: the facts cannot tell.

    They list the tags of each release from 2.0.0 on, and the one form that those have, with X.Y.Z
    written whole. Names that move (`latest`), older releases and those that are newer than the facts
    are not judged.
    """
    if tag in image_tags():
        return True
    match = _VERSION.match(tag)
    if match is None or Version(match[1]) < _OLDEST:
        return None
    is_whole = match[1].count(".") == 2
    return None if is_whole and not image_tags(match[1]) else False


def never_published(tag: str) -> bool:
    """Is it known that `pytorch/pytorch:<tag>` never existed?"""
    return image_tag_exists(tag) is False


def image_tags(torch: str | None = None) -> tuple[str, ...]:
    """The tags of one release, or of all that are known: CUDA ascending, runtime before devel."""
    if torch is None:
        return tuple(_tags())
    known = release(torch)
    return () if known is None else tuple(tag for tag in _tags() if tag.startswith(f"{known.torch}-"))


def image_digest(tag: str) -> str | None:
    """The `sha256:…` that public files pin `tag` by, where one is known."""
    found = document("docker_tags")["digests"].get(tag)
    return None if found is None else str(found)


@cache
def _tags() -> dict[str, None]:
    return dict.fromkeys(_generated())


def _generated() -> Iterator[str]:
    for row in document("docker_tags")["tags"]:
        for torch in row["torch"]:
            for cuda in row["cuda"]:
                for flavour in row["flavours"]:
                    yield f"{torch}-cuda{cuda}-cudnn{row['cudnn']}-{flavour}"
