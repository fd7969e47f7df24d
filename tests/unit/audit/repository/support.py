"""A repository written down in a test, and what is found in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envlock.api.auditing import Audit, AuditRequest, audit

DIGEST = "sha256:" + "0" * 64


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def audited(root: Path, files: Mapping[str, str]) -> Audit:
    return audit(AuditRequest(path=write(root, files)), environment={})


def told(root: Path, files: Mapping[str, str]) -> list[str]:
    """`rule place: message` of each finding."""
    found = audited(root, files).findings
    return [f"{each.rule.id} {each.hit.place}: {each.hit.message}" for each in found]


def rules(root: Path, files: Mapping[str, str]) -> set[str]:
    return {each.rule.id for each in audited(root, files).findings}
