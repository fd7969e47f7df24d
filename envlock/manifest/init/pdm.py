"""`[tool.pdm]`: indexes and what changes a resolution. Dependencies are in `[project]`."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from packaging.utils import canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.init.indexes import NOT_READ, Pointer, add_index, route
from envlock.manifest.init.model import Asking, Row
from envlock.manifest.init.rows import requirement_row
from envlock.manifest.tables import Table, code


def read_pdm(table: Table, asked: Collection[str], asking: Asking) -> tuple[Row, ...]:
    """Add what `[tool.pdm]` says; rows of its development groups, which are left out. `asked` are the
    names that the project asks for, which the patterns of an index are matched against."""
    for row in table.tables("source"):
        _add_source(row, asked, asking)
    for key in ("overrides", "excludes"):
        resolution = table.below("resolution")
        if resolution.data.get(key):
            asking.note(resolution.at(key), NOT_READ)
    return tuple(row for group in table.below("dev-dependencies").data for row in _group(table, group))


def _add_source(row: Table, asked: Collection[str], asking: Asking) -> None:
    name, url = row.text("name", patterns.ANY_TEXT), row.text("url", patterns.ANY_TEXT)
    if url is None:
        return
    if row.data.get("type", "index") != "index":
        kind = code(str(row.data["type"]))
        asking.note(row.at("type"), f"not carried over: {kind} is a page of links, not an index")
        return
    wanted = row.texts("include_packages", patterns.ANY_TEXT)
    # pdm: a source of the name `pypi` takes the place of the built-in index
    pointer = Pointer(
        url=url, where=row.at("url"), name=name, everything=wanted is None, replaces=name == "pypi"
    )
    named = add_index(pointer, asking)
    for distribution in _matching(wanted or (), asked) if named else ():
        route(distribution, named or "", row.at("include_packages"), asking)


def _matching(wanted: Collection[str], asked: Collection[str]) -> list[str]:
    """Names are taken as they are; a pattern stands for what it matches of `asked`."""
    plain = [name for name in wanted if patterns.PROJECT_NAME.admits(name)]
    return plain + [
        name
        for pattern in wanted
        if not patterns.PROJECT_NAME.admits(pattern)
        for name in sorted(asked)
        if fnmatchcase(canonicalize_name(name), pattern.lower())
    ]


def _group(table: Table, group: str) -> list[Row]:
    groups = table.below("dev-dependencies")
    where, left_out = groups.at(group), f"the group {code(group)}"
    texts = groups.texts(group, patterns.ANY_TEXT) or ()
    return [requirement_row(text, where, left_out) for text in texts]
