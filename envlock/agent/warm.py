"""The stat cache: what a full pass saw, so that the next one reads only what changed (level warm).

A row holds size, mtime, ctime, inode, device and mode of what a path leads to. ctime cannot be set by
a program that is not root, so a forged mtime does not hide a change. Rows younger than two seconds at
the time of the pass are racy: a later change could leave them equal, so they are not trusted.

File: magic, sha256 of the rest, then a JSON head, packed rows, and the paths.
"""

import hashlib
import json
import os
import struct
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .hashing import Row

_MAGIC = b"envlock-warm-2\n"
_ROW = struct.Struct("<QqqQQI?32s")
_LENGTHS = struct.Struct("<QQ")
_TEMPORARY = ".warm-"
_LEFTOVER_SECONDS = 3600
_RACY_NS = 2_000_000_000
_ABSENT = Row(0, 0, 0, 0, 0, 0)


class Known(NamedTuple):
    """What the last full pass knew of one path: its row (None: nothing was there), whether it is ELF,
    and its sha256 ("" where it was not hashed)."""

    row: Optional[Row]
    is_elf: bool
    sha256: str


class WarmCache(NamedTuple):
    """One saved pass. `head` is JSON: the facts, the environment that shaped them, verified bytecode."""

    head: Dict[str, Any]
    known: Dict[str, Known]

    def changed(self) -> List[str]:
        """Paths whose row is not the one that was seen. Stops at the first few: one is enough to know."""
        found = []
        stat = os.stat
        for path, (row, _, _) in self.known.items():
            try:
                s = stat(path)
            except OSError:
                if row is not None:
                    found.append(path)
                continue
            now = (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_dev, s.st_mode)
            if row != now:
                found.append(path)
                if len(found) > 16:
                    break
        return found


def load(path: str) -> Optional[WarmCache]:
    """Read a cache; None where there is none, or it is damaged or of another version."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    start = len(_MAGIC) + 32
    if not data.startswith(_MAGIC) or hashlib.sha256(data[start:]).digest() != data[len(_MAGIC) : start]:
        return None
    try:
        return _parse(data, start)
    except (struct.error, ValueError, KeyError):
        return None


def _parse(data: bytes, start: int) -> WarmCache:
    head_bytes, row_bytes = _LENGTHS.unpack_from(data, start)
    head_at = start + _LENGTHS.size
    rows_at = head_at + head_bytes
    paths_at = rows_at + row_bytes
    head = json.loads(data[head_at:rows_at])
    paths = os.fsdecode(data[paths_at:]).split("\0")
    known = {}
    for path, (*row, is_elf, digest) in zip(paths, _ROW.iter_unpack(data[rows_at:paths_at])):
        known[path] = Known(Row(*row) if any(row) else None, is_elf, digest.hex() if any(digest) else "")
    return WarmCache(head, known)


def save(path: str, head: Dict[str, Any], known: Dict[str, Known], started_ns: int) -> None:
    """Write a cache atomically. A failure is silent: it costs the next pass time, never truth."""
    rows, paths = _pack(known, started_ns)
    header = json.dumps(head, separators=(",", ":")).encode()
    body = _LENGTHS.pack(len(header), len(rows)) + header + rows + os.fsencode("\0".join(paths))
    folder = os.path.dirname(path)
    import tempfile  # late: a pass that keeps nothing does without

    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _sweep(folder)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=_TEMPORARY)
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            return  # another writer, an hour ahead of this one, has swept it


def _sweep(folder: str) -> None:
    """Remove what killed writers left; none takes an hour, so no living one is hit."""
    oldest = time.time() - _LEFTOVER_SECONDS
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(_TEMPORARY):
            try:
                if os.stat(path).st_mtime < oldest:
                    os.unlink(path)
            except OSError:
                continue


def _pack(known: Dict[str, Known], started_ns: int) -> Tuple[bytes, List[str]]:
    rows, paths = [], []
    newest = started_ns - _RACY_NS
    for path, (row, is_elf, sha256) in known.items():
        if "\0" in path:
            continue
        values = row or _ABSENT
        if values.mtime_ns >= newest or values.ctime_ns >= newest:
            # A racy row never equals a real one, so it counts as changed next time.
            values = values._replace(mtime_ns=-1, ctime_ns=-1)
        rows.append(_ROW.pack(*values, is_elf, bytes.fromhex(sha256) if sha256 else bytes(32)))
        paths.append(path)
    return b"".join(rows), paths
