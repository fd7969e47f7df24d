"""`[tool.uv]`: indexes, and the places that single distributions come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.init.indexes import NOT_READ, Pointer, add_index, cuda_of_url, route
from envlock.manifest.init.model import Asking, Said, VariantSaid
from envlock.manifest.instants import utc_instant
from envlock.manifest.requirement import without_credentials
from envlock.manifest.tables import Table, code

_ELSEWHERE = ("git", "path", "url", "workspace")
_CHANGES_PINS = ("override-dependencies", "constraint-dependencies", "dev-dependencies")
# Of linux-64, the platform that is locked unless another is asked for.
_LINUX = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """A dependency that comes from no index: `git`, and the address."""

    kind: str
    target: str
    where: str


def read_uv(table: Table, asking: Asking) -> dict[str, Elsewhere]:
    """Add what `[tool.uv]` says; the distributions that come from no index."""
    indexes = _indexes(table)
    elsewhere = dict(_sources(table, indexes, asking))
    for pointer in indexes.values():
        _add_unless_only_named(pointer, asking)
    for pointer in _legacy(table):
        add_index(pointer, asking)
    _add_limit(table, asking)
    for key in _CHANGES_PINS:
        if table.data.get(key):
            asking.note(table.at(key), NOT_READ)
    return elsewhere


def _indexes(table: Table) -> dict[str, Pointer]:
    found: dict[str, Pointer] = {}
    for number, row in enumerate(table.tables("index")):
        name, url = row.text("name", patterns.ANY_TEXT), row.text("url", patterns.ANY_TEXT)
        if url is not None:
            found[name or f"[{number}]"] = Pointer(
                url=url,
                where=row.at("url"),
                name=name,
                everything=row.data.get("explicit") is not True,
                replaces=row.data.get("default") is True,
            )
    return found


def _add_unless_only_named(pointer: Pointer, asking: Asking) -> None:
    """An explicit part of the PyTorch index counts only where a source names it."""
    if pointer.everything or cuda_of_url(pointer.url) is None:
        add_index(pointer, asking)


def _legacy(table: Table) -> Iterator[Pointer]:
    url = table.text("index-url", patterns.ANY_TEXT)
    if url is not None:
        yield Pointer(url=url, where=table.at("index-url"), everything=True, replaces=True)
    for url in table.texts("extra-index-url", patterns.ANY_TEXT) or ():
        yield Pointer(url=url, where=table.at("extra-index-url"), everything=True)


def _add_limit(table: Table, asking: Asking) -> None:
    value = table.data.get("exclude-newer")
    if value is None:
        return
    try:
        said = Said(value=utc_instant(value), where=table.at("exclude-newer"))
    except ValueError as error:
        asking.note(table.at("exclude-newer"), f"not read: it {error}")
    else:
        asking.exclude_newer.append(said)


def _sources(table: Table, indexes: Mapping[str, Pointer], asking: Asking) -> Iterator[tuple[str, Elsewhere]]:
    sources = table.below("sources")
    for name, value in sources.data.items():
        for entry in value if isinstance(value, list) else [value]:
            if not isinstance(entry, dict) or not _on_linux(entry):
                continue
            kind = next((key for key in _ELSEWHERE if entry.get(key)), None)
            if kind is not None:
                target = "" if kind == "workspace" else without_credentials(str(entry[kind]))
                yield canonicalize_name(name), Elsewhere(kind=kind, target=target, where=sources.at(name))
            elif isinstance(entry.get("index"), str):
                _from_index(name, entry, sources.at(name), indexes, asking)


def _from_index(
    name: str, entry: Mapping[str, object], where: str, indexes: Mapping[str, Pointer], asking: Asking
) -> None:
    pointer = indexes.get(str(entry["index"]))
    if pointer is None:
        missing = f"there is no index {code(str(entry['index']))} in [[tool.uv.index]]"
        asking.note(where, f"not carried over: {missing}")
        return
    cuda, extra = cuda_of_url(pointer.url), entry.get("extra")
    if cuda is not None and isinstance(extra, str):
        _add_variant(VariantSaid(extra=extra, cuda=cuda, where=where), asking)
        return  # without the extra, nothing comes from there
    given = Pointer(url=pointer.url, where=where, name=pointer.name, replaces=pointer.replaces)
    named = add_index(given, asking)
    if named is not None:
        route(name, named, where, asking)


def _add_variant(said: VariantSaid, asking: Asking) -> None:
    if all(each.extra != said.extra for each in asking.variants):
        asking.variants.append(said)


def _on_linux(entry: Mapping[str, object]) -> bool:
    text = entry.get("marker")
    if not isinstance(text, str):
        return True
    try:
        return Marker(text).evaluate({**_LINUX})
    except InvalidMarker:
        return True
