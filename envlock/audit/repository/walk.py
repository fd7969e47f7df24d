"""Which files of a repository are looked at. No link is followed, and neither size nor number is without
bounds: what is left out for its size is told."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILES = 12_000
MAX_ENTRIES = 40_000
MAX_BYTES = 1_000_000
MAX_NOTEBOOK_BYTES = 8_000_000

_NOT_OURS = frozenset(
    (
        *("node_modules", "site-packages", "__pycache__", "__pypackages__", "build", "dist", "wandb"),
        *("third_party", "thirdparty", "third-party", "vendor", "vendored", "external", "_vendor"),
        *("venv", "virtualenv", "env.bak", "checkpoints", "mlruns"),
    )
)
# Hidden folders whose files say how the repository is built and run.
_HIDDEN = frozenset((".github", ".gitlab", ".circleci", ".devcontainer", ".docker", ".ci"))
_OF_ENVIRONMENTS = frozenset(("pyvenv.cfg", "conda-meta"))
_SUFFIXES = frozenset(
    (
        *(".py", ".ipynb", ".txt", ".in", ".yml", ".yaml", ".toml", ".cfg", ".lock", ".md", ".rst", ".tex"),
        *(".sh", ".bash", ".slurm", ".sbatch", ".dockerfile", ".json"),
    )
)
_JSON = frozenset((".devcontainer.json", "devcontainer.json", "Pipfile.lock"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """Files in their order, those near the root first; `left_out` are those passed over for their size, and
    `is_whole` whether no more than those were."""

    files: tuple[str, ...]
    left_out: tuple[str, ...]
    is_whole: bool
    sizes: Mapping[str, int] = field(default_factory=dict)


def walk(root: Path) -> Walk:
    """The files below `root`, as paths with `/` relative to it."""
    files, left_out, entries = dict[str, int](), list[str](), 0
    folders = [""]
    while folders and len(files) < MAX_FILES and entries < MAX_ENTRIES:
        below: list[str] = []
        for folder in folders:
            for entry in _entries(root, folder):
                entries += 1
                name = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    below += [f"{name}/"] if _is_ours(entry.name) else []
                elif entry.is_file(follow_symlinks=False) and _is_of_interest(entry.name):
                    size = entry.stat(follow_symlinks=False).st_size
                    if _fits(entry.name, size):
                        files[name] = size
                    else:
                        left_out.append(name)
        folders = below
    return Walk(
        files=tuple(files)[:MAX_FILES],
        left_out=tuple(left_out),
        is_whole=not folders and len(files) <= MAX_FILES,
        sizes=files,
    )


def _entries(root: Path, folder: str) -> Sequence[os.DirEntry[str]]:
    """What is in a folder, by name; nothing of one that is an environment."""
    try:
        with os.scandir(f"{root}/{folder}") as entries:
            found = sorted(entries, key=lambda each: each.name)
    except OSError:  # out of reach, or gone
        return ()
    return () if folder and any(each.name in _OF_ENVIRONMENTS for each in found) else found


def _is_ours(name: str) -> bool:
    is_hidden = name.startswith(".") and name not in _HIDDEN
    return name not in _NOT_OURS and not name.endswith(".egg-info") and not is_hidden


def _is_of_interest(name: str) -> bool:
    lower = name.lower()
    if "dockerfile" in lower or "containerfile" in lower or lower in ("readme", "pipfile", ".python-version"):
        return True
    suffix = os.path.splitext(lower)[1]  # noqa: PTH122
    return name in _JSON if suffix == ".json" else suffix in _SUFFIXES


def _fits(name: str, size: int) -> bool:
    is_large = name.endswith((".ipynb", ".lock", "conda-lock.yml", ".yaml"))
    return size <= (MAX_NOTEBOOK_BYTES if is_large else MAX_BYTES)
