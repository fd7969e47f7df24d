"""Verify by level, by bytes and by number of files, beside sha256sum and a bare loop over the same files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.caches import Cache
from benchmarks.desk import Desk
from benchmarks.measure import ENVLOCK, ROOT
from benchmarks.owned import Listing, listing
from benchmarks.race import OURS, Entrant, Race
from benchmarks.trees import Tree, big_files, small_files

LEVELS = ("roots", "warm", "content")
BUDGETS = {"warm": "0.35 s", "content": "a bare loop / 0.85"}
MANY = 100_000


def by_level(desk: Desk) -> Iterator[Race]:
    prefix, lock = desk.installed
    with desk.folder("verify") as work:
        yield from _levels(Tree(prefix=prefix, lock=lock), work, "verify")


def by_bytes(desk: Desk) -> Iterator[Race]:
    """Half a gigabyte in twenty files: here the hash itself is what takes time."""
    with desk.folder("verify-bytes") as work:
        yield from _levels(big_files(desk, work, 20, 25), work, "verify-bytes")


def _levels(tree: Tree, work: Path, row: str) -> Iterator[Race]:
    cache = Cache(folder=work / "kept")
    owned = listing(tree.prefix, tree.lock, work / "listing")
    for level in reversed(LEVELS):
        yield Race(
            row=row,
            title=f"level {level}",
            amount=owned.told,
            budget=BUDGETS.get(level, ""),
            entrants=(_ours(tree, level, cache), *(_peers(owned) if level == "content" else ())),
        )


def by_files(desk: Desk) -> Iterator[Race]:
    cache = Cache(folder=desk.work / "verify-sizes-kept")
    for files in sorted(desk.files):
        with desk.folder(f"verify-{files}") as work:
            tree = small_files(desk, work, files)
            owned = listing(tree.prefix, tree.lock, work / "listing")
            yield Race(
                row="verify-sizes",
                title=f"{files:,} small files",
                amount=f"{owned.bytes / 1e9:.3g} GB",
                series="files",
                at=files,
                most=1 if files > MANY else 3 if files == MANY else 100,
                warm_up=files <= MANY,
                entrants=(
                    _ours(tree, "content", cache, who=OURS),
                    *(_ours(tree, level, cache, who=f"envlock, {level}") for level in ("warm", "roots")),
                    *_peers(owned),
                ),
            )


def _ours(tree: Tree, level: str, cache: Cache, who: str = OURS) -> Entrant:
    command = (ENVLOCK, "verify", "--level", level, "--prefix", str(tree.prefix), "-l", str(tree.lock))
    return Entrant(who=who, command=command, environment=cache.environment)


def _peers(owned: Listing) -> tuple[Entrant, Entrant]:
    sums = ("sh", "-c", f"xargs -0 -P2 -n 64 sha256sum < '{owned.path}'")
    bare = (sys.executable, str(ROOT / "benchmarks" / "bare.py"), str(owned.path))
    return Entrant(who="xargs -P2 sha256sum", command=sums), Entrant(who="bare loop", command=bare)


ROWS = {"verify": by_level, "verify-bytes": by_bytes, "verify-sizes": by_files}
