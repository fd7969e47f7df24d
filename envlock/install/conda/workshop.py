"""The folder beside a prefix in which its packages are made ready, for one run at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from envlock.errors import UsageFault
from envlock.install.held import held
from envlock.install.inode import disk_failed


@contextmanager
def workshop(prefix: Path) -> Iterator[Path]:
    """A new folder on the prefix's own disk, gone afterwards; what a killed run left is swept away.

    Raises UsageFault where another run is at work on this prefix, DiskFailed.
    """
    folder = prefix.parent / f".{prefix.name}.envlock"
    with ExitStack() as stack:
        try:
            _hold(folder, stack)
        except BlockingIOError as busy:
            raise UsageFault(
                f"another `envlock sync` is at work on `{prefix}`", hint="wait until it is done"
            ) from busy
        except OSError as error:
            raise disk_failed(folder, error) from error
        shutil.rmtree(folder / "work", ignore_errors=True)
        (folder / "work").mkdir()
        try:
            yield folder / "work"
        finally:
            shutil.rmtree(folder / "work", ignore_errors=True)  # first: without a lock it is the next one's
            shutil.rmtree(folder, ignore_errors=True)


def _hold(folder: Path, stack: ExitStack) -> TextIO:
    """Hold the lock in `folder`, which a run that ends just now may take away before it is opened."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return stack.enter_context(held(folder / "lock", waits=False))
        except FileNotFoundError:
            continue
