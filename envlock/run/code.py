"""The code that a command ran: the commit of the folder's repository, and what is not committed."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from envlock.run.receipt import CodeFacts, is_receipt

_MOST_HASHED = 16 << 20  # bytes; a larger file that git does not know is data: its size stands for it


def observe_code(folder: Path, environment: Mapping[str, str], without: Iterable[Path]) -> CodeFacts | None:
    """What git says of `folder`; None where git or a repository is missing.

    `without` are files and folders that the run itself writes or uses: they do not make the code another.
    Nor do receipts of earlier runs that git does not know.
    """
    git = _Git(folder, environment)
    top = git.said("rev-parse", "--show-toplevel")
    if top is None:
        return None
    status = git.said("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    if status is None:
        return None
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    hidden = [path for each in without if (path := _inside(folder / each, root)) is not None]
    changed = sorted(_changed(status, root, hidden))
    return CodeFacts(
        commit=_text(git.said("rev-parse", "--verify", "--quiet", "HEAD")),
        folder=_text(git.said("rev-parse", "--show-prefix")) or ".",
        changes=_changes(changed),
        changed_files=[name for name, _ in changed],
    )


def changed_on(folder: Path, names: Iterable[str], environment: Mapping[str, str]) -> str | None:
    """The time (RFC 3339) of the last commit that touched any of the files; None where git knows none."""
    git = _Git(folder, environment)
    return _text(git.said("log", "-1", "--format=%cI", "--", *names)) or None


class _Git:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        # Looking takes no lock: another git may be at work.
        self._environment = {**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}

    def said(self, *words: str) -> bytes | None:
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError:
            return None
        return done.stdout if done.returncode == 0 else None


def _text(said: bytes | None) -> str | None:
    return None if said is None else said.decode(errors="replace").strip().rstrip("/")


def _inside(path: Path, root: Path) -> str | None:
    """The path as git names it, None outside the repository."""
    whole = Path(os.path.realpath(path.parent)) / path.name
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else None


def _changed(status: bytes, root: Path, hidden: list[str]) -> Iterator[tuple[str, str]]:
    """(path, what is there now) of every file that is not as committed, those that git does not know too.

    git-status(1), porcelain v1 with -z: two letters, a space, the path.
    """
    for row in status.split(b"\0"):
        name = os.fsdecode(row[3:])
        is_hidden = any(name == each or name.startswith(f"{each}/") for each in hidden)
        is_hidden = is_hidden or (row.startswith(b"??") and is_receipt(root / name))
        if name and not is_hidden and "__pycache__" not in name.split("/"):
            yield name, _content(root / name)


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if not path.is_file():
        return "gone" if not path.exists() else "folder"
    size = path.stat().st_size
    if size > _MOST_HASHED:
        return f"{size} bytes"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except PermissionError:
        return "not readable"


def _changes(changed: list[tuple[str, str]]) -> str | None:
    if not changed:
        return None
    text = "".join(f"{value}  {name}\n" for name, value in changed)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
