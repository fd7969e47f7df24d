"""What is on disk: the trees that count, a row for every path, a hash for every file that counts."""

import hashlib
import os
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple

from . import foreign
from .crew import Crew, can_fork
from .hashing import Hashed, Job, Row, hash_all, stat_row, without_waiting
from .installed import Owned
from .target import Target
from .tree import Tree
from .warm import Known, WarmCache

_NOT_STDLIB = ("site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "turtledemo")
_WORTH_A_FORK_BYTES = 64 << 20


class Contents:
    """Rows and hashes of one target. Hashes of unchanged files are taken from `previous`."""

    def __init__(self, target: Target, previous: Optional[WarmCache]) -> None:
        self.target = target
        self.previous = previous
        self._rows: Dict[str, Optional[Row]] = {}
        self.tree = Tree(self._rows)
        self.library = Tree(self._rows)
        self.hashes: Dict[Tuple[str, str], Hashed] = {}
        self._jobs: List[Job] = []
        self._planned: Set[str] = set()
        self._crews: List[Crew] = []

    def walk(self, roots: Iterable[foreign.Root]) -> None:
        """Walk the site directories, `bin` and the standard library."""
        for root in roots:
            if root.role in foreign.WALKED:
                self.tree.walk(root.directory)
            else:
                self.watch(root.directory)
        self.tree.walk(self.target.layout.scripts)
        for directory in self.target.interpreter.stdlib:
            self.library.walk(directory, lambda name: name in _NOT_STDLIB or name.startswith("config-"))

    def row(self, path: str) -> Optional[Row]:
        """The row of a path, from a walk where it was reached by one."""
        for tree in (self.tree, self.library):
            if path in tree.files:
                return tree.files[path]
        if path not in self._rows:
            self.watch(path)
        return self._rows[path]

    def watch(self, path: str) -> None:
        """Keep the row of a path outside the trees: what is there, or that nothing is."""
        self._rows[path] = stat_row(path)

    def plan_owned(self, owned: Owned, normalize: Optional[Callable[[bytes], bytes]]) -> None:
        """Have a distribution's file hashed. In a pass that knows nothing yet, the size that RECORD claims
        serves to order the work: whoever hashes the file reads its row anyway."""
        if self.previous is None and owned.size is not None:
            self._jobs.append(Job(owned.absolute, owned.size, owned.algorithm, normalize))
        else:
            self.plan(owned.absolute, owned.algorithm, normalize)

    def plan(
        self, path: str, algorithm: str = "sha256", normalize: Optional[Callable[[bytes], bytes]] = None
    ) -> None:
        """Have a file hashed by the next `hash`. A missing file is no job; what is known is not read."""
        row = self.row(path)
        if row is None:
            return
        if algorithm == "sha256" and normalize is None:
            self._planned.add(path)
        known = self.previous.known.get(path) if self.previous is not None else None
        if known is not None and known.sha256 and known.row == row and algorithm == "sha256":
            self.hashes[path, algorithm] = Hashed(known.sha256, known.is_elf, row)
        else:
            self._jobs.append(Job(path, row.size, algorithm, normalize))

    def start_hashing(self, workers: int) -> None:
        """Let forked workers begin with what is planned, where that is possible and worth it."""
        if self._jobs and can_fork() and sum(job.size for job in self._jobs) > _WORTH_A_FORK_BYTES:
            self._crews.append(Crew(self._jobs, workers))
            self._jobs = []

    def hash(self, workers: int) -> None:
        """Hash all that is planned, and wait for the workers."""
        self.hashes.update(hash_all(self._jobs, 1 if self._crews else workers))
        self._jobs = []
        for crew in self._crews:
            self.hashes.update({(job.path, job.algorithm): found for job, found in crew.finish()})
        self._crews = []
        for (path, _), found in self.hashes.items():
            if found.error:
                self.watch(path)  # what is missing may come back

    def plan_standard_library(self) -> None:
        for path in self.library.files:
            if path.endswith((".py", ".so")) and path not in self._planned:
                self.plan(path)

    def standard_library(self) -> str:
        """One hash over the modules of the standard library, to compare hosts with (IDENTITY 6)."""
        rows = []
        for directory in self.target.interpreter.stdlib:
            for path in self.library.files:
                result = self.hashes.get((path, "sha256"))
                if result is not None and path.startswith(directory + "/"):
                    rows.append(f"{path[len(directory) + 1 :]}\0{result.hex}\n")
        return hashlib.sha256("".join(sorted(rows)).encode(errors="surrogateescape")).hexdigest()

    def elf_files(self) -> List[str]:
        """Hashed files that are ELF, the standard library's aside."""
        return [
            path
            for (path, _), result in self.hashes.items()
            if result.is_elf and path not in self.library.files
        ]

    def counts(self) -> Dict[str, int]:
        rows = [result.row for result in self.hashes.values() if result.row is not None]
        return {"files": len(rows), "bytes": sum(row.size for row in rows)}

    def known(self, watched: Iterable[str]) -> Dict[str, Known]:
        """Every path that was looked at, for the stat cache; `watched` are further paths."""
        rows: Dict[str, Optional[Row]] = {}
        for tree in (self.tree, self.library):
            rows.update(tree.files)
            rows.update(tree.directories)
        rows.update(foreign.rows_of(watched))
        rows.update(self._rows)
        known = {path: Known(row, False, "") for path, row in rows.items()}
        for (path, algorithm), result in self.hashes.items():
            if algorithm == "sha256" and not result.error:
                known[path] = Known(result.row, result.is_elf, result.hex)
        return known


def small_file(path: str, most_bytes: int = 1 << 20) -> Optional[bytes]:
    """The content of a small file; None where it is large or cannot be read."""
    try:
        with open(path, "rb", opener=without_waiting) as file:
            content = file.read(most_bytes)
    except OSError:
        return None
    return content if len(content) < most_bytes else None


def exists(path: str) -> bool:
    return os.path.lexists(path)
