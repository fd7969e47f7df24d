"""YAML of other tools, read as untrusted input."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from envlock.errors import ForeignLockInvalid
from envlock.manifest.locked_patterns import CONDA_BUILD, CONDA_FILE, CONDA_NAME, CONDA_VERSION
from envlock.manifest.tables import Faults, Table


def read_yaml(path: Path, text: str) -> Table:
    """The document at the top of a YAML file. Raises ForeignLockInvalid where it is no mapping."""
    import yaml

    faults = Faults()
    document: Any = None
    try:
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}, line {mark.line + 1}" if mark is not None else path.name
        faults.add(where, f"not valid YAML: {getattr(error, 'problem', None) or 'it cannot be read'}")
    if not faults and not isinstance(document, dict):
        faults.add(path.name, "is not a mapping")
    faults.raise_if_any(ForeignLockInvalid, path.name)
    data = {str(key): value for key, value in document.items()}
    return Table(file=path.name, path="", data=data, faults=faults)


def split_file(file: str) -> tuple[str, str, str] | None:
    """Name, version and build of an archive's file name; None where it is none.

    >>> split_file("ca-certificates-2025.1.31-hbd8a1cb_1.conda")
    ('ca-certificates', '2025.1.31', 'hbd8a1cb_1')
    """
    parts = file.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
    rules = (CONDA_NAME, CONDA_VERSION, CONDA_BUILD)
    if len(parts) != 3 or not CONDA_FILE.admits(file):
        return None
    return (parts[0], parts[1], parts[2]) if all(map(lambda r, p: r.admits(p), rules, parts)) else None


def split_url(url: str) -> tuple[str, str, str] | None:
    """Channel URL, subdir and file name of an archive's URL.

    >>> split_url("https://h/conda-forge/noarch/attrs-25.4.0-pyh_0.conda")
    ('https://h/conda-forge', 'noarch', 'attrs-25.4.0-pyh_0.conda')
    """
    try:
        path, _, file = unquote(urlsplit(url).path).rpartition("/")
    except ValueError:  # a bracket that opens no address
        return None
    head = url.rpartition("/")[0]
    channel, _, subdir = head.rpartition("/")
    return (channel, subdir, file) if path and channel and file else None
