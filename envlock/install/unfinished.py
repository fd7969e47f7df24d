"""What a killed `sync` had begun: noted before uv changes anything, forgotten when uv is done.

uv puts the files of a wheel in place in no fixed order, its RECORD among them, so a RECORD in a venv does
not say that the files are there. The note is a file that its writer holds locked: where it is there and
nobody holds it, its writer was killed. Others wait for a living one.

    {parent}/.{venv}.envlock-sync    "making" while the venv itself is made, then "made"
    {venv}/.envlock-sync             JSON: the distributions at work, and the files they had before
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from envlock.agent.facts import DistributionFacts
from envlock.agent.identity import normalized_name
from envlock.install.held import held
from envlock.install.inode import disk_failed

NAME = ".envlock-sync"
MAKING, MADE = "making", "made"


@dataclass(kw_only=True, slots=True)
class Note:
    """`left` is what a killed run had noted, "" where none was."""

    left: str
    text: str
    stream: TextIO

    def write(self, text: str) -> None:
        """Note what is begun; "" where nothing is any more. Raises OSError."""
        self.text = text
        self.stream.seek(0)
        self.stream.truncate()
        self.stream.write(text)
        self.stream.flush()


def beside(venv: Path) -> Path:
    """Where the making of `venv` is noted."""
    return venv.with_name(f".{venv.name}{NAME}")


@contextmanager
def at_work(path: Path) -> Iterator[Note]:
    """Hold the note at `path`. It goes when the work ends well, or fails with nothing noted.

    Raises DiskFailed where it cannot be made.
    """
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context(held(path))
        except OSError as error:
            advice = "make the folder writable, or name another environment: `envlock sync --venv DIR`"
            raise disk_failed(path.parent, error, advice) from error
        left = stream.read()
        note = Note(left=left, text=left, stream=stream)
        try:
            yield note
            note.text = ""
        finally:
            if not note.text:
                path.unlink(missing_ok=True)


def begun(venv: Path, names: Iterable[str], installed: Iterable[DistributionFacts]) -> str:
    """The text of a note: what is to be changed, and every file that RECORDs of `installed` name."""
    paths = [path for item in installed for path in _recorded(Path(item["directory"], item["info"]))]
    below = [os.path.relpath(path, venv) for path in paths if _is_below(path, venv)]
    return json.dumps({"names": sorted(names), "paths": below})


def clear_up(note: Note, venv: Path, sites: Sequence[Path], others: Set[Path] = frozenset()) -> None:
    """Remove what a killed run may have half removed or half installed; it is installed anew then.

    Only what is inside of `venv` is removed, and none of `others`, the files of conda packages. Raises
    DiskFailed.
    """
    try:
        document = json.loads(note.left or "{}")
        names, paths = set(document.get("names", ())), [venv / path for path in document.get("paths", ())]
    except (ValueError, AttributeError, TypeError):  # killed while it noted: nothing was changed yet
        return
    infos = [info for site in sites for info in site.glob("*.dist-info") if _name_of(info) in names]
    infos = [info for info in infos if info / "METADATA" not in others]
    paths += [path for info in infos for path in _recorded(info)]
    if names:
        paths += _written_half(venv, since_ns=os.fstat(note.stream.fileno()).st_mtime_ns)
    try:
        _remove(path for path in paths if path not in others and _is_below(path, venv))
        for info in infos:
            shutil.rmtree(info, ignore_errors=True)
    except OSError as error:
        raise disk_failed(venv, error) from error


def _written_half(venv: Path, since_ns: int) -> Iterator[Path]:
    """What uv, which names a file when it is whole, has made since then: modules, scripts, data anywhere."""
    for path in venv.rglob(".tmp??????"):
        with suppress(FileNotFoundError):
            row = path.lstat()
            if stat.S_ISREG(row.st_mode) and row.st_ctime_ns >= since_ns:
                yield path


def _remove(paths: Iterable[Path]) -> None:
    """Remove files, and the folders that are empty then."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            continue
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()


def _name_of(info: Path) -> str:
    return normalized_name(info.name.removesuffix(".dist-info").rpartition("-")[0])


def _recorded(info: Path) -> list[Path]:
    """The files that a RECORD names, itself among them; none where there is no RECORD to read."""
    try:
        rows = list(csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError, csv.Error):
        return []
    return [Path(os.path.normpath(info.parent / row[0])) for row in rows if row and row[0]]


def _is_below(path: Path, venv: Path) -> bool:
    """Whether a file lies inside of a venv, no folder on its way being a link."""
    parents = [each for each in path.parents if each.is_relative_to(venv) and each != venv]
    return path.is_relative_to(venv) and not any(each.is_symlink() for each in parents)
