"""Which libraries a command had mapped, by what Linux tells of its processes while it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from envlock.agent.mapped import mapped_names
from envlock.run.receipt import LibraryFacts

_PROC = Path("/proc")


class MappedFiles:
    """Looks at a process and all that it started. What lives between two looks only is not seen; where there
    is no /proc nothing is."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix.resolve()
        self._files: set[str] = set()
        self._looks = 0

    def look(self, pid: int) -> None:
        found = {file for each in _family(pid) for file in _executable(each)}
        self._files |= found
        self._looks += bool(found)

    def facts(self) -> LibraryFacts:
        inside = f"{self._prefix}/"
        mine = {file for file in self._files if file.startswith(inside)}
        return LibraryFacts(
            environment=sorted(file.removeprefix(inside) for file in mine),
            system=sorted(self._files - mine),
            looks=self._looks,
        )


def _family(pid: int) -> Iterator[int]:
    waiting, seen = [pid], set()
    while waiting:
        one = waiting.pop()
        if one not in seen and (_PROC / str(one)).is_dir():
            seen.add(one)
            yield one
            waiting += _children(one)


def _children(pid: int) -> Iterator[int]:
    """proc_pid_task(5): children are listed by thread."""
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            yield from map(int, (task / "children").read_text().split())
    except OSError:
        return


def _executable(pid: int) -> Iterator[str]:
    """`(deleted)` stays where a file was replaced."""
    try:
        names = mapped_names(pid)
    except OSError:
        return
    yield from (os.fsencode(name).decode(errors="replace") for name in names)
