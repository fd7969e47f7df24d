"""Two builds of one route, held against each other file by file: what differs, by sort."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from envlock.audit.compare.model import Change, Rebuild

_KINDS = (
    ("bytecode", re.compile(r".*\.py[co]")),
    (
        "installer's record",
        re.compile(r".*\.dist-info/(RECORD|INSTALLER|direct_url\.json|uv_\w+\.json|REQUESTED)"),
    ),
    ("conda's record", re.compile(r"(.*/)?conda-meta/.*")),
    (
        "package manager's state",
        re.compile(r"(.*/)?var/(lib|cache)/(dpkg|apt|debconf|ucf|pam|yum|rpm|dnf)\b.*"),
    ),
    ("log", re.compile(r"(.*/)?var/log/.*|.*\.log")),
    ("loader's cache", re.compile(r"(.*/)?(etc/ld\.so\.cache|var/cache/ldconfig/.*)")),
    ("font or certificate cache", re.compile(r"(.*/)?(var/cache/fontconfig|etc/ssl/certs)/.*")),
    ("account", re.compile(r"(.*/)?etc/(passwd|shadow|group|gshadow|subuid|subgid)-?")),
    ("script", re.compile(r"(.*/)?bin/[^/]+")),
    ("configuration of the environment", re.compile(r"pyvenv\.cfg|.*/pyvenv\.cfg")),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A file, or a link: what it holds (a digest, or where it leads), its mode, when it was last changed."""

    content: str
    mode: int
    mtime_ns: int


def kind_of(path: str) -> str:
    """What sort of file it is.

    >>> [kind_of(path) for path in ("a/__pycache__/x.cpython-311.pyc", "var/lib/dpkg/status", "a/x.py")]
    ['bytecode', "package manager's state", 'file']
    """
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(path)), "file")


def held_against(
    first: Mapping[str, Seen], second: Mapping[str, Seen], digests: tuple[str, str] | None = None
) -> Rebuild:
    """The files that two trees do not share: in one only, or with another content or mode."""
    both = first.keys() & second.keys()
    times = sum(
        _same(first[path], second[path]) and first[path].mtime_ns != second[path].mtime_ns for path in both
    )
    return Rebuild(
        first=digests[0] if digests else None,
        second=digests[1] if digests else None,
        changes=tuple(_changes(first, second)),
        times_only=times,
    )


def _changes(first: Mapping[str, Seen], second: Mapping[str, Seen]) -> Iterator[Change]:
    for path in sorted(first.keys() | second.keys()):
        one, other = first.get(path), second.get(path)
        if one is None or other is None or not _same(one, other):
            yield Change(path=str(PurePosixPath(path)), kind=kind_of(path))


def _same(one: Seen, other: Seen) -> bool:
    return (one.content, one.mode) == (other.content, other.mode)
