"""The folder beside a prefix in which its packages are made ready, for one run at a time."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envlock.errors import UsageFault
from envlock.install.inode import disk_failed


@contextmanager
def workshop(prefix: Path) -> Iterator[Path]:
    """A new folder on the prefix's own disk, gone afterwards; what a killed run left is swept away.

    Raises UsageFault where another run is at work on this prefix, DiskFailed.
    """
    folder = prefix.parent / f".{prefix.name}.envlock"
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise disk_failed(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as busy:
            raise UsageFault(
                f"another `envlock sync` is at work on `{prefix}`", hint="wait until it is done"
            ) from busy
        shutil.rmtree(folder / "work", ignore_errors=True)
        (folder / "work").mkdir()
        try:
            yield folder / "work"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
