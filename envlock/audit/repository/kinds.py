"""What a file is by its name, and which files are read first where not all can be within a second."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from envlock.audit.repository.asking import is_lock

_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements?(?:[-_.].*)?\.(?:txt|in)|pip\.txt|constraints.*\.txt")
_IN_FOLDER = re.compile(r"(?:.*/)?requirements/[^/]*\.(?:txt|in)")
_TRAINS = re.compile(r"(?:.*[_-])?(?:train\w*|pretrain\w*|finetune\w*|main|run\w*|setup)\.py")
_ASIDE = re.compile(r"(?:^|/)(?:tests?|testing|docs?|examples?|benchmarks?)/|(?:^|/)(?:test_|conftest)[^/]*$")


class Kind(StrEnum):
    """How a file is read."""

    LOCK = "lock"
    DOCKERFILE = "Dockerfile"
    REQUIREMENTS = "requirements"
    PYPROJECT = "pyproject"
    SETUP_CFG = "setup.cfg"
    COG = "cog"
    PIPFILE = "Pipfile"
    YAML = "YAML"
    SHELL = "shell"
    PROSE = "prose"
    PYTHON = "Python"
    NOTEBOOK = "notebooks"


# How many bytes of each are read within a second, start-up included. What declares an environment is not
# among them: all of it is read.
BUDGETS: Mapping[Kind, int] = {
    Kind.PYTHON: 400_000,
    Kind.NOTEBOOK: 800_000,
    Kind.PROSE: 300_000,
    Kind.YAML: 400_000,
    Kind.SHELL: 200_000,
}
# What is beyond that in one notebook is pictures, which cost next to nothing.
NOTEBOOK_AT_MOST = 150_000


def kind_of(file: str) -> Kind | None:
    """The kind of a file; None where nothing of it would be read.

    >>> str(kind_of("docker/train.Dockerfile")), kind_of("notes.txt")
    ('Dockerfile', None)
    """
    low = file.rpartition("/")[2].lower()
    if is_lock(file):
        return Kind.LOCK
    if "dockerfile" in low or "containerfile" in low:
        return Kind.DOCKERFILE
    if _REQUIREMENTS.fullmatch(low) or _IN_FOLDER.fullmatch(file):
        return Kind.REQUIREMENTS
    return _BY_NAME.get(low) or _BY_SUFFIX.get(f".{low.rpartition('.')[2]}")


_BY_NAME: Mapping[str, Kind] = {
    "pyproject.toml": Kind.PYPROJECT,
    "envlock.toml": Kind.PYPROJECT,
    "setup.cfg": Kind.SETUP_CFG,
    "cog.yaml": Kind.COG,
    "pipfile": Kind.PIPFILE,
    "devcontainer.json": Kind.YAML,
    ".devcontainer.json": Kind.YAML,
    "readme": Kind.PROSE,
    "readme.txt": Kind.PROSE,
}
_BY_SUFFIX: Mapping[str, Kind] = {
    **dict.fromkeys((".yml", ".yaml"), Kind.YAML),
    **dict.fromkeys((".sh", ".bash", ".slurm", ".sbatch"), Kind.SHELL),
    **dict.fromkeys((".md", ".rst", ".tex"), Kind.PROSE),
    ".py": Kind.PYTHON,
    ".ipynb": Kind.NOTEBOOK,
}


def rank(file: str) -> int:
    """The order of reading among files of one kind and depth: what trains, then the rest, then tests, docs
    and examples."""
    if _ASIDE.search(file):
        return 2
    return 0 if _TRAINS.fullmatch(file.rpartition("/")[2]) else 1
