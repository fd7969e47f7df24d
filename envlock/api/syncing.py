"""Make an environment from a lock, or put back what differs; then look at every byte of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from envlock.agent.host import platform_name
from envlock.agent.target import Answers
from envlock.api.sources import sources_beside, stale_beside
from envlock.api.verifying import How, judge_facts, locked_platform
from envlock.errors import CouldNotTell
from envlock.install.model import RepairRequest, RepairResult, Supply, SyncRequest, SyncResult
from envlock.install.venv import sync as sync_venv
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.observe import LocalTarget, expectation_of, observe_local
from envlock.report import Finding, Report, Severity
from envlock.resolve.model import Event, OnEvent, no_events
from envlock.resolve.wheels.entries import EntryCache


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOrder:
    """What is to be made where. `cache` is envlock's cache directory; `python` an interpreter or version for
    an environment that is still to be made; `wheelhouse` a folder of wheels, and of conda packages, instead
    of the indexes. `conda`: `venv` is a conda prefix, with the conda packages of the lock."""

    lock: Path
    venv: Path
    environment: Mapping[str, str]
    cache: Path
    python: str | None = None
    link_mode: str | None = None
    wheelhouse: Path | None = None
    conda: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What every byte of the environment looks like afterwards, and how much of it the lock has. `stale` is
    why the lock is no longer that of the manifest beside it (empty: it is, or none is there); `not_run` are
    conda packages that have scripts of their own, which conda would run."""

    report: Report
    locked_files: int
    locked_bytes: int
    stale: tuple[str, ...]
    not_run: tuple[str, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        return faults_of(self.report)


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOutcome(Outcome):
    """With what was installed and removed."""

    result: SyncResult


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairOutcome(Outcome):
    """With what was put back and what was left alone."""

    result: RepairResult


def sync(order: SyncOrder, on_event: OnEvent = no_events) -> SyncOutcome:
    """Make an environment what its lock says, then verify it at level content.

    Raises what `envlock.install.sync` raises, LockfileInvalid, CouldNotTell, and RecordLies where a wheel
    that was just installed does not hold what its RECORD told the lock.
    """
    lock = read_lock(order.lock)
    platform = Platform(locked_platform(lock, platform_name()))
    request = SyncRequest(
        lock=lock,
        platform=platform,
        venv=order.venv,
        supply=_supply(order),
        cache=EntryCache(directory=order.cache),
        python=order.python,
        link_mode=order.link_mode,
    )
    result = _sync_conda(request, order.cache, on_event) if order.conda else sync_venv(request, on_event)
    on_event(Event(step="verify"))
    outcome = SyncOutcome(result=result, **_afterwards(order, lock, platform, request.answers))
    differing = _differing(outcome)
    if differing:
        from envlock.install.proof import prove_records

        prove_records(lock, platform, differing, request.supply)
    return outcome


def _sync_conda(request: SyncRequest, cache: Path, on_event: OnEvent) -> SyncResult:
    from envlock.install.conda import sync_conda

    return sync_conda(request, cache, on_event)


def _differing(outcome: SyncOutcome) -> tuple[str, ...]:
    """Distributions that were installed a moment ago and have other files than the lock says."""
    fresh = {installed.split("==")[0] for installed in outcome.result.installed}
    found = {
        finding.component.removeprefix("distribution:")
        for finding in outcome.faults
        if finding.code in ("file-differs", "file-missing")
    }
    return tuple(sorted(fresh & found))


def repair(order: SyncOrder, on_event: OnEvent = no_events) -> RepairOutcome:
    """Put back what differs from the lock, then verify at level content. Foreign files are left alone.

    Raises what `envlock.install.repair` raises, and LockfileInvalid, CouldNotTell.
    """
    from envlock.install.repair import repair as repair_venv

    lock = read_lock(order.lock)
    if not order.venv.exists():
        raise CouldNotTell(
            f"there is no environment at `{order.venv}` to repair", hint="`envlock sync` makes it"
        )
    platform, answers = Platform(locked_platform(lock, platform_name())), Answers()
    request = _repair_request(order, lock, platform, answers, on_event)
    conda = RepairResult(repaired=(), left=())
    if request.facts["conda"] is not None:
        from envlock.install.conda import repair_conda

        conda = repair_conda(request, order.cache, on_event)
        if conda.repaired:
            request = _repair_request(order, lock, platform, answers, on_event)
    on_event(Event(step="repair"))
    wheels = repair_venv(request)
    result = RepairResult(repaired=(*conda.repaired, *wheels.repaired), left=(*conda.left, *wheels.left))
    on_event(Event(step="verify"))
    return RepairOutcome(result=result, **_afterwards(order, lock, platform, answers))


def _repair_request(
    order: SyncOrder, lock: Lock, platform: Platform, answers: Answers, on_event: OnEvent
) -> RepairRequest:
    on_event(Event(step="verify"))
    return RepairRequest(
        lock=lock,
        platform=platform,
        venv=order.venv,
        facts=observe_local(_target(order, lock, platform, answers)),
        supply=_supply(order),
        cache=EntryCache(directory=order.cache),
        answers=answers,
    )


def faults_of(report: Report) -> tuple[Finding, ...]:
    """What is wrong with the environment itself; the shell that syncs it is not judged."""
    return tuple(
        finding
        for finding in report.findings
        if finding.severity not in (Severity.NOTE, Severity.INCOMPATIBLE)
        and not finding.component.startswith(("setting:", "environment:", "path:PYTHONPATH"))
    )


def _supply(order: SyncOrder) -> Supply:
    sources = sources_beside(order.lock, order.environment)
    return Supply(sources=sources, environment=order.environment, wheelhouse=order.wheelhouse)


def _target(order: SyncOrder, lock: Lock, platform: str, answers: Answers) -> LocalTarget:
    return LocalTarget(
        prefix=order.venv,
        level="content",
        environment=order.environment,
        expectation=expectation_of(lock, platform),
        cache=order.cache,
        answers=answers,
    )


class _Afterwards(TypedDict):
    report: Report
    locked_files: int
    locked_bytes: int
    stale: tuple[str, ...]
    not_run: tuple[str, ...]


def _afterwards(order: SyncOrder, lock: Lock, platform: str, answers: Answers) -> _Afterwards:
    facts = observe_local(_target(order, lock, platform, answers))
    wheels = [wheel for _, wheel in lock.on(platform)]
    counts = {"files": sum(w.files for w in wheels), "bytes": sum(w.unpacked for w in wheels)}
    if facts["conda"] is not None:
        counts = facts["counts"]  # the lock does not count the files of conda packages
    return _Afterwards(
        report=judge_facts(lock, facts, platform, How(), order.cache),
        locked_files=counts["files"],
        locked_bytes=counts["bytes"],
        stale=stale_beside(order.lock, lock, order.environment),
        not_run=_not_run(lock, platform) if facts["conda"] is not None else (),
    )


def _not_run(lock: Lock, platform: str) -> tuple[str, ...]:
    return tuple(package.name for package in lock.conda_on(platform) if package.link_scripts)
