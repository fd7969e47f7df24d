"""Facts documents that come from elsewhere: untrusted until every value has the type it must have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from envlock.agent.facts import SCHEMA, Facts
from envlock.errors import CouldNotTell

MOST_BYTES = 512 << 20


def read_facts(path: Path) -> Facts:
    """Read a facts document. Raises CouldNotTell, with the place in it, for anything else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is larger than any facts document")
        return parse_facts(path.read_bytes())
    except OSError as error:
        raise CouldNotTell(f"cannot read `{path}`: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise CouldNotTell(
            f"`{path}` is no facts document: {error}",
            where=str(path),
            hint="`python envlock-agent.pyz --prefix DIR --expect envlock.lock > facts.json` writes one",
        ) from error


def parse_facts(data: bytes) -> Facts:
    """Parse and check a document. Raises ValueError naming the first value that is not as it must be."""
    return checked(json.loads(data))


def checked(document: Any) -> Facts:
    """The document as facts. Raises ValueError as `parse_facts` does."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not `{SCHEMA}`")
    check(document, Facts)
    return cast(Facts, document)


def check(value: Any, expected: Any, where: str = "") -> None:
    """Raise ValueError naming the first part of `value` that is not as the type `expected` has it."""
    if is_typeddict(expected):
        _check_table(value, expected, where)
    elif get_origin(expected) is list:
        _check_kind(value, list, where)
        for index, item in enumerate(value):
            check(item, get_args(expected)[0], f"{where}[{index}]")
    elif get_origin(expected) is dict:
        _check_kind(value, dict, where)
        for key, item in value.items():
            check(item, get_args(expected)[1], f"{where}.{key}")
    elif get_origin(expected) in (Union, UnionType):
        if value is not None:
            check(value, get_args(expected)[0], where)
    else:
        _check_kind(value, expected, where)


def _check_table(value: Any, expected: Any, where: str) -> None:
    _check_kind(value, dict, where)
    for key, kind in _keys_of(expected).items():
        if key not in value:
            raise ValueError(f"`{f'{where}.{key}'.lstrip('.')}` is missing")
        check(value[key], kind, f"{where}.{key}")


@cache
def _keys_of(table: type) -> Mapping[str, Any]:
    """Key -> type. Worked out once: a fleet has ten thousand documents of twenty tables each."""
    return get_type_hints(table)


def _check_kind(value: Any, kind: type, where: str) -> None:
    # JSON has one kind of number, and True is an int in Python.
    accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"`{where.lstrip('.') or 'it'}` is no {kind.__name__}")
