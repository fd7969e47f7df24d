"""What an interpreter says of its ABI, per platform (`data/soabi.toml`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from envlock.manifest.platforms import Platform
from envlock.stack.facts import document

_PYTHON = re.compile(r"(?P<major>3)\.(?P<minor>\d+)(?:\.\d+)?(?P<flags>t?)")


def soabi(platform: Platform, python: str) -> str:
    """`sysconfig`'s SOABI of a release build of CPython `python`: `3.11`, `3.11.7`, free-threaded `3.13t`.

    Empty where sysconfig has none (Windows before 3.13). Raises ValueError for another Python.

    >>> soabi(Platform.LINUX_64, "3.11.7")
    'cpython-311-x86_64-linux-gnu'
    """
    match = _parsed(python)
    template: str = _row(platform, int(match["minor"]))["soabi"]
    return template.format(nodot=match["major"] + match["minor"], flags=match["flags"])


def abiflags(platform: Platform, python: str) -> str:
    """`sys.abiflags` of a release build: empty, or `t` where it is free-threaded; none on Windows."""
    match = _parsed(python)
    return match["flags"] if _row(platform, int(match["minor"]))["abiflags"] else ""


def _parsed(python: str) -> re.Match[str]:
    match = _PYTHON.fullmatch(python)
    if match is None or int(match["minor"]) < 8 or (match["flags"] and int(match["minor"]) < 13):
        raise ValueError(f"not a CPython that can be described: {python!r}")
    return match


def _row(platform: Platform, minor: int) -> Mapping[str, Any]:
    every: Sequence[Mapping[str, Any]] = document("soabi")["platform"]
    rows = (row for row in reversed(every) if row["name"] == platform.value)
    return next(row for row in rows if int(row["since"].partition(".")[2]) <= minor)
