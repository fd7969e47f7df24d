"""What is known of wheels already: entry lists by digest, identities by the wheel's sha256.

A warm lock asks no server, and `verify` names the file even where RECORD was edited to match. Everything
read is checked against its own name first; what does not hold is as good as absent. A cache that cannot
be written to is a slower one, never a failure.

    {directory}/entries-v1/{digest[:2]}/{digest}       the exact bytes hashed (IDENTITY 2.5)
    {directory}/wheels-v1/{sha256[:2]}/{sha256}-{X.Y}.json
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from envlock.agent.identity import parse_entry_list
from envlock.lock.model import Fixup
from envlock.resolve.wheels.wheel import WheelIdentity

SCHEMA: Final = "envlock.wheel/1"
_LEFTOVER_SECONDS: Final = 3600
_T = TypeVar("_T")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryCache:
    """A cache below one directory. Several processes may use it at once."""

    directory: Path

    def entries(self, digest: str) -> bytes | None:
        """The entry list with that digest, or None."""
        data = read_cached(self._entries_path(digest)) if _HASH.fullmatch(digest) else None
        return data if data is not None and hashlib.sha256(data).hexdigest() == digest else None

    def keep_entries(self, entries: bytes) -> None:
        digest = hashlib.sha256(entries).hexdigest()
        if self.entries(digest) is None:
            write_cached(self._entries_path(digest), entries)

    def identity(self, file: str, sha256: str, python: tuple[int, int]) -> WheelIdentity | None:
        """The identity of the wheel with that hash, as installed for `python`, or None."""
        data = read_cached(self._wheel_path(sha256, python)) if _HASH.fullmatch(sha256) else None
        try:
            document = json.loads(data or b"null")
            entries = self.entries(document["digest"])
            found = None if entries is None else _from_document(document, entries)
        except (ValueError, KeyError, TypeError):
            return None
        return found if found is not None and (found.file, found.sha256) == (file, sha256) else None

    def keep(self, identity: WheelIdentity, python: tuple[int, int]) -> None:
        self.keep_entries(identity.entries)
        document = json.dumps(_to_document(identity), sort_keys=True, indent=1).encode()
        write_cached(self._wheel_path(identity.sha256, python), document)

    def _entries_path(self, digest: str) -> Path:
        return self.directory / "entries-v1" / digest[:2] / digest

    def _wheel_path(self, sha256: str, python: tuple[int, int]) -> Path:
        return self.directory / "wheels-v1" / sha256[:2] / f"{sha256}-{python[0]}.{python[1]}.json"


def _to_document(identity: WheelIdentity) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "file": identity.file,
        "sha256": identity.sha256,
        "size": identity.size,
        "unpacked": identity.unpacked,
        "digest": identity.digest,
        "fixups": [[fixup.place, fixup.path, fixup.sha256] for fixup in identity.fixups],
        "requires_dist": list(identity.requires_dist),
        "requires_python": identity.requires_python,
        "proved": identity.proved,
    }


def _from_document(document: Any, entries: bytes) -> WheelIdentity:
    """Raises ValueError, KeyError or TypeError on anything that `_to_document` does not write."""
    if document["schema"] != SCHEMA:
        raise ValueError("another schema")
    name, version, rows = parse_entry_list(entries)
    requires_python = document["requires_python"]
    return WheelIdentity(
        file=_is(document["file"], str),
        name=name,
        version=version,
        sha256=_is(document["sha256"], str),
        size=_is(document["size"], int),
        unpacked=_is(document["unpacked"], int),
        files=len(rows),
        digest=_is(document["digest"], str),
        fixups=tuple(_fixup(*row) for row in document["fixups"]),
        entries=entries,
        requires_dist=tuple(_is(text, str) for text in document["requires_dist"]),
        requires_python=None if requires_python is None else _is(requires_python, str),
        proved=_is(document["proved"], bool),
    )


def _fixup(place: Any, path: Any, sha256: Any) -> Fixup:
    return Fixup(
        place=_is(place, str), path=_is(path, str), sha256=None if sha256 is None else _is(sha256, str)
    )


def _is(value: Any, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise TypeError(f"not {kind.__name__}")
    return value


def read_cached(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def write_cached(path: Path, data: bytes) -> None:
    """Put a file in its place whole, or not at all."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, ".new-")
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


def sweep(folder: Path, prefix: str) -> None:
    """Remove temporary files that killed writers left in `folder`; none takes an hour, so no living one
    is hit."""
    oldest = time.time() - _LEFTOVER_SECONDS
    for path in folder.iterdir():
        if path.name.startswith(prefix):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
