"""Read an envlock.lock on the target: what it expects of one platform.

Python 3.11 has a TOML reader; older ones get a reader for the TOML that envlock writes (basic strings,
integers, booleans, arrays, inline tables, `[a.b]` and `[[a]]`). It refuses what it does not know.
"""

import json
import re
from typing import Any, Callable, Dict, List, Set, Tuple

from .expect import Expectation, ExpectedConda, ExpectedDistribution, ExpectedFixup

_COMMENT = r"#[^\x00-\x08\x0a-\x1f\x7f]*"
_HEADER = re.compile(
    r"(?:\[(?!\[)|(\[\[))([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\](?(1)\])[ \t]*(?:%s)?\r?" % _COMMENT
)
_KEY = re.compile(r"([A-Za-z0-9_-]+)[ \t]*=[ \t]*")
_STRING = re.compile(
    r'"(?:[^"\\\x00-\x1f\x7f]|\\(?:["\\bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}))*"'  # no surrogates
)
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?![A-Za-z0-9_+:.-])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![A-Za-z0-9_+:.-])")
_WORD = re.compile(r"(true|false)(?![A-Za-z0-9_+:.-])")
_SPACE = re.compile(r"(?:[ \t\n]|\r\n|%s)*" % _COMMENT)
_END_OF_LINE = re.compile(r"[ \t]*(?:%s)?(?:\r?\n|\Z)" % _COMMENT)


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
            row["version"],
            row["paths"],
            tuple(row.get("entry-points", ())),
            tuple(row["depends"]),
            tuple(row.get("links", ())),
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
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def parse_subset(text: str) -> Dict[str, Any]:
    """Parse the TOML that envlock writes. Raises ValueError for anything else."""
    root: Dict[str, Any] = {}
    table = root
    opened: Set[str] = set()
    at = _skip(text, 0)
    while at < len(text):
        if text[at] == "[":
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            table = _open_table(root, text[at:end], opened)
            at = end
        else:
            at = _pair(text, at, table)
            if _END_OF_LINE.match(text, at) is None:
                raise ValueError("the end of the line expected at offset %d" % at)
        at = _skip(text, at)
    return root


def _pair(text: str, at: int, table: Dict[str, Any]) -> int:
    """Read `key = value` into `table`; where it ends."""
    key, at = _key(text, at)
    value, at = _value(text, at)
    if key in table:
        raise ValueError("the key `%s` stands twice" % key)
    table[key] = value
    return at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _open_table(root: Dict[str, Any], line: str, opened: Set[str]) -> Dict[str, Any]:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise ValueError("not a table header: %s" % line)
    is_row = match[1] == "[["
    table: Any = root
    parts = match[2].split(".")
    for part in parts[:-1]:
        table = _child(table, part, {})
    found = _child(table, parts[-1], [] if is_row else {})
    if is_row and isinstance(found, list):
        found.append({})
        row: Dict[str, Any] = found[-1]
        return row
    if is_row or not isinstance(found, dict) or match[2] in opened:
        raise ValueError("the table `%s` stands twice" % match[2])
    opened.add(match[2])
    return found


def _child(table: Any, key: str, new: Any) -> Any:
    if not isinstance(table, dict):
        raise ValueError("`%s` is below something that is no table" % key)
    return table.setdefault(key, new)


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
    meanings: Tuple[Tuple["re.Pattern[str]", Callable[[str], Any]], ...]
    meanings = ((_WORD, _is_true), (_NUMBER, int), (_DATE, str))
    for pattern, meaning in meanings:
        match = pattern.match(text, at)
        if match is not None:
            return meaning(match[0]), match.end()
    raise ValueError("no value at offset %d" % at)


def _is_true(word: str) -> bool:
    return word == "true"


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
        at = _separator(text, _pair(text, at, table), "}")


def _separator(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text.startswith(",", at):
        return at + 1
    if text.startswith(closing, at):
        return at
    raise ValueError("`,` or `%s` expected at offset %d" % (closing, at))
