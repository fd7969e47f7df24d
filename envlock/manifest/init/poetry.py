"""`[tool.poetry]`: dependencies in poetry's own words, translated; its groups, extras and indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.init.indexes import Pointer, add_index, cuda_of_url, route
from envlock.manifest.init.model import Asking, PythonSaid, Row
from envlock.manifest.init.names import is_for_work
from envlock.manifest.init.poetry_markers import marker_of
from envlock.manifest.init.poetry_versions import pep_440, specifiers
from envlock.manifest.init.rows import elsewhere_row, requirement_row
from envlock.manifest.tables import Table, code, described

_ELSEWHERE = ("git", "path", "url", "file")
_BUILT_IN = "pypi"
_FOR_EVERYTHING = ("primary", "default", "supplemental", "secondary")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    table: Table
    asking: Asking
    extras: Mapping[str, tuple[str, ...]]


def read_poetry(table: Table, asking: Asking, *, has_project: bool) -> None:
    """Add what `[tool.poetry]` says. Where the standard tables say the dependencies (`has_project`), only
    their indexes and places are read here."""
    dependencies = table.below("dependencies")
    urls = _urls(table)
    _route(dependencies, urls, asking)
    _add_sources(urls, asking)
    if has_project:
        return
    _add_python(dependencies, asking)
    reader = _Reader(table=table, asking=asking, extras=_extras(table))
    asking.requirements.extend(_dependencies(dependencies, reader))
    asking.requirements.extend(_groups(reader, urls))


def _extras(table: Table) -> dict[str, tuple[str, ...]]:
    """distribution -> the extras that bring it in."""
    rows = table.below("extras")
    members = {name: rows.texts(name, patterns.ANY_TEXT) or () for name in rows.data}
    found: dict[str, tuple[str, ...]] = {}
    for extra, names in members.items():
        for name in names:
            key = canonicalize_name(name)
            found[key] = (*found.get(key, ()), extra)
    return found


def _add_python(dependencies: Table, asking: Asking) -> None:
    text = dependencies.data.get("python")
    if not isinstance(text, str):
        return
    try:
        allows = specifiers(text)
    except ValueError as error:
        dependencies.fault("python", str(error))
        return
    asking.pythons.append(PythonSaid(text=text, where=dependencies.at("python"), allows=allows))


def _dependencies(table: Table, reader: _Reader, left_out: str | None = None) -> Iterator[Row]:
    for name, value in table.data.items():
        if name == "python":
            continue
        entries = value if isinstance(value, list) else [value]
        for number, entry in enumerate(entries):
            place = f"{name}[{number}]" if isinstance(value, list) else name
            row = _row(table, place, entry, reader)
            if row is not None:
                yield _with_reason(row, left_out)


def _with_reason(row: Row, left_out: str | None) -> Row:
    return row if row.left_out is not None else replace(row, left_out=left_out)


def _row(table: Table, place: str, entry: object, reader: _Reader) -> Row | None:
    entry = {"version": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict):
        table.fault(place, f"must be a version or a table, found {described(entry)}")
        return None
    name, where = place.partition("[")[0], table.at(place)
    kind = next((key for key in _ELSEWHERE if key in entry), None)
    if kind is not None:
        return elsewhere_row(name, kind, str(entry[kind]), where)
    try:
        text = _requirement(name, entry)
    except ValueError as error:
        asked = " ".join(f"{key} = {value!r}" for key, value in entry.items())
        return Row(text=f"{name}: {asked}", where=where, left_out=str(error), name=canonicalize_name(name))
    return requirement_row(text, where, _optional(name, entry, reader.extras))


def _requirement(name: str, entry: Mapping[str, object]) -> str:
    listed = entry.get("extras")
    extras = f"[{','.join(map(str, listed))}]" if isinstance(listed, list) and listed else ""
    marker = marker_of(entry)
    specifier = pep_440(str(entry.get("version") or "*"))
    return f"{name}{extras}{specifier}" + (f" ; {marker}" if marker else "")


def _optional(name: str, entry: Mapping[str, object], extras: Mapping[str, tuple[str, ...]]) -> str | None:
    if entry.get("optional") is not True:
        return None
    brought = ", ".join(code(extra) for extra in extras.get(canonicalize_name(name), ()))
    return f"optional, of the extra {brought}" if brought else "optional, of no extra"


def _groups(reader: _Reader, urls: Mapping[str, Pointer]) -> Iterator[Row]:
    """Groups that poetry installs by itself, less those that are for working on the code."""
    groups = reader.table.below("group")
    tables = {name: groups.below(name) for name in groups.data}
    rows = [
        (name, each.below("dependencies"), each.data.get("optional") is True) for name, each in tables.items()
    ]
    if "dev-dependencies" in reader.table.data:
        rows.append(("dev", reader.table.below("dev-dependencies"), False))
    for name, dependencies, optional in rows:
        _route(dependencies, urls, reader.asking)
        left_out = f"the group {code(name)}" if optional or is_for_work(name) else None
        yield from _dependencies(dependencies, reader, left_out)


def _urls(table: Table) -> dict[str, Pointer]:
    primary = _primary(table)
    found: dict[str, Pointer] = {}
    for row in table.tables("source"):
        name, url = row.text("name", patterns.ANY_TEXT), row.text("url", patterns.ANY_TEXT)
        if name is None or url is None:  # `PyPI` has no URL
            continue
        priority = "default" if row.data.get("default") is True else str(row.data.get("priority", "primary"))
        found[name.lower()] = Pointer(
            url=url,
            where=row.at("url"),
            name=name,
            everything=priority in _FOR_EVERYTHING,
            replaces=name.lower() == primary,
        )
    return found


def _primary(table: Table) -> str | None:
    """poetry: the first of the primary sources goes before the built-in index, and takes its place."""
    for row in table.tables("source"):
        priority = "default" if row.data.get("default") is True else row.data.get("priority", "primary")
        url = str(row.data.get("url") or "")
        if priority in ("primary", "default") and cuda_of_url(url) is None:
            return str(row.data.get("name", "")).lower()
    return None


def _add_sources(urls: Mapping[str, Pointer], asking: Asking) -> None:
    for pointer in urls.values():
        if not pointer.everything and cuda_of_url(pointer.url) is not None:
            continue  # an explicit part of the PyTorch index counts only where a dependency names it
        add_index(pointer, asking)


def _route(dependencies: Table, urls: Mapping[str, Pointer], asking: Asking) -> None:
    """`source = "company"` of a dependency: its index, and its CUDA where that is PyTorch's."""
    for name, where, index in _sourced(dependencies):
        pointer = urls.get(index.lower())
        if pointer is None:
            if index.lower() != _BUILT_IN:
                missing = f"there is no source {code(index)} in [[tool.poetry.source]]"
                asking.note(where, f"not carried over: {missing}")
            continue
        named = add_index(replace(pointer, where=where, everything=False), asking)
        if named is not None:
            route(name, named, where, asking)


def _sourced(dependencies: Table) -> Iterable[tuple[str, str, str]]:
    for name, value in dependencies.data.items():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and isinstance(entry.get("source"), str):
                yield name, dependencies.at(name), entry["source"]
