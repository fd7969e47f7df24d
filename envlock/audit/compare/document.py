"""A comparison as `--json` prints it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from envlock.audit.compare.model import Compared, Comparison, Measured, Rebuild, Weight

_MOST_FILES = 100


def document(comparison: Comparison) -> dict[str, Any]:
    return {
        "schema": "envlock.compare/1",
        "project": comparison.project,
        "platform": comparison.platform,
        "runtime_hash": comparison.runtime,
        "host": asdict(comparison.host) if comparison.host is not None else None,
        "routes": [_route(each) for each in comparison.routes],
    }


def _route(compared: Compared) -> dict[str, Any]:
    return {
        "route": str(compared.route),
        "pins": [asdict(pin) for pin in compared.pins],
        "needs": [asdict(need) for need in compared.needs],
        "weight": _weight(compared.weight),
        "fault": asdict(compared.fault) if compared.fault is not None else None,
        "measured": _measured(compared.measured) if compared.measured is not None else None,
    }


def _weight(weight: Weight) -> dict[str, Any]:
    return {
        "download": weight.download,
        "unpacked": weight.unpacked,
        "cuda_twice": weight.cuda_twice,
        "unknown": list(weight.unknown),
        "shares": [asdict(share) for share in weight.shares],
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "cold_seconds": round(measured.cold, 2),
        "warm_seconds": round(measured.warm, 2),
        "verify_seconds": round(measured.verify, 2),
        "disk": measured.disk,
        "verdict": str(measured.report.verdict),
        "runtime_hash": measured.report.observed,
        "rebuild": _rebuild(measured.rebuild),
    }


def _rebuild(rebuild: Rebuild) -> dict[str, Any]:
    return {
        "digests": [rebuild.first, rebuild.second] if rebuild.first is not None else None,
        "same_digest": rebuild.same_digest,
        "times_only": rebuild.times_only,
        "changed": len(rebuild.changes),
        "kinds": dict(sorted(Counter(change.kind for change in rebuild.changes).items())),
        "files": [asdict(change) for change in rebuild.changes[:_MOST_FILES]],
    }
