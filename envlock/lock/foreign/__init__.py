"""Locks of other tools: which format a file is, and what it pins.

A format is one file of this folder and one line of `FORMATS`.
"""

from __future__ import annotations

from pathlib import Path

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign import pylock, requirements, uv
from envlock.lock.foreign.conda import conda_lock, environment, explicit, pixi
from envlock.lock.foreign.model import Adopted, ForeignLock, Format, Wanted
from envlock.manifest.documents import read_text
from envlock.manifest.tables import Faults

__all__ = ["FORMATS", "Adopted", "ForeignLock", "Format", "Wanted", "read_foreign_lock"]

FORMATS = (
    *(uv.FORMAT, pylock.FORMAT, pixi.FORMAT, conda_lock.FORMAT, environment.FORMAT, explicit.FORMAT),
    requirements.FORMAT,
)  # the first that fits is taken


def read_foreign_lock(path: Path) -> ForeignLock:
    """Read the lock of another tool. Raises ForeignLockInvalid with all faults."""
    faults = Faults()
    text = read_text(path, path.name, faults)
    faults.raise_if_any(ForeignLockInvalid, path.name)
    return _format_of(path, text or "").read(path, text or "")


def _format_of(path: Path, text: str) -> Format:
    for each in FORMATS:
        if each.fits(path.name, text):
            return each
    known = ", ".join(each.name for each in FORMATS)
    raise ForeignLockInvalid(
        f"`{path.name}` is no lock that can be adopted", where=str(path), hint=f"what can be: {known}"
    )
