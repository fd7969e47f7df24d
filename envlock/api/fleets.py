"""Many hosts against one lock: facts from files, or through an engine that starts the agent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from envlock.agent.expect import Expectation
from envlock.api.verifying import How, judge_facts
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.observe import expectation_of
from envlock.observe.answers import Answer, answers_in_files
from envlock.observe.document import checked
from envlock.observe.launcher import Launch, Launched, order_of
from envlock.report import Report
from envlock.report.fleet import FleetReport
from envlock.verify.fleet import ExpectedHosts, judge_fleet
from envlock.verify.platform import locked_platform

__all__ = ["ExpectedHosts", "FleetRequest", "Reach", "verify_documents", "verify_launched", "verify_ray"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetRequest:
    """A lockfile, and what is expected of the hosts that are held against it. `cache` as for `verify`."""

    lock: Path
    expected: ExpectedHosts = field(default_factory=ExpectedHosts)
    how: How = field(default_factory=How)
    cache: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How the hosts are reached: see observe/launcher.py."""

    command: str
    environment: Mapping[str, str]
    level: str = "content"
    prefix: str | None = None
    shared: Path | None = None
    python: str = "python3"
    timeout_seconds: float = 600.0


def verify_documents(request: FleetRequest, files: Sequence[Path]) -> FleetReport:
    """Judge facts documents: files with one, or one a line (*.jsonl), or directories of them.

    Raises LockfileInvalid. A document that cannot be read is a host that is incomplete.
    """
    return _judged(request, read_lock(request.lock), answers_in_files(files))


def verify_launched(request: FleetRequest, reach: Reach) -> FleetReport:
    """Run the agent on every host that an engine reaches, and judge what comes back.

    Raises LockfileInvalid, UsageFault, ToolMissing, ToolFailed, DiskFailed.
    """
    lock = read_lock(request.lock)
    launched = Launched(launch=_launch(lock, reach))
    return _judged(request, lock, launched.answers(), lambda: launched.faults)


def verify_ray(request: FleetRequest, reach: Reach) -> FleetReport:
    """Run the agent on every node of the Ray cluster whose address is `reach.command`, and judge.

    Raises LockfileInvalid, ToolMissing without Ray, CouldNotTell without a cluster.
    """
    from envlock.observe.ray_cluster import RayCluster

    lock = read_lock(request.lock)
    order = order_of(_launch(lock, reach), os.urandom(16).hex())
    cluster = RayCluster(address=reach.command, order=order, timeout_seconds=reach.timeout_seconds)
    return _judged(request, lock, cluster.answers())


def _launch(lock: Lock, reach: Reach) -> Launch:
    return Launch(
        command=reach.command,
        expectations=expectations_of(lock),
        environment=reach.environment,
        level=reach.level,
        prefix=reach.prefix,
        shared=reach.shared,
        python=reach.python,
        timeout_seconds=reach.timeout_seconds,
    )


def expectations_of(lock: Lock) -> Mapping[str, Expectation]:
    return {platform: expectation_of(lock, platform) for platform in lock.platforms}


def _judged(
    request: FleetRequest,
    lock: Lock,
    answers: Iterable[Answer],
    faults: Callable[[], Sequence[str]] = tuple,
) -> FleetReport:
    started = time.monotonic()

    def judged(document: Any) -> Report:
        facts = checked(document)
        platform = locked_platform(lock, request.how.platform or facts["host"].get("platform", ""))
        return judge_facts(lock, facts, platform, request.how, request.cache)

    report = judge_fleet(answers, judged, request.expected, faults)
    return replace(report, timing={"total_seconds": round(time.monotonic() - started, 4)})
