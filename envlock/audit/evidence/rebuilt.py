"""The evidence again, out of a folder of it: so that its pages can be drawn again, and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from envlock.audit.evidence import sbom
from envlock.audit.evidence.folder import LOCK
from envlock.audit.evidence.gather import runtimes
from envlock.audit.evidence.model import CarriedLibrary, Evidence, Installed, SeenReceipt, SeenReport
from envlock.audit.evidence.opened import Opened
from envlock.audit.evidence.statement import SIGNED
from envlock.lock.model import Lock
from envlock.observe.document import check


class _Property(TypedDict):
    name: str
    value: str


class _Hash(TypedDict):
    alg: str
    content: str


_Part = TypedDict("_Part", {"bom-ref": str, "name": str})


class _Library(TypedDict):
    hashes: list[_Hash]


def rebuild(
    told: Mapping[str, Any],
    opened: Opened,
    lock: Lock,
    reports: tuple[SeenReport, ...],
    receipts: tuple[SeenReceipt, ...],
) -> Evidence:
    """What the folder was written from; `told` is the predicate of its statement.

    Raises ValueError, KeyError, TypeError or AttributeError where the bill of materials is none.
    """
    return Evidence(
        title=told["title"],
        platform=told["platform"],
        lock=lock,
        lock_data=opened.files[LOCK],
        runtime=runtimes(lock, told["platform"]),
        reports=reports,
        receipts=receipts,
        host=told["host"],
        installed=_installed(json.loads(opened.files[sbom.NAME])),
        made=told["made"],
        is_signed=opened.statement == SIGNED,
    )


def _installed(bill: Mapping[str, Any]) -> dict[str, Installed]:
    """What the bill has out of dist-info folders."""
    found: dict[str, Installed] = {}
    for row in bill["components"]:
        check(row, _Part)
        facts, kinds = _facts(row), (sbom.wheel_ref, sbom.conda_ref)
        if sbom.READ in facts and row["bom-ref"] in {kind(row["name"]) for kind in kinds}:
            libraries = [_library(each) for each in row.get("components", ())]
            found[row["bom-ref"].removeprefix(sbom.wheel_ref(""))] = Installed(
                licences=tuple(sorted(facts.get(sbom.LICENCE, ()))),
                libraries=tuple(sorted(libraries, key=lambda each: each.path)),
            )
    return found


def _library(row: Mapping[str, Any]) -> CarriedLibrary:
    check(row, _Library)
    facts = _facts(row)
    return CarriedLibrary(
        path=facts[sbom.PATH][0],
        sha256=row["hashes"][0]["content"],
        cuda=facts.get(sbom.CUDA, [None])[0],
    )


def _facts(row: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in row.get("properties", ()):
        check(each, _Property)
        found.setdefault(each["name"], []).append(each["value"])
    return found
