"""Verify an environment, and then what a process of it has really loaded."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from envlock.agent.facts import Facts
from envlock.agent.installed import relative_to_prefix
from envlock.agent.mapped import LoadedFacts
from envlock.agent.prefix import prefix_of_executable
from envlock.api.verifying import How, VerifyRequest, judged
from envlock.errors import CouldNotTell
from envlock.lock.file import read_lock
from envlock.observe.loaded import Job, LoadTarget, find_job, observe_job, observe_loaded
from envlock.report import Report, finding_order
from envlock.report.model import verdict_of
from envlock.verify.loaded import CACHES, Owners, judge_loaded

LEVEL = "loaded"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningRequest:
    """A running process and the lockfile that it is held against. `prefix` None: that of its Python."""

    lock: Path
    pid: int
    prefix: Path | None = None
    cache: Path | None = None
    how: How = field(default_factory=How)


def verify_loaded(request: VerifyRequest) -> Report:
    """Verify every byte, then what a fresh process of the environment loads when it imports what is locked.

    It imports `torch` where that is locked, else each locked package that has libraries, under the request's
    environment with the lock's settings. Raises LockfileInvalid, CouldNotTell.
    """
    report, facts = judged(replace(request, level="warm"))
    environment = {**request.environment, **read_lock(request.lock).settings}
    target = LoadTarget(python=_python(request.prefix), environment=environment, names=names_to_import(facts))
    return _with(report, facts, observe_loaded(target), environment)


def verify_running(request: RunningRequest) -> Report:
    """Verify the environment of a running process, under that process's own variables, and what it has
    loaded now. Raises LockfileInvalid, CouldNotTell."""
    job = find_job(request.pid)
    target = VerifyRequest(
        lock=request.lock,
        prefix=request.prefix or _prefix_of(job),
        environment=job.environment,
        cache=request.cache,
        how=replace(request.how, in_job=True),
    )
    report, facts = judged(target)
    return _with(report, facts, observe_job(request.pid), job.environment)


def names_to_import(facts: Facts) -> tuple[str, ...]:
    """`torch`, or what else of the locked packages has libraries.

    Folders that only hold libraries (`numpy.libs`, `nvidia`) are none; neither is what starts with `_`.
    """
    packages = {
        name
        for item in facts["distributions"]
        if item["digest"] is not None
        for name in item["top_level"]
        if name.isidentifier() and not name.startswith("_")
    }
    sites = sorted({f"{item['directory']}/" for item in facts["distributions"]})
    inside = [
        path[len(site) :].split("/", 1)[0].split(".", 1)[0]
        for path in facts["library_files"]
        for site in sites
        if path.startswith(site) and not path[len(site) :].startswith("nvidia/")
    ]
    native = packages.intersection(inside)
    return ("torch",) if "torch" in native else tuple(sorted(native))


def _prefix_of(job: Job) -> Path:
    if job.python is None:
        raise CouldNotTell(
            f"process {job.pid} does not say which environment it belongs to",
            hint="`--prefix DIR` names it",
        )
    return Path(prefix_of_executable(job.python))


def _python(prefix: Path) -> Path:
    found = next((path for name in ("python3", "python") if (path := prefix / "bin" / name).exists()), None)
    if found is None:
        raise CouldNotTell(f"there is no Python in `{prefix}` to import anything with")
    return found.absolute()


def _with(report: Report, facts: Facts, loaded: LoadedFacts, environment: Mapping[str, str]) -> Report:
    whole, findings = judge_loaded(facts, loaded, _owners(facts, environment))
    together = tuple(sorted((*report.findings, *findings), key=finding_order))
    return replace(report, level=LEVEL, findings=together, verdict=verdict_of(together), loaded=whole)


def _owners(facts: Facts, environment: Mapping[str, str]) -> Owners:
    python = facts["python"]
    executable = python["executable"] if python is not None else None
    return Owners(
        locked={
            os.path.realpath(path): relative_to_prefix(path, facts["prefix"])
            for path in facts["library_files"]
        },
        executable=os.path.realpath(executable) if executable else "",
        base_prefix=os.path.realpath(python["base_prefix"]) if python is not None else "",
        prefix=os.path.realpath(facts["prefix"]),
        caches=tuple(
            posixpath.join(os.path.realpath(value), "")
            for name in CACHES
            if (value := environment.get(name, "")).startswith("/")
        ),
    )
