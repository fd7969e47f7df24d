"""A repository -> findings, without running it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from envlock.audit.repository import Audit, judge, read_repository
from envlock.audit.repository.text import Look, render

__all__ = ["Audit", "AuditRequest", "Look", "audit", "render"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRequest:
    """`path`: a folder, or one file of it."""

    path: Path


def audit(request: AuditRequest) -> Audit:
    """Judge a repository. Nothing of it is run, nothing is fetched.

    Raises UsageFault where there is nothing at `path`, InvalidInput for a single file that is broken.
    """
    return judge(read_repository(request.path))
