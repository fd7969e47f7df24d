"""What conda-meta says of a prefix: a record per package, and the files of each as packaged and as placed.

conda keeps the paths of the archive (`site-packages/x.py` of a noarch package), rattler those of the prefix
(`lib/python3.11/site-packages/x.py`); both are read. All of it is only a claim until its paths digest is
that of the lock.
"""

import json
import os
from itertools import product
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ..hashing import without_waiting
from .paths import PathRow, path_row, paths_digest

FOLDER = "conda-meta"
_MOST_RECORD_BYTES = 64 << 20
_GENERATED = ("pyc_file", "unix_python_entry_point")
_SITE, _SCRIPTS = "site-packages/", "python-scripts/"
_MOST_UNDECIDED = 8


class PlacedRow(NamedTuple):
    """A row as packaged, and where the file stands, relative to the prefix."""

    row: PathRow
    file: str


class CondaRecord(NamedTuple):
    """One package of a prefix. `scripts` are those that the installer wrote for entry points,
    relative to the prefix."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    archive: str
    sha256: Optional[str]
    md5: Optional[str]
    file: str
    noarch: bool
    depends: Tuple[str, ...]
    paths: Tuple[PlacedRow, ...]
    scripts: Tuple[str, ...]

    @property
    def digest(self) -> str:
        """The paths digest of what the record claims."""
        return paths_digest(placed.row for placed in self.paths)


class Records(NamedTuple):
    """Every record of a prefix, sorted by file, and what could not be read, with the reason."""

    found: List[CondaRecord]
    problems: List[Tuple[str, str]]


def is_conda(prefix: str) -> bool:
    return os.path.isdir(os.path.join(prefix, FOLDER))


def read_records(prefix: str, expected: Mapping[str, str]) -> Records:
    """Read conda-meta. `expected` are the paths digests of the lock by name: where a record can be read in
    two ways, the one that the lock has counts."""
    documents, problems = _documents(os.path.join(prefix, FOLDER))
    site = _site_packages(document for _, document in documents)
    found = []
    for file, document in documents:
        try:
            found.append(_record(file, document, site, expected))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append((file, "is no record of a conda package: %s" % _said(error)))
    return Records(found, problems)


def _documents(folder: str) -> Tuple[List[Tuple[str, Dict[str, Any]]], List[Tuple[str, str]]]:
    documents, problems = [], []
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError as error:
        return [], [(FOLDER, "cannot be listed: %s" % error.strerror)]
    for name in names:
        file = "%s/%s" % (FOLDER, name)
        try:
            documents.append((file, _document(os.path.join(folder, name))))
        except (OSError, ValueError, RecursionError) as error:
            problems.append((file, "cannot be read: %s" % _said(error)))
    return documents, problems


def _document(path: str) -> Dict[str, Any]:
    if os.path.getsize(path) > _MOST_RECORD_BYTES:
        raise ValueError("it is larger than any record")
    with open(path, encoding="utf-8", opener=without_waiting) as file:
        document = json.load(file)
    if not isinstance(document, dict):
        raise ValueError("it is no table")
    return document


def _site_packages(documents: Iterable[Mapping[str, Any]]) -> str:
    """Where the prefix's Python has its packages: its own word (CEP 17), else by its version."""
    for document in documents:
        if document.get("name") == "python":
            own = document.get("python_site_packages_path")
            version = ".".join(str(document.get("version")).split(".")[:2])
            return str(own) if isinstance(own, str) and own else "lib/python%s/site-packages" % version
    return "site-packages"


def _record(file: str, document: Mapping[str, Any], site: str, expected: Mapping[str, str]) -> CondaRecord:
    rows = document["paths_data"]["paths"]
    noarch = document.get("noarch") == "python"
    name = _text(document, "name")
    paths = [_placed(row, site, noarch) for row in rows if row["path_type"] not in _GENERATED]
    if noarch:
        paths = _decided(paths, expected.get(name))
    return CondaRecord(
        name=name,
        version=_text(document, "version"),
        build=_text(document, "build"),
        build_number=int(document.get("build_number", 0)),
        subdir=_text(document, "subdir"),
        archive=str(document.get("fn") or ""),
        sha256=document.get("sha256"),
        md5=document.get("md5"),
        file=file,
        noarch=noarch,
        depends=tuple(str(spec) for spec in document.get("depends", ())),
        paths=tuple(paths),
        scripts=tuple(row["_path"] for row in rows if row["path_type"] == "unix_python_entry_point"),
    )


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError("`%s` is no text" % key)
    return value


def _placed(entry: Mapping[str, Any], site: str, noarch: bool) -> PlacedRow:
    """A row of `paths_data`. `original_path` is rattler's: the file that was there first stands elsewhere."""
    row = path_row(entry)
    file = row.path
    if noarch and file.startswith(_SITE):
        file = "%s/%s" % (site, file[len(_SITE) :])
    elif noarch and file.startswith(_SCRIPTS):
        file = "bin/" + file[len(_SCRIPTS) :]
    _check_inside(file)
    original = entry.get("original_path") or row.path
    if noarch and original.startswith(site + "/"):
        original = _SITE + original[len(site) + 1 :]
    mode = row.file_mode if row.prefix_placeholder is not None else None
    return PlacedRow(row._replace(path=original, file_mode=mode), file)


def _check_inside(file: str) -> None:
    if file.startswith("/") or ".." in file.split("/") or "\0" in file:
        raise ValueError("`%s` leaves the prefix" % file)


def _decided(paths: List[PlacedRow], expected: Optional[str]) -> List[PlacedRow]:
    """A noarch package's `bin/x` in rattler's record was `python-scripts/x` in the archive, or `bin/x`:
    what the lock has decides, else the first."""
    open_rows = [at for at, placed in enumerate(paths) if placed.row.path.startswith("bin/")]
    moved = [_moved(placed) if at in open_rows else placed for at, placed in enumerate(paths)]
    if not open_rows or len(open_rows) > _MOST_UNDECIDED or expected is None:
        return moved
    for choice in product((moved, paths), repeat=len(open_rows)):
        candidate = list(moved)
        for at, source in zip(open_rows, choice):
            candidate[at] = source[at]
        if paths_digest(placed.row for placed in candidate) == expected:
            return candidate
    return moved


def _moved(placed: PlacedRow) -> PlacedRow:
    return placed._replace(row=placed.row._replace(path=_SCRIPTS + placed.row.path[len("bin/") :]))


def _said(error: BaseException) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "`%s` is missing" % error.args[0] if isinstance(error, KeyError) else str(error)
