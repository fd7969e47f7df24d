"""Observe a target and judge it against a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envlock.agent.facts import Facts
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.observe import LocalTarget, expectation_of, observe_local, read_facts
from envlock.report import Report
from envlock.resolve.wheels.entries import EntryCache
from envlock.verify import Judgement, judge
from envlock.verify.platform import locked_platform

__all__ = ["How", "VerifyRequest", "judge_facts", "locked_platform", "verify", "verify_facts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How strictly a target is judged. `platform` None: that of the target."""

    strict: bool = False
    require_gpu: bool = False
    in_job: bool = False
    platform: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyRequest:
    """A prefix that is visible from here, and the lockfile that it is held against.

    `cache` is envlock's cache directory: without it every pass is a full one, and a RECORD that was
    edited to match is named without the file.
    """

    lock: Path
    prefix: Path
    environment: Mapping[str, str]
    level: str = "warm"
    cache: Path | None = None
    how: How = field(default_factory=How)


def verify(request: VerifyRequest) -> Report:
    """Compare an environment with its lock. Raises LockfileInvalid, CouldNotTell."""
    from envlock.agent.host import platform_name

    lock = read_lock(request.lock)
    platform = locked_platform(lock, request.how.platform or platform_name())
    facts = observe_local(
        LocalTarget(
            prefix=request.prefix,
            level=request.level,
            environment=request.environment,
            expectation=expectation_of(lock, platform),
            cache=request.cache,
        )
    )
    return judge_facts(lock, facts, platform, request.how, request.cache)


def verify_facts(lock: Path, facts: Path, *, how: How | None = None, cache: Path | None = None) -> Report:
    """Judge a facts document that an agent printed on another host. Raises as `verify` does."""
    how = how or How()
    locked = read_lock(lock)
    document = read_facts(facts)
    platform = locked_platform(locked, how.platform or document["host"].get("platform", ""))
    return judge_facts(locked, document, platform, how, cache)


def judge_facts(lock: Lock, facts: Facts, platform: str, how: How, cache: Path | None) -> Report:
    entries = EntryCache(directory=cache).entries if cache is not None else _no_entries
    return judge(
        lock,
        facts,
        Judgement(
            platform=platform,
            entries=entries,
            strict=how.strict,
            require_gpu=how.require_gpu,
            in_job=how.in_job,
        ),
    )


def _no_entries(_digest: str) -> bytes | None:
    return None
