"""`python`, `platform` and `markers` of a poetry dependency, as one marker of PEP 508."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.markers import InvalidMarker, Marker
from packaging.version import Version

from envlock.manifest.init.poetry_versions import Clause, Range, alternatives

_PLATFORM = re.compile(r"\s*(?P<operator>==|!=|=)?\s*(?P<name>[A-Za-z0-9_]+)\s*")


def marker_of(entry: Mapping[str, object]) -> str:
    """The marker of a dependency's table; empty where it has none. Raises ValueError.

    >>> marker_of({"python": "^3.9", "platform": "linux"})
    'python_version >= "3.9" and python_version < "4.0" and sys_platform == "linux"'
    """
    parts = [
        _own(str(entry.get("markers") or "")),
        _of_python(str(entry.get("python") or "*")),
        _of_platform(str(entry.get("platform") or "*")),
    ]
    given = [part for part in parts if part]
    if len(given) == 1:
        return given[0]
    return " and ".join(f"({part})" if " or " in part else part for part in given)


def _own(text: str) -> str:
    try:
        return str(Marker(text)) if text else ""
    except InvalidMarker as error:
        raise ValueError(f'"{text}" is not a marker') from error


def _of_python(text: str) -> str:
    return " or ".join(part for part in map(_and, alternatives(text)) if part)


def _and(found: Range) -> str:
    return " and ".join(map(_python_clause, found))


def _python_clause(clause: Clause) -> str:
    """`python_version` where two parts are meant; poetry counts `>3.8` from 3.8.0 on."""
    release = Version(clause.version.removesuffix(".*")).release
    if len(release) > 2:
        return f'python_full_version {clause.operator} "{clause.version}"'
    if clause.version.endswith(".*") and len(release) == 2:
        return f'python_version {clause.operator} "{clause.version.removesuffix(".*")}"'
    if clause.operator in ("<=", ">", "!=") and len(release) == 2:
        return f'python_full_version {clause.operator} "{clause.version}.0"'
    return f'python_version {clause.operator} "{clause.version}"'


def _of_platform(text: str) -> str:
    if text.strip() == "*":
        return ""
    return " or ".join(_all_of(part) for part in re.split(r"\|\|?", text))


def _all_of(text: str) -> str:
    return " and ".join(map(_platform_clause, text.split(",")))


def _platform_clause(text: str) -> str:
    match = _PLATFORM.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text.strip()}" is not a platform')
    operator = "!=" if match["operator"] == "!=" else "=="
    return f'sys_platform {operator} "{match["name"]}"'
