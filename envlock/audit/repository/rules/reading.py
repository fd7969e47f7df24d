"""Files that could not be judged: broken, too large, or excused from rules that there are not."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.audit.repository.content import Repository
from envlock.audit.repository.ignoring import every_pragma
from envlock.audit.repository.kinds import BUDGETS, Kind, kind_of
from envlock.audit.repository.model import Hit, Level, Place, Rule


def broken_file(repository: Repository) -> Iterator[Hit]:
    yield from repository.broken


def not_read(repository: Repository) -> Iterator[Hit]:
    """What declares an environment cannot be judged unread; of the rest a note says how much there is."""
    counts: dict[Kind, int] = {}
    for name in repository.unread:
        kind = kind_of(name)
        if kind is not None and kind in BUDGETS:
            counts[kind] = counts.get(kind, 0) + 1
        elif kind is not None:
            yield Hit(place=Place(file=name), message="too large to be looked at", level=Level.UNKNOWN)
    if counts:
        told = ", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items()))
        files = "1 file was" if sum(counts.values()) == 1 else f"{sum(counts.values())} files were"
        message = f"{files} left out ({told}); what trains, and what is near the root, was read first"
        yield Hit(place=Place(file="."), message=message)
    if not repository.is_whole:
        message = "there are more files than are looked at; those near the root were"
        yield Hit(place=Place(file="."), message=message)


def unknown_rule(repository: Repository) -> Iterator[Hit]:
    from envlock.audit.repository.registry import IDS  # which lists this rule, too

    for known in every_pragma(repository.texts).values():
        for pragma in known:
            for rule in pragma.rules:
                if rule not in IDS and kind_of(pragma.place.file) is not Kind.PROSE:
                    yield Hit(place=pragma.place, message=f"there is no rule `{rule}`")


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
        title="files that were not looked at",
        level=Level.NOTE,
        weight=0,
        why="what stands in it is not part of this judgement",
        do="`--whole` looks at all, however long it takes",
        check=not_read,
    ),
    Rule(
        id="unknown-rule",
        title="a comment that excuses from a rule that there is not",
        level=Level.NOTE,
        weight=0,
        why="it excuses nothing, and whoever wrote it believes that it does",
        do="write the id as it stands in brackets behind the finding; `--rules` lists them",
        check=unknown_rule,
    ),
)
