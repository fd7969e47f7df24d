"""Progress on a terminal, and nowhere else: on a pipe nothing is drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from envlock.resolve.model import Event, no_events

_LABELS = {
    "resolve": "resolving",
    "identify": "reading what the wheels install",
    "verify": "hashing",
    "fetch wheels": "fetching wheels",
    "layers": "making layers",
    "push": "pushing",
    "build": "building",
    "repair": "repairing",
}


@contextmanager
def progress(*, enabled: bool) -> Iterator[Callable[[Event], None]]:
    """A callback that draws events on stderr while the context is open."""
    if not enabled or not sys.stderr.isatty():
        yield no_events
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def draw(event: Event) -> None:
            label = _LABELS.get(event.step, event.step)
            bar.update(task, description=label, completed=event.done, total=event.total or None)

        yield draw
