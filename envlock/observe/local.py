"""A prefix that is visible from here, hashed by envlock's own interpreter (IDENTITY 9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.agent.expect import NOTHING, Expectation
from envlock.agent.facts import Facts
from envlock.agent.survey import Request, survey
from envlock.errors import CouldNotTell


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalTarget:
    """A prefix and how closely to look. `cache` is envlock's cache directory, None for no stat cache."""

    prefix: Path
    level: str
    environment: Mapping[str, str]
    expectation: Expectation = NOTHING
    cache: Path | None = None


def observe_local(target: LocalTarget) -> Facts:
    """Facts of a prefix. Raises CouldNotTell when there is no environment at all."""
    if not target.prefix.is_dir():
        raise CouldNotTell(
            f"there is no environment at `{target.prefix}`",
            hint="`envlock sync` makes one, `--prefix DIR` names another",
        )
    prefix = str(target.prefix.absolute())
    return survey(
        Request(
            prefix=prefix,
            level=target.level,
            expectation=target.expectation,
            environment=target.environment,
            cache=str(stat_cache(target.cache, prefix)) if target.cache is not None else None,
        )
    )


def stat_cache(cache: Path, prefix: str) -> Path:
    """Where the rows of a prefix are kept; a lock that is judged against another prefix has its own."""
    return cache / "warm" / (hashlib.sha256(prefix.encode()).hexdigest()[:32] + ".rows")
