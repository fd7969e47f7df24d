"""A prefix that is visible from here, hashed by envlock's own interpreter (IDENTITY 9)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.agent.expect import NOTHING, Expectation
from envlock.agent.facts import Facts
from envlock.agent.survey import Request, survey
from envlock.agent.target import Answers
from envlock.errors import CouldNotTell


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalTarget:
    """A prefix and how closely to look. `cache` is envlock's cache directory, None for no stat cache;
    `answers` what interpreters said earlier in this run."""

    prefix: Path
    level: str
    environment: Mapping[str, str]
    expectation: Expectation = NOTHING
    cache: Path | None = None
    answers: Answers | None = None


def observe_local(target: LocalTarget) -> Facts:
    """Facts of a prefix. Raises CouldNotTell when there is no environment at all."""
    prefix = _plain(target.prefix)
    if not _is_environment(prefix):
        what = "no bin/python and no pyvenv.cfg in" if prefix.is_dir() else "no environment at"
        raise CouldNotTell(
            f"there is {what} `{target.prefix}`",
            hint="`envlock sync` makes one, `--prefix DIR` names another",
        )
    return survey(
        Request(
            prefix=str(prefix),
            level=target.level,
            expectation=target.expectation,
            environment=target.environment,
            cache=str(stat_cache(target.cache, str(prefix))) if target.cache is not None else None,
            answers=target.answers,
        )
    )


def stat_cache(cache: Path, prefix: str) -> Path:
    """Where the rows of a prefix are kept; a lock that is judged against another prefix has its own."""
    return cache / "warm" / (hashlib.sha256(prefix.encode()).hexdigest()[:32] + ".rows")


def _plain(prefix: Path) -> Path:
    """The prefix as its scripts and links write it: absolute and without `..`, other links kept."""
    whole = prefix.absolute()
    if ".." not in whole.parts:
        return whole
    short = Path(os.path.normpath(whole))
    return short if _same(short, whole) else whole.resolve()  # `..` behind a link leads elsewhere


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_environment(prefix: Path) -> bool:
    """A directory with an interpreter, or with what says that one belongs there."""
    marks = [prefix / mark for mark in ("pyvenv.cfg", "conda-meta", "bin/python", "bin/python3")]
    return any(mark.exists() or mark.is_symlink() for mark in marks)
