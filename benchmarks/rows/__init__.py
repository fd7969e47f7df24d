"""One file for each group of rows: `ROWS` names them, each a function of the desk that yields races.

A file that is laid here takes part; no list is to be kept.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping

from benchmarks.desk import Desk
from benchmarks.race import Race

Row = Callable[[Desk], Iterator[Race]]


def every_row() -> Mapping[str, Row]:
    """Name -> row, the files by name and the rows as each file has them."""
    found: dict[str, Row] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        found |= importlib.import_module(f"{__name__}.{module.name}").ROWS
    return found
