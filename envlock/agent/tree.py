"""Walk directories as Python and the loader see them: links followed, every file and folder with its row."""

import os
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from .hashing import Row, row_of


class Tree:
    """What was found below one or more roots.

    `files` and `directories` map absolute paths to rows (None: a dangling link). `errors` are paths
    that could not be listed or looked at, with the reason.
    """

    def __init__(self, known: Mapping[str, Optional[Row]]) -> None:
        """`known` are rows that were read moments ago: they are not read twice."""
        self._known = known
        self.files: Dict[str, Optional[Row]] = {}
        self.directories: Dict[str, Optional[Row]] = {}
        self.errors: List[Tuple[str, str]] = []
        self._entered: Dict[Tuple[int, int], List[str]] = {}

    def walk(self, root: str, skip: Optional[Callable[[str], bool]] = None) -> None:
        """Add everything below `root`. A folder with two names is listed under both: Python
        imports it by either. A link to a folder above itself is not followed.

        `skip` is asked with the name of each folder. A root that does not exist leaves a None row:
        it may appear later.
        """
        try:
            status = os.stat(root)
        except OSError:
            self.directories[root] = None
            return
        self.directories[root] = row_of(status)
        if not self._enter(status, root):
            return
        pending = [root]
        while pending:
            self._list(pending.pop(), pending, skip)

    def _list(self, directory: str, pending: List[str], skip: Optional[Callable[[str], bool]]) -> None:
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    self._add(entry, pending, skip)
        except OSError as error:
            self.errors.append((directory, error.strerror or str(error)))

    def _add(
        self, entry: "os.DirEntry[str]", pending: List[str], skip: Optional[Callable[[str], bool]]
    ) -> None:
        try:
            is_directory = entry.is_dir()
            known = None if is_directory else self._known.get(entry.path)
            status = entry.stat() if known is None else None
        except OSError as error:
            self.files[entry.path] = None
            if not entry.is_symlink():  # a dangling link is nothing that Python could load
                self.errors.append((entry.path, error.strerror or str(error)))
            return
        if status is None or not is_directory:
            self.files[entry.path] = row_of(status) if status is not None else known
            return
        if skip is not None and skip(entry.name):
            return
        self.directories[entry.path] = row_of(status)
        if self._enter(status, entry.path):
            pending.append(entry.path)

    def _enter(self, status: os.stat_result, path: str) -> bool:
        names = self._entered.setdefault((status.st_dev, status.st_ino), [])
        if any((path + "/").startswith(name + "/") for name in names):
            return False
        names.append(path)
        return True
