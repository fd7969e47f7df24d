"""Which package between two locks changed a result."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.agent.host import platform_name
from envlock.api.sources import sources_beside
from envlock.api.verifying import locked_platform
from envlock.errors import UsageFault
from envlock.install.model import Supply
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.lock.writer import dumps
from envlock.manifest.platforms import Platform
from envlock.run.bench import VenvBench
from envlock.run.bisect import Found, Told, bisect
from envlock.run.mixture import Mixtures
from envlock.run.process import Command
from envlock.run.steps import Result, StepLog, search_key

__all__ = ["BisectOrder", "Found", "Result", "bisect_locks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BisectOrder:
    """Two lockfiles and a command that ends otherwise with the second, or writes another `output`.

    `log` keeps the steps, so that a search that was stopped goes on; what the command prints goes beside
    it. `cache` is envlock's cache directory: the environments lie there while the search lasts.
    """

    good: Path
    bad: Path
    words: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    cache: Path
    log: Path
    output: str | None = None
    wheelhouse: Path | None = None


def bisect_locks(order: BisectOrder, told: Told = lambda _line: None) -> Found:
    """The smallest set of changes between two locks that flips the result of a command.

    Raises LockfileInvalid, UsageFault, CouldNotTell where there is nothing to find, and what `sync` raises.
    """
    if not order.words:
        raise UsageFault(
            "there is no command to run", hint="`envlock bisect GOOD.lock BAD.lock -- python check.py`"
        )
    good, bad = read_lock(order.good), read_lock(order.bad)
    _refuse_conda(order, good, bad)
    platform = Platform(locked_platform(good, platform_name()))
    locked_platform(bad, platform)
    log = StepLog(path=order.log, key=_key(order, good, bad))
    order.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bisect-", dir=order.cache) as folder:
        bench = VenvBench(
            command=Command(words=order.words, environment=order.environment, folder=order.folder),
            folder=Path(folder),
            platform=platform,
            supply=_supply(order),
            said=order.log.with_name(f"{order.log.name}.out"),
            output=order.output,
        )
        mixtures = Mixtures(good=good, bad=bad, platform=platform)
        return bisect(mixtures, bench, log, by_output=order.output is not None, told=told)


def _key(order: BisectOrder, good: Lock, bad: Lock) -> str:
    return search_key([dumps(good), dumps(bad), *order.words, "", order.output or ""])


def _supply(order: BisectOrder) -> Supply:
    """Where either lock's wheels come from; the sources beside the good one go before."""
    sources = {
        **sources_beside(order.bad, order.environment),
        **sources_beside(order.good, order.environment),
    }
    return Supply(sources=sources, environment=order.environment, wheelhouse=order.wheelhouse)


def _refuse_conda(order: BisectOrder, good: Lock, bad: Lock) -> None:
    for path, lock in ((order.good, good), (order.bad, bad)):
        if lock.conda_packages:
            raise UsageFault(
                "a lock with conda packages cannot be bisected: the search makes virtual environments",
                where=str(path),
                hint="`envlock diff` says what differs between the two",
            )
