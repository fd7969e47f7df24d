"""The files that a lock's distributions own in a prefix: what verify hashes, for peers that take a list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from envlock.agent.installed import find_infos, read_distribution, split_info
from envlock.agent.target import open_target
from envlock.lock import read_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """`path` holds the names, each with a NUL after it but the last, the biggest file first."""

    path: Path
    files: int
    bytes: int

    @property
    def told(self) -> str:
        return f"{self.files:,} files, {self.bytes / 1e9:.3g} GB"


def listing(prefix: Path, lock: Path, path: Path) -> Listing:
    sizes = _sizes(prefix, lock)
    ordered = sorted(sizes, key=lambda name: -sizes[name])
    path.write_bytes(b"\0".join(map(os.fsencode, ordered)))
    return Listing(path=path, files=len(ordered), bytes=sum(sizes.values()))


def _sizes(prefix: Path, lock: Path) -> dict[str, int]:
    target, _, _, reason = open_target(str(prefix), in_process=False)
    if target is None:
        raise ValueError(f"{prefix}: {reason}")
    locked = {distribution.name for distribution in read_lock(lock).distributions}
    sizes: dict[str, int] = {}
    for site in target.layout.sites:
        for info in find_infos(site):
            identity = split_info(info)
            if identity is None or identity[0] not in locked:
                continue
            found = read_distribution(site, info, target.layout, target.interpreter.short, None)
            for entry in found.entries if found else ():
                sizes[entry.absolute] = Path(entry.absolute).stat().st_size
    return sizes
