"""Read an envlock.lock on the target: what it expects of one platform.

Python 3.11 has a TOML reader; older ones get a reader for the TOML that envlock writes (basic strings,
integers, booleans, arrays, inline tables, `[a.b]` and `[[a]]`). It refuses what it does not know.
"""

import json
import re
from typing import Any, Dict, List, Tuple

from .expect import Expectation, ExpectedConda, ExpectedDistribution, ExpectedFixup

_HEADER = re.compile(r"(\[\[?)([A-Za-z0-9_.-]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"[A-Za-z0-9_+:.-]+")
_SPACE = re.compile(r"(?:\s|#[^\n]*)*")


def read_expectation(path: str, platform: str) -> Expectation:
    """What the lockfile at `path` expects of `platform`. Raises OSError, ValueError, KeyError, TypeError."""
    with open(path, "rb") as file:
        document = parse(file.read().decode("utf-8"))
    return expectation_of(document, platform)


def expectation_of(document: Dict[str, Any], platform: str) -> Expectation:
    if document.get("version") != 1:
        raise ValueError("not a lockfile of version 1")
    if platform not in document["platforms"]:
        raise ValueError("the lock has no platform %s" % platform)
    distributions = {}
    for row in document.get("distribution", []):
        for wheel in row["wheels"]:
            if platform in wheel["platforms"]:
                fixups = tuple(
                    ExpectedFixup(fixup["place"], fixup["path"], fixup.get("sha256"))
                    for fixup in wheel.get("fixups", [])
                )
                distributions[row["name"]] = ExpectedDistribution(row["version"], wheel["digest"], fixups)
    conda = {
        row["name"]: ExpectedConda(
            row["version"], row["paths"], tuple(row.get("entry-points", ())), tuple(row["depends"])
        )
        for row in document.get("conda-package", [])
        if platform in row["platforms"]
    }
    settings = tuple(sorted(document.get("settings", {})))
    return Expectation(distributions, settings, document.get("project"), conda)


def parse(text: str) -> Dict[str, Any]:
    try:
        import tomllib
    except ImportError:
        return parse_subset(text)
    return tomllib.loads(text)


def parse_subset(text: str) -> Dict[str, Any]:
    """Parse the TOML that envlock writes. Raises ValueError for anything else."""
    root: Dict[str, Any] = {}
    table = root
    at = _skip(text, 0)
    while at < len(text):
        if text[at] == "[":
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            table = _open_table(root, text[at:end])
            at = end
        else:
            key, at = _key(text, at)
            value, at = _value(text, at)
            if key in table:
                raise ValueError("the key `%s` stands twice" % key)
            table[key] = value
        at = _skip(text, at)
    return root


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _open_table(root: Dict[str, Any], line: str) -> Dict[str, Any]:
    match = _HEADER.match(line)
    if match is None:
        raise ValueError("not a table header: %s" % line)
    table: Any = root
    parts = match[2].split(".")
    for part in parts[:-1]:
        table = table.setdefault(part, {})
    if match[1] == "[[":
        rows: List[Dict[str, Any]] = table.setdefault(parts[-1], [])
        rows.append({})
        return rows[-1]
    opened: Dict[str, Any] = table.setdefault(parts[-1], {})
    return opened


def _key(text: str, at: int) -> Tuple[str, int]:
    match = _KEY.match(text, at)
    if match is None:
        raise ValueError("no key at offset %d" % at)
    return match[1], match.end()


def _value(text: str, at: int) -> Tuple[Any, int]:
    if text.startswith("[", at):
        return _array(text, at + 1)
    if text.startswith("{", at):
        return _inline_table(text, at + 1)
    match = _STRING.match(text, at)
    if match is not None:
        return json.loads(match[0]), match.end()
    match = _SCALAR.match(text, at)
    if match is None:
        raise ValueError("no value at offset %d" % at)
    word = match[0]
    if word in ("true", "false"):
        return word == "true", match.end()
    return (int(word) if word.isdigit() else word), match.end()


def _array(text: str, at: int) -> Tuple[List[Any], int]:
    values: List[Any] = []
    while True:
        at = _skip(text, at)
        if text.startswith("]", at):
            return values, at + 1
        value, at = _value(text, at)
        values.append(value)
        at = _separator(text, at, "]")


def _inline_table(text: str, at: int) -> Tuple[Dict[str, Any], int]:
    table: Dict[str, Any] = {}
    while True:
        at = _skip(text, at)
        if text.startswith("}", at):
            return table, at + 1
        key, at = _key(text, at)
        table[key], at = _value(text, at)
        at = _separator(text, at, "}")


def _separator(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text.startswith(",", at):
        return at + 1
    if text.startswith(closing, at):
        return at
    raise ValueError("`,` or `%s` expected at offset %d" % (closing, at))
