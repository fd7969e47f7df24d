"""`sync --conda --repair`: put back the files of conda packages that differ, from proved archives."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from envlock.install.conda.archives import fetch_archives
from envlock.install.conda.place import Placing
from envlock.install.conda.plan import plan_repair
from envlock.install.conda.stage import stage
from envlock.install.conda.workshop import workshop
from envlock.install.model import Left, RepairRequest, RepairResult
from envlock.resolve.model import OnEvent, no_events


def repair_conda(request: RepairRequest, archives: Path, on_event: OnEvent = no_events) -> RepairResult:
    """Restore what `request.facts` show of conda packages. Packages that are not locked are left alone.

    Killed at any point, it can be run again. Raises SourceFailed, HashMismatch, ToolFailed, DiskFailed.
    """
    prefix = Path(os.path.abspath(request.venv))  # noqa: PTH100 - links stay
    request = replace(request, venv=prefix)
    facts = request.facts["conda"]
    packages = {package.name: package for package in request.lock.conda_on(request.platform)}
    if facts is None or not packages:
        return RepairResult(repaired=(), left=())
    strangers = tuple(
        Left(path=item["record"], reason=f"is the record of {item['name']}, which is not locked")
        for item in facts["packages"]
        if item["name"] not in packages
    )
    plan = plan_repair(facts, packages)
    if not plan.place:
        return RepairResult(repaired=(), left=strangers)
    with workshop(prefix) as folder:
        staged = folder / "prefix"
        stage(fetch_archives(plan.staged, request.supply, archives, on_event), staged, prefix, on_event)
        placing = Placing(prefix, staged)
        placing.place(plan.place)
    return RepairResult(repaired=tuple(placing.placed), left=(*strangers, *placing.left))
