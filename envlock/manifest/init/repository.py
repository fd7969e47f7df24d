"""A repository, or one file of it, read by all formats that know it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from envlock.errors import ManifestInvalid
from envlock.manifest.init.formats import FORMATS, Format
from envlock.manifest.init.model import Asking, Place
from envlock.manifest.init.rows import add_cuda_of_local_versions
from envlock.manifest.init.setup_cfg import tell_setup_py
from envlock.manifest.tables import code


def read_repository(path: Path, place: Place, known_sources: Iterable[str] = ()) -> Asking:
    """What `path`, a directory or a file, asks for. `known_sources` are URLs that count without being
    written down. Raises ManifestInvalid where a file cannot be read, or nothing asks for anything."""
    asking = Asking(known_sources=frozenset(known_sources))
    if path.is_dir():
        _read_directory(path, place, asking)
    else:
        _format_of(path).read(path, place, asking)
    asking.faults.raise_if_any(ManifestInvalid, path.name or str(path))
    add_cuda_of_local_versions(asking)
    if asking.is_empty():
        raise _nothing(path, asking)
    return asking


def _read_directory(root: Path, place: Place, asking: Asking) -> None:
    for each in FORMATS:
        if each.alone and not asking.is_empty():
            continue
        for path in each.find(root, asking):
            each.read(path, place, asking)
    tell_setup_py(root, asking)


def _format_of(path: Path) -> Format:
    if not path.exists():
        raise ManifestInvalid("there is no such file or directory", where=str(path))
    if path.name == "setup.py":
        raise ManifestInvalid(
            "setup.py is a program, and is not run",
            where=str(path),
            hint="write its `install_requires` as `dependencies` under [project] in pyproject.toml",
        )
    found = next((each for each in FORMATS if each.knows(path)), None)
    if found is None:
        raise ManifestInvalid(f"`{path.name}` is of no kind that is read", where=str(path), hint=_kinds())
    return found


def _nothing(path: Path, asking: Asking) -> ManifestInvalid:
    rows = [row for row in asking.left_out() if row not in asking.files]
    facts = [("note", note) for note in asking.notes]
    facts += [("left out", f"{code(row.text)} ({row.where}): {row.left_out}") for row in rows]
    return ManifestInvalid(
        "nothing here asks for a distribution",
        where=str(path),
        hint=None if facts else _kinds(),
        facts=facts,
    )


def _kinds() -> str:
    return f"read are {', '.join(each.title for each in FORMATS)}"
