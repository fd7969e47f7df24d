"""envlock: the lock that proves the bytes on disk.

    import envlock

    envlock.lock()                      # resolve the project here, write envlock.lock
    envlock.sync()                      # make .venv from it
    report = envlock.verify()           # look at every file, judge

docs/api.md shows all of it. Names are imported when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envlock.agent.determinism import Deterministic, deterministic
    from envlock.api.locking import LockResult
    from envlock.api.scripting import check, diff, emit, explain, init, lock, repair, sync, verify
    from envlock.api.syncing import RepairOutcome, SyncOutcome
    from envlock.errors import EnvironmentDiffers, EnvlockError
    from envlock.job.require import require
    from envlock.lock.diff import LockDiff
    from envlock.lock.model import Lock
    from envlock.report import Finding, Report, Severity, Verdict

__version__ = "0.1.0"

_HOMES = {
    "agent.determinism": ("Deterministic", "deterministic"),
    "api.scripting": ("check", "diff", "explain", "init", "repair", "sync"),
    "api.locking": ("LockResult",),
    "api.syncing": ("RepairOutcome", "SyncOutcome"),
    "errors": ("EnvironmentDiffers", "EnvlockError"),
    "job.require": ("require",),
    "lock.diff": ("LockDiff",),
    "lock.model": ("Lock",),
    "report": ("Finding", "Report", "Severity", "Verdict"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_VERBS = ("emit", "lock", "verify")  # rooms that can be called, see `envlock.verbs`

__all__ = [
    "Deterministic",
    "EnvironmentDiffers",
    "EnvlockError",
    "Finding",
    "Lock",
    "LockDiff",
    "LockResult",
    "RepairOutcome",
    "Report",
    "Severity",
    "SyncOutcome",
    "Verdict",
    "__version__",
    "check",
    "deterministic",
    "diff",
    "emit",
    "explain",
    "init",
    "lock",
    "repair",
    "require",
    "sync",
    "verify",
]


if not TYPE_CHECKING:  # or no type checker would tell a name that is not there

    def __getattr__(name: str) -> Any:
        if name in _VERBS:
            return importlib.import_module(f"envlock.{name}")
        if name in _HOME_OF:
            return getattr(importlib.import_module(f"envlock.{_HOME_OF[name]}"), name)
        raise AttributeError(f"module `envlock` has no `{name}`")


def __dir__() -> list[str]:
    return list(__all__)
