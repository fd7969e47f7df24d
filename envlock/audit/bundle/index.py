"""`bundle.json`, written and read. What is read is untrusted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from envlock.audit.bundle.model import INDEX, SCHEMA, Index, Kind, Row
from envlock.errors import BundleInvalid
from envlock.lock import patterns
from envlock.manifest import patterns as manifest_patterns
from envlock.manifest.tables import Faults, Table, rule

# No part begins with a dot or a dash: nothing leads out of the folder, nothing looks like an option.
PATH = rule(
    r"(?=[^\n]{1,400}\Z)[A-Za-z0-9_][A-Za-z0-9_.+!@~-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+!@~-]*)*",
    "a path below the bundle, of plain characters",
)
_KIND = rule("|".join(Kind), "a kind of file that a bundle has")
_SCHEMA = rule(r"envlock\.bundle/1", f"`{SCHEMA}`; a newer envlock may read it")
_RUNTIMES = ("wheels", "conda")


def index_bytes(index: Index) -> bytes:
    document = {
        "schema": SCHEMA,
        "lock": index.lock,
        "platforms": list(index.platforms),
        "runtime": {name: dict(hashes) for name, hashes in index.runtime.items()},
        "files": [
            {"path": row.path, "kind": str(row.kind), "sha256": row.sha256, "size": row.size}
            for row in index.files
        ],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def read_index(content: bytes) -> Index:
    """Raises BundleInvalid with every fault."""
    faults = Faults()
    table = Table(file=INDEX, path="", data=_document(content), faults=faults)
    table.require(("schema", "lock", "platforms", "runtime", "files"))
    table.text("schema", _SCHEMA)
    index = Index(
        lock=table.text("lock", PATH) or "",
        platforms=table.texts("platforms", manifest_patterns.PLATFORM) or (),
        runtime=_runtime(table),
        files=tuple(_row(each) for each in table.tables("files")),
    )
    _judge(index, table)
    faults.raise_if_any(BundleInvalid, INDEX)
    return index


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleInvalid("it is no JSON", where=INDEX) from error
    if not isinstance(document, dict):
        raise BundleInvalid("it is no JSON object", where=INDEX)
    return document


def _runtime(table: Table) -> dict[str, dict[str, str]]:
    runtime = table.table("runtime")
    found: dict[str, dict[str, str]] = {}
    for name in sorted(runtime.data) if runtime is not None else ():
        hashes = runtime.table(name) if runtime is not None else None
        if hashes is not None:
            hashes.only(_RUNTIMES)
            texts = {key: hashes.text(key, patterns.RUNTIME_HASH) for key in _RUNTIMES}
            found[name] = {key: text for key, text in texts.items() if text is not None}
    return found


def _row(table: Table) -> Row:
    table.require(("path", "kind", "sha256", "size"))
    return Row(
        path=table.text("path", PATH) or "",
        kind=Kind(table.text("kind", _KIND) or Kind.README),
        sha256=table.text("sha256", patterns.SHA256) or "",
        size=table.integer("size") or 0,
    )


def _judge(index: Index, table: Table) -> None:
    for path, count in Counter(row.path for row in index.files).items():
        if count > 1:
            table.fault("files", f"`{path}` is there twice")
        if path == INDEX:
            table.fault("files", f"`{INDEX}` lists itself")
    if index.lock and not any((row.path, row.kind) == (index.lock, Kind.LOCK) for row in index.files):
        table.fault("lock", f"`{index.lock}` is not among the files")
