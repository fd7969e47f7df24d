"""Documents that come from elsewhere, read strictly: reports of `verify --json`, receipts of `run`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

from envlock.audit.evidence.model import NumbersSeen, ProbeRow, SeenReceipt, SeenReport
from envlock.errors import InvalidInput
from envlock.observe.document import check
from envlock.report import Finding, Verdict
from envlock.run import receipt as receipts

REPORT_SCHEMA = "envlock.verify/1"
SIGNATURE = ".sig"
_MOST_BYTES = 64 << 20
_MOST_SIGNATURE = 64 << 10
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RUNTIME = re.compile(r"rt1:[0-9a-f]{64}")


class _Hashes(TypedDict):
    expected: str | None
    observed: str | None


class _Finding(TypedDict):
    code: str
    severity: str
    component: str
    path: str | None
    expected: str | None
    observed: str | None
    message: str
    hint: str | None


class _Report(TypedDict):
    schema: str
    verdict: str
    runtime_hash: _Hashes
    level: str | None
    target: str
    findings: list[_Finding]
    counts: dict[str, int]
    timing: dict[str, float]


class _Probe(TypedDict):
    probe: str
    changed_percent: float
    median_ulp: float | None
    max_relative: float | None
    restored_by: str | None


_Numerics = TypedDict(
    "_Numerics",
    {"class": str, "reference": str, "host": dict[str, str], "equal": int, "differing": list[_Probe]},
)
_Kind = TypeVar("_Kind")


def stored_name(room: str, number: int, path: Path) -> str:
    """The name that a document gets in the folder: told apart by a number, safe in every file system.

    >>> stored_name("reports", 1, Path("/x/node 7<b>.json"))
    'reports/1-node-7-b.json'
    """
    stem = _UNSAFE.sub("-", path.name.removesuffix(".json")).strip("-.")[:80]
    return f"{room}/{number}-{stem or 'document'}.json"


def read_document(path: Path) -> tuple[bytes, bytes | None]:
    """The bytes of a document, and of the signature `PATH.sig` where one lies. Raises InvalidInput."""
    beside = path.with_name(path.name + SIGNATURE)
    return _bytes(path, _MOST_BYTES), _bytes(beside, _MOST_SIGNATURE) if beside.exists() else None


def parse_report(name: str, data: bytes, signature: bytes | None = None) -> SeenReport:
    """A `verify --json` document. Raises ValueError naming the first value that is not as it must be."""
    whole = _document(data, REPORT_SCHEMA, _Report)
    report = cast(_Report, whole)
    hashes = report["runtime_hash"]
    for value in hashes.values():
        if value is not None and not _RUNTIME.fullmatch(str(value)):
            raise ValueError(f"`{value}` is no runtime hash")
    return SeenReport(
        name=name,
        data=data,
        verdict=Verdict(report["verdict"]),
        expected=hashes["expected"],
        observed=hashes["observed"],
        level=report["level"],
        target=report["target"],
        findings=tuple(_finding(row) for row in report["findings"]),
        files=report["counts"].get("files", 0),
        size_bytes=report["counts"].get("bytes", 0),
        numerics=_numerics(whole.get("numerics")),
        signature=signature,
    )


def parse_receipt(name: str, data: bytes, signature: bytes | None = None) -> SeenReceipt:
    """A receipt. Raises ValueError naming the first value that is not as it must be."""
    found = cast(receipts.Receipt, _document(data, receipts.SCHEMA, receipts.Receipt))
    return SeenReceipt(name=name, data=data, receipt=found, signature=signature)


def _document(data: bytes, schema: str, kind: Any) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise ValueError(f"its schema is not `{schema}`")
    check(document, kind)
    return document


def _finding(row: _Finding) -> Finding:
    keys = _Finding.__annotations__
    return Finding.from_json({key: value for key, value in row.items() if key in keys})


def _numerics(found: Any) -> NumbersSeen | None:
    if found is None:
        return None
    check(found, _Numerics, "numerics")
    rows = tuple(
        ProbeRow(
            name=row["probe"],
            changed_percent=row["changed_percent"],
            median_ulp=row["median_ulp"],
            max_relative=row["max_relative"],
            cause=row["restored_by"],
        )
        for row in found["differing"]
    )
    host: Mapping[str, str] = found["host"]
    return NumbersSeen(
        class_name=found["class"],
        reference=found["reference"],
        host=host,
        equal=found["equal"],
        differing=rows,
    )


def _bytes(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise InvalidInput("the document is larger than any of its kind", where=str(path))
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInput(f"the document cannot be read: {reason.lower()}", where=str(path)) from error
