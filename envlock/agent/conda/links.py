"""Symbolic links of conda packages. `info/paths.json` does not say where a link leads, but has the sha256 of
the file that it led to when it was packaged (conda-build, rattler-build), that of nothing for folders.

Where a link to a folder leads is in the lock, which has it from the archive. Without a lock, or by one that
was made before that was noted, it may lead to any folder of a package.
"""

import os
from typing import Dict, Mapping, Sequence, Set, Tuple

from .meta import CondaRecord, PlacedRow

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
Owners = Mapping[str, Sequence[Tuple[CondaRecord, PlacedRow]]]
_ARROW = " -> "


class Links:
    """The links of one prefix; `owners` are the files of its packages, relative to it, `locked` where links
    of a package lead, as `path -> target` with the path that the archive has."""

    def __init__(self, prefix: str, owners: Owners, locked: Mapping[str, Sequence[str]]) -> None:
        self._prefix = prefix
        self._real = os.path.realpath(prefix)
        self._owners = owners
        self._folders = _folders_of(owners)
        pairs = {name: [link.partition(_ARROW)[::2] for link in links] for name, links in locked.items()}
        self._targets: Dict[str, Dict[str, str]] = {name: dict(links) for name, links in pairs.items()}

    def fault(self, placed: PlacedRow) -> str:
        """Why what stands there is not the packaged link; "" where it may be."""
        path = "%s/%s" % (self._prefix, placed.file)
        if not os.path.islink(path):
            return "is no link"
        known = self._locked_targets(placed)
        if known:
            found = os.readlink(path)
            return "" if found in known else "leads to `%s`, the packaged one to `%s`" % (found, min(known))
        real = os.path.realpath(path)
        if not real.startswith(self._real + "/"):
            return "leads out of the prefix, to `%s`" % real
        return self._target_fault(placed, real[len(self._real) + 1 :], real)

    def _target_fault(self, placed: PlacedRow, target: str, real: str) -> str:
        led_to_file = placed.row.sha256 not in (None, NOTHING)
        if not os.path.lexists(real):
            return "leads to `%s`, which is missing" % target if led_to_file else ""
        if os.path.isdir(real):
            if led_to_file:
                return "leads to the folder `%s`, the packaged one to a file" % target
            return "" if target in self._folders else "leads to `%s`, which no package owns" % target
        owners = self._owners.get(target)
        if owners is None:
            return "leads to `%s`, which no package owns" % target
        if not led_to_file or any(row.row.sha256 == placed.row.sha256 for _, row in owners):
            return ""
        # Packaged with a link to a file of another package, of which another version is here.
        if not self._own_target(placed) and not self._is_own(placed, owners):
            return ""
        return "leads to `%s`, the packaged one to another file" % target

    def _locked_targets(self, placed: PlacedRow) -> Set[str]:
        """Where the link leads by the lock; of several packages with this path, by each that has this row."""
        owners = [record for record, other in self._owners.get(placed.file, ()) if other == placed]
        found = (self._targets.get(record.name, {}).get(placed.row.path) for record in owners)
        return {target for target in found if target is not None}

    def _own_target(self, placed: PlacedRow) -> bool:
        """Has the link's own package the file that it was packaged with?"""
        return any(
            row.row.sha256 == placed.row.sha256 and row.row.path_type == "hardlink"
            for record in self._packages(placed)
            for row in record.paths
        )

    def _is_own(self, placed: PlacedRow, owners: Sequence[Tuple[CondaRecord, PlacedRow]]) -> bool:
        mine = {record.name for record in self._packages(placed)}
        return all(record.name in mine for record, _ in owners)

    def _packages(self, placed: PlacedRow) -> Sequence[CondaRecord]:
        return [record for record, _ in self._owners.get(placed.file, ())]


def _folders_of(owners: Owners) -> Set[str]:
    folders: Set[str] = set()
    for file in owners:
        folder = os.path.dirname(file)
        while folder and folder not in folders:
            folders.add(folder)
            folder = os.path.dirname(folder)
    return folders
