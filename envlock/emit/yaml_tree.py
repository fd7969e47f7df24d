"""YAML from mappings and lists: every text in double quotes, so that it is read as nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from envlock.emit.quoting import yaml

# Words that are a key in every YAML, and nothing else: not `on`, `no`, `y` or `null`.
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{2,}")
_NOT_PLAIN = frozenset({"yes", "off", "true", "false", "null"})


def tree(value: Mapping[str, object] | Sequence[object], depth: int = 0) -> Iterator[str]:
    """The lines of a block.

    >>> print("\\n".join(tree({"name": "no", "rows": [{"a/b": 1, "c": []}, "x"], "none": None})))
    name: "no"
    rows:
      - a/b: 1
        "c": []
      - "x"
    none: null
    """
    indent = "  " * depth
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _entry(f"{indent}{_key(key)}:", below, depth)
    else:
        for below in value:
            yield from _row(below, depth)


def _entry(head: str, below: object, depth: int) -> Iterator[str]:
    if _is_block(below):
        yield head
        yield from tree(below, depth + 1)
    else:
        yield f"{head} {_scalar(below)}"


def _row(below: object, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if not _is_block(below):
        yield f"{indent}- {_scalar(below)}"
        return
    first, *rest = tree(below, depth + 1)
    yield f"{indent}- {first.lstrip()}"
    yield from rest


def _is_block(value: object) -> TypeGuard[Mapping[str, object] | Sequence[object]]:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and bool(value)


def _key(key: str) -> str:
    plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _NOT_PLAIN
    return key if plain else yaml(key)


def _scalar(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return yaml(value)
        case Mapping():
            return "{}"
        case None:
            return "null"
        case _:
            return "[]"
