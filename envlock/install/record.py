"""RECORD of an installed distribution, written anew from what the lock proves."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.agent.expect import ExpectedDistribution
from envlock.agent.identity import INSTALLER_FILES, SCRIPTS, Entry
from envlock.agent.installed import read_distribution
from envlock.agent.target import Target

_RECORD = "RECORD"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """One installed distribution: `entries` are proved, `scripts` those of its entry points."""

    target: Target
    site: str
    info: str
    expected: ExpectedDistribution
    name: str
    entries: tuple[Entry, ...]
    scripts: Mapping[str, str]

    def absolute(self, place: str, path: str) -> Path:
        return Path(self.target.layout.locate(place, path, self.name, self.site))


def record_is_right(installation: Installation) -> bool:
    """Does RECORD name all files and no others, with their hashes as far as it gives any?"""
    target = installation.target
    found = read_distribution(
        installation.site, installation.info, target.layout, target.interpreter.short, installation.expected
    )
    if found.problems:
        return False
    claims = {(owned.place, owned.path): owned.hex for owned in found.entries}
    wanted = {(entry.place, entry.path): entry.hex for entry in installation.entries}
    scripts = {str(installation.absolute(SCRIPTS, name)) for name in installation.scripts}
    return (
        claims.keys() == wanted.keys()
        and all(claim in ("", wanted[key]) for key, claim in claims.items())
        and scripts <= set(found.owned)
    )


def record_text(installation: Installation) -> str:
    """RECORD as uv would write it: entries, scripts, what the installer left, itself; by path."""
    rows = [*_entry_rows(installation), *_file_rows(installation, _script_paths(installation))]
    rows += _file_rows(installation, _installer_paths(installation))
    rows.append((f"{installation.info}/{_RECORD}", "", ""))
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(sorted(rows))
    return buffer.getvalue()


def _entry_rows(installation: Installation) -> Iterable[tuple[str, str, str]]:
    for entry in installation.entries:
        path = installation.absolute(entry.place, entry.path)
        if entry.place == SCRIPTS:
            yield from _file_rows(installation, [path])
        else:
            yield _relative(installation, path), _hash(entry.algorithm, entry.hex), _size(path)


def _file_rows(installation: Installation, paths: Iterable[Path]) -> Iterable[tuple[str, str, str]]:
    """Rows of files whose hash no wheel gives: as they are now."""
    for path in paths:
        if path.is_file():
            hexdigest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield _relative(installation, path), _hash("sha256", hexdigest), _size(path)


def _script_paths(installation: Installation) -> list[Path]:
    return [installation.absolute(SCRIPTS, name) for name in sorted(installation.scripts)]


def _installer_paths(installation: Installation) -> list[Path]:
    folder = Path(installation.site, installation.info)
    return [folder / name for name in sorted(INSTALLER_FILES - {_RECORD})]


def _relative(installation: Installation, path: Path) -> str:
    return os.path.relpath(path, installation.site).replace(os.sep, "/")


def _size(path: Path) -> str:
    return str(path.stat().st_size) if path.is_file() else ""


def _hash(algorithm: str, hexdigest: str) -> str:
    return f"{algorithm}={base64.urlsafe_b64encode(bytes.fromhex(hexdigest)).rstrip(b'=').decode()}"
