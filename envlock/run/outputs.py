"""Declared outputs: their hashes, and whether a command wrote them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import CouldNotTell
from envlock.run.receipt import OutputFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """Outputs as they were named, relative to `folder`, and how each looked before the command ran."""

    folder: Path
    before: Mapping[str, object]


def declare(names: tuple[str, ...], folder: Path) -> Declared:
    return Declared(folder=folder, before={name: _look(folder / name) for name in names})


def observe(declared: Declared) -> dict[str, OutputFacts]:
    """Hash each output as it is now. Raises CouldNotTell where one cannot be read."""
    try:
        return {name: _facts(declared.folder / name, look) for name, look in declared.before.items()}
    except OSError as error:
        raise CouldNotTell(f"cannot read `{error.filename}`: {error.strerror}") from error


def _facts(path: Path, before: object) -> OutputFacts:
    files = list(_files(path))
    digest = _tree_digest(path, files) if path.is_dir() else _digest(path) if files else None
    return OutputFacts(
        sha256=digest,
        size=sum(file.stat().st_size for file in files if not file.is_symlink() or not path.is_dir()),
        files=len(files),
        written=digest is not None and _look(path) != before,
    )


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or every file and link below a folder, by name."""
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            yield from (Path(folder) / name for name in (*names, *links))
    elif path.exists():
        yield path


def _look(path: Path) -> object:
    """What changes when somebody writes: an empty list where nothing is."""
    return sorted((str(file), *_stat(file)) for file in _files(path))


def _stat(file: Path) -> tuple[int, int, int, int]:
    found = file.lstat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _tree_digest(folder: Path, files: list[Path]) -> str:
    """sha256 over a line for each file: its sha256 (or `-> target` of a link), two spaces, its path."""
    rows = sorted((file.relative_to(folder).as_posix(), _digest_or_target(file)) for file in files)
    text = "".join(f"{value}  {name}\n" for name, value in rows)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _digest_or_target(file: Path) -> str:
    return f"-> {file.readlink()}" if file.is_symlink() else _digest(file)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
