"""Check evidence that others wrote, of one folder or of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from envlock.audit.evidence.check import Checked, check_folder
from envlock.audit.evidence.opened import open_evidence
from envlock.audit.evidence.signing import Signer
from envlock.audit.evidence.witnesses import Quorum, quorum
from envlock.report import Finding, Verdict
from envlock.report.model import verdict_of

__all__ = ["Checked", "EvidenceCheck", "Quorum", "Signer", "check_evidence"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceCheck:
    """`findings` are those of all folders and of the quorum; `component` begins with the folder where there
    are several. `quorum` None: none was asked for."""

    verdict: Verdict
    folders: tuple[Checked, ...]
    quorum: Quorum | None
    findings: tuple[Finding, ...]


def check_evidence(
    paths: Sequence[Path], *, allowed: Path | None = None, needed: int | None = None
) -> EvidenceCheck:
    """Check folders or archives of evidence, and count who stands for them.

    Raises EvidenceInvalid, ToolMissing where ssh-keygen is needed, CouldNotTell.
    """
    folders = tuple(check_folder(open_evidence(path), allowed) for path in paths)
    found = quorum(folders, needed, allowed) if needed is not None else None
    findings = [_placed(row, folder, len(folders)) for folder in folders for row in folder.findings]
    findings += found.findings if found is not None else ()
    whole = tuple(findings)
    return EvidenceCheck(verdict=verdict_of(whole), folders=folders, quorum=found, findings=whole)


def _placed(finding: Finding, folder: Checked, count: int) -> Finding:
    return finding if count == 1 else replace(finding, component=f"{folder.place}/{finding.component}")
