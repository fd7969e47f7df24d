"""Reading the values of a lockfile's tables: what the parts of the reader share."""

from __future__ import annotations

from envlock.manifest import patterns as manifest_patterns
from envlock.manifest.tables import Rule, Table, code


def text(table: Table, key: str, wanted: Rule) -> str:
    """The text at `key`; empty where there is a fault, which `require` or the rule has told."""
    return table.text(key, wanted) or ""


def sorted_texts(table: Table, key: str, wanted: Rule) -> tuple[str, ...]:
    values = sorted(table.texts(key, wanted) or ())
    for value in {value for value in values if values.count(value) > 1}:
        table.fault(key, f"{code(value)} is there twice")
    return tuple(values)


def per_platform(table: Table, key: str) -> dict[str, Table]:
    rows = table.below(key)
    known = (name for name in rows.data if rows.admits_key(name, manifest_patterns.PLATFORM))
    return {name: row for name in known if (row := rows.table(name)) is not None}
