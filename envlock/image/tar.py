"""Tar headers, written by hand: what another writer of headers changes must not move a digest.

POSIX.1-2001: ustar, and a pax record for a name that is long or not ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
_LONGEST_NAME_BYTES = 100
_LARGEST_SIZE = 8**11 - 1
_PAX_NAME = "pax"


class Kind(Enum):
    """The type flag of a member."""

    FILE = b"0"
    LINK = b"2"
    FOLDER = b"5"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One member: `path` without a leading slash, `target` of a link, `owner` for user and group, `size` in
    bytes. Times are always 0."""

    path: str
    kind: Kind
    mode: int
    size: int = 0
    target: str = ""
    owner: int = 0


def header(entry: Entry) -> bytes:
    """The blocks that come before the content of a member."""
    path = entry.path + ("/" if entry.kind is Kind.FOLDER else "")
    records = [("path", path)] if _is_long(path) else []
    records += [("linkpath", entry.target)] if _is_long(entry.target) else []
    records += [("size", str(entry.size))] if entry.size > _LARGEST_SIZE else []
    size = min(entry.size, _LARGEST_SIZE)
    return _pax(records) + _block(_cut(path), _cut(entry.target), entry.kind.value, size, entry)


def padding(size: int) -> bytes:
    """What fills the last block of a content.

    >>> len(padding(1)), len(padding(512))
    (511, 0)
    """
    return bytes(-size % BLOCK)


def _is_long(text: str) -> bool:
    return not text.isascii() or len(text) > _LONGEST_NAME_BYTES


def _cut(text: str) -> bytes:
    """A name as the header has it where a pax record has the whole."""
    return text.encode("ascii", "replace")[:_LONGEST_NAME_BYTES]


def _pax(records: list[tuple[str, str]]) -> bytes:
    if not records:
        return b""
    body = b"".join(_record(key, value) for key, value in records)
    entry = Entry(path=_PAX_NAME, kind=Kind.FILE, mode=0o644, size=len(body))
    return _block(_PAX_NAME.encode(), b"", b"x", len(body), entry) + body + padding(len(body))


def _record(key: str, value: str) -> bytes:
    """`<length> <key>=<value>\\n`, where the length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _block(name: bytes, target: bytes, flag: bytes, size: int, entry: Entry) -> bytes:
    fields = (
        name.ljust(100, b"\0"),
        b"%07o\0" % entry.mode,
        b"%07o\0" % entry.owner,
        b"%07o\0" % entry.owner,
        b"%011o\0" % size,
        b"%011o\0" % 0,
        b" " * 8,
        flag,
        target.ljust(100, b"\0"),
        b"ustar\x0000",
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
