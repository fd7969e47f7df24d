"""The judgement as SARIF 2.1.0 (OASIS), as code scanning reads it."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from envlock.audit.repository.judge import Audit
from envlock.audit.repository.model import Finding, Level, Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://github.com/torch-envlock/torch-envlock"
_RULES = f"{_HOME}/blob/main/docs/audit-rules.md"
# SARIF 2.1.0, 3.27.10: "none", "note", "warning", "error".
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.UNKNOWN: "note", Level.NOTE: "note"}


def sarif(audit: Audit, rules: tuple[Rule, ...], version: str) -> dict[str, Any]:
    """One run with all rules and a result for each finding."""
    places = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "envlock audit",
        "version": version,
        "informationUri": _HOME,
        "rules": [_rule(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the folder that was judged"}}},
        "results": [_result(each, places[each.rule.id]) for each in audit.findings],
        "properties": {"grade": audit.grade.letter, "score": audit.grade.score},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.do},
        "helpUri": f"{_RULES}#{rule.id}",
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _result(finding: Finding, place: int) -> dict[str, Any]:
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": place,
        "level": _LEVELS[finding.level],
        "message": {"text": f"{finding.hit.message}. {finding.do}"},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {"envlock/1": _fingerprint(finding)},
    }


def _location(finding: Finding) -> dict[str, Any]:
    where = finding.hit.place
    return {
        "artifactLocation": {"uri": quote(where.file), "uriBaseId": "ROOT"},
        "region": {"startLine": where.line, "startColumn": where.column},
    }


def _fingerprint(finding: Finding) -> str:
    """The same while the finding moves up and down in its file."""
    text = "\0".join((finding.rule.id, finding.hit.place.file, finding.hit.message))
    return hashlib.sha256(text.encode()).hexdigest()
