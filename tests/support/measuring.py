"""A plugin of coverage.py: counts what runs out of the agent's zipapp, and what has entered an image.

It is loaded in every process that is measured, and nowhere else ([tool.coverage.run] of pyproject.toml).
"""

from __future__ import annotations

import atexit
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from coverage import CoverageData, CoveragePlugin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".coverage"
ARCS = DATA / "arcs"


def coverage_init(registry: Any, options: Any) -> None:
    registry.add_noop(CoveragePlugin())
    ARCS.mkdir(parents=True, exist_ok=True)
    sys.meta_path.insert(0, _Finder())
    _leave_the_image_before_the_data_is_written()


class _Finder(MetaPathFinder):
    """The module that writes the zipapp adds arcs.py to it, once it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "envlock.observe.zipapp":
            return None
        sys.meta_path.remove(self)
        spec: Any = find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            add_arcs(module)

        spec.loader.exec_module = exec_module
        return spec  # type: ignore[no-any-return]


def add_arcs(zipapp: Any) -> None:
    """Of what it writes from now on."""
    members = zipapp._members
    zipapp._members = lambda: _with_arcs(members())


def _with_arcs(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    found = dict(members)
    entry = "envlock_agent/__init__.py"
    found[entry] += f"\nfrom . import arcs\n\narcs.start({str(ARCS)!r})\n".encode()
    found["envlock_agent/arcs.py"] = Path(__file__).with_name("arcs.py").read_bytes()
    return list(found.items())


def _leave_the_image_before_the_data_is_written() -> None:
    enter = os.chroot

    def chroot(path: Any) -> None:
        outside = os.open("/", os.O_RDONLY)
        enter(path)
        atexit.register(enter, ".")
        atexit.register(os.fchdir, outside)

    os.chroot = chroot


def gather() -> None:
    """What the zipapps wrote becomes a file of coverage.py's, by the modules that they were made of."""
    arcs: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for file in ARCS.glob("*"):
        for line in file.read_text().splitlines():
            member, last, to = line.split("\t")
            arcs[member].add((int(last), int(to)))
        file.unlink()
    data = CoverageData(str(DATA / "data"), suffix="agent")
    data.add_arcs({str(_source(member)): arcs[member] for member in arcs if _source(member).is_file()})
    data.write()


def _source(member: str) -> Path:
    rooms = "rooms/"
    return ROOT / "envlock" / (member[len(rooms) :] if member.startswith(rooms) else f"agent/{member}")


if __name__ == "__main__":
    gather()
