"""The paths digest: what a conda package is, file by file (IDENTITY 3).

Both sides use it: the lock side over `info/paths.json` of the archive, the target over what conda-meta
recorded of it.
"""

import hashlib
import json
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional

PATH_TYPES = frozenset(["hardlink", "softlink", "directory"])
FILE_MODES = frozenset(["text", "binary"])


class PathRow(NamedTuple):
    """One row of `info/paths.json`, as packaged: `sha256` is of the file before the prefix is put in."""

    path: str
    path_type: str
    sha256: Optional[str]
    prefix_placeholder: Optional[str]
    file_mode: Optional[str]


def path_rows(paths_json: Mapping[str, Any]) -> List[PathRow]:
    """The rows of a parsed `info/paths.json`. Raises ValueError, KeyError or TypeError on anything else."""
    if paths_json["paths_version"] != 1:
        raise ValueError("paths.json of version %r" % (paths_json["paths_version"],))
    return [path_row(entry) for entry in paths_json["paths"]]


def path_row(entry: Mapping[str, Any]) -> PathRow:
    """One entry of `paths.json`, or of `paths_data` in conda-meta, which has the same keys and more."""
    row = PathRow(
        entry["_path"],
        entry["path_type"],
        entry.get("sha256"),
        entry.get("prefix_placeholder"),
        entry.get("file_mode"),
    )
    if not all(value is None or isinstance(value, str) for value in row):
        raise TypeError("a value of paths.json that is not text: %r" % (row,))
    if row.path_type not in PATH_TYPES or (row.file_mode or "text") not in FILE_MODES:
        raise ValueError("unknown kind of path: %r" % (row,))
    return row


def paths_digest(rows: Iterable[PathRow]) -> str:
    """Hash the rows, sorted by the bytes of their paths.

    >>> paths_digest([
    ...     PathRow("bin/x", "hardlink", "0" * 64, "/opt/p", "text"),
    ...     PathRow("bin/a", "softlink", "1" * 64, None, None),
    ... ])
    'a0e79c99e03fffed2bda9914f5972f42b92bfb0c77d05b1b334175f6c1895891'
    """
    ordered = sorted(map(list, rows), key=lambda row: str(row[0]).encode())
    text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
