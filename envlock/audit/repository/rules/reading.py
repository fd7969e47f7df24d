"""Files that could not be judged: broken, too large, or excused from rules that there are not."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.audit.repository.content import Repository
from envlock.audit.repository.model import Hit, Level, Place, Rule


def broken_file(repository: Repository) -> Iterator[Hit]:
    yield from repository.broken


def not_read(repository: Repository) -> Iterator[Hit]:
    for name in repository.unread:
        yield Hit(place=Place(file=name), message="too large to be looked at within a second")
    if not repository.is_whole:
        yield Hit(
            place=Place(file="."), message="there are more files than are looked at; those near the root were"
        )


RULES = (
    Rule(
        id="broken-file",
        title="a file that cannot be parsed",
        level=Level.WARNING,
        weight=5,
        why="what it asks for cannot be followed by a tool, and often not by a person",
        do="mend it; the message says where it breaks",
        check=broken_file,
    ),
    Rule(
        id="not-read",
        title="a file that was not looked at",
        level=Level.UNKNOWN,
        weight=0,
        why="what stands in it is not part of this judgement",
        do="`--whole` looks at all, however long it takes",
        check=not_read,
    ),
)
