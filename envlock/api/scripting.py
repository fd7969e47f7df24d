"""The pipeline as scripts call it: paths as text or `Path`, defaults as on the command line.

`import envlock` offers these names. With the command line and `require` it is the border where the
environment of the process is read: `environment` is `os.environ` unless it is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from envlock.agent import places
from envlock.api import locking, syncing
from envlock.api.locking import LockRequest, LockResult
from envlock.api.syncing import RepairOutcome, SyncOrder, SyncOutcome
from envlock.errors import CouldNotTell, UsageFault
from envlock.lock.diff import LockDiff
from envlock.report import Report
from envlock.resolve.model import OnEvent, no_events

if TYPE_CHECKING:
    from envlock.api.starting import InitResult
    from envlock.stack.combination import Explanation

StrPath = str | os.PathLike[str]
Environment = Mapping[str, str]
Level = Literal["roots", "warm", "content"]
LOCKFILE = "envlock.lock"


def lock(
    project: StrPath = ".",
    *,
    output: StrPath | None = None,
    variant: str | None = None,
    upgrade: bool | Iterable[str] = False,
    exclude_newer: str | None = None,
    python: str | None = None,
    deep: bool = False,
    adopt: StrPath | None = None,
    cache: StrPath | None = None,
    environment: Environment | None = None,
    on_event: OnEvent = no_events,
) -> LockResult:
    """Resolve a project (its folder, manifest or PEP 723 script) and write its lockfile.

    `upgrade` lets every pin of the old lock go, or those of the packages it names; `exclude_newer` is a
    time in UTC (`2025-03-01T00:00:00Z`); `python` the exact Python; `deep` fetches wheels whole;
    `adopt` takes the pins of another tool's lock (uv.lock, pylock.toml, requirements with hashes).
    Raises ManifestInvalid, LockfileInvalid, NoSolution and its kin, SourceFailed, ToolFailed.
    """
    environment = _or_own(environment)
    request = LockRequest(
        project=Path(project),
        output=_path(output),
        variant=variant,
        upgrade=upgrade is True,
        upgrade_packages=() if isinstance(upgrade, bool) else _names(upgrade),
        exclude_newer=exclude_newer,
        python_exact=python,
        deep=deep,
        adopt=_path(adopt),
        cache=_cache(cache, environment),
    )
    return locking.lock(request, environment=environment, on_event=on_event)


def check(
    project: StrPath = ".",
    *,
    lockfile: StrPath | None = None,
    variant: str | None = None,
    environment: Environment | None = None,
) -> tuple[str, ...]:
    """Why the lockfile of a project is stale; empty while it is fresh. Asks no network.

    Raises ManifestInvalid, LockfileInvalid.
    """
    request = LockRequest(project=Path(project), output=_path(lockfile), variant=variant)
    return locking.check(request, environment=_or_own(environment))


def init(
    path: StrPath = ".",
    *,
    output: StrPath | None = None,
    force: bool = False,
    dry_run: bool = False,
    environment: Environment | None = None,
) -> InitResult:
    """Write a manifest from what a repository has. Raises ManifestInvalid, UsageFault, DiskFailed."""
    from envlock.api import starting

    request = starting.InitRequest(path=Path(path), output=_path(output), force=force, dry_run=dry_run)
    return starting.init(request, environment=_or_own(environment))


def explain(
    *requirements: str,
    cuda: str | None = None,
    cudnn: str | None = None,
    nccl: str | None = None,
    python: str | None = None,
    driver: str | None = None,
    gpu: str | None = None,
    image: str | None = None,
    lock: StrPath | None = None,
) -> Explanation:
    """Does a combination exist, will it run, and what is nearest. Offline.

    With `lock` only `driver` and `gpu` are asked: will that lock run there?

    Raises UsageFault, LockfileInvalid.
    """
    from envlock.api import explaining

    question = explaining.Question(
        requirements=requirements,
        cuda=cuda,
        cudnn=cudnn,
        nccl=nccl,
        python=python,
        driver=driver,
        gpu=gpu,
        image=image,
    )
    return explaining.explain(question, lock=_path(lock))


def verify(
    lock: StrPath = LOCKFILE,
    *,
    prefix: StrPath | None = None,
    facts: StrPath | None = None,
    level: Level = "warm",
    strict: bool = False,
    require_gpu: bool = False,
    in_job: bool = False,
    cache: StrPath | None = None,
    environment: Environment | None = None,
) -> Report:
    """Compare an environment with a lock, byte by byte.

    `prefix` is the environment's folder (by default that of VIRTUAL_ENV, of CONDA_PREFIX, or ./.venv);
    `facts` instead a document that an agent printed on another host. A mismatch is a report, no error.
    Raises LockfileInvalid, CouldNotTell, UsageFault.
    """
    from envlock.api.verifying import How, VerifyRequest, verify_facts
    from envlock.api.verifying import verify as verify_prefix

    environment = _or_own(environment)
    how = How(strict=strict, require_gpu=require_gpu, in_job=in_job)
    folder = _cache(cache, environment)
    if facts is not None:
        if prefix is not None:
            raise UsageFault("facts are judged as they are: they take no `prefix`", hint="leave one out")
        return verify_facts(Path(lock), Path(facts), how=how, cache=folder)
    request = VerifyRequest(
        lock=Path(lock),
        prefix=_at_hand(environment) if prefix is None else Path(prefix),
        environment=environment,
        level=level,
        cache=folder,
        how=how,
    )
    return verify_prefix(request)


def diff(old: StrPath, new: StrPath) -> LockDiff:
    """What differs between two lockfiles; of a folder, its envlock.lock. Raises LockfileInvalid."""
    from envlock.api.diffing import diff as diff_files

    return diff_files(Path(old), Path(new))


def sync(
    lock: StrPath = LOCKFILE,
    *,
    venv: StrPath = ".venv",
    conda: bool = False,
    python: str | None = None,
    link_mode: str | None = None,
    wheelhouse: StrPath | None = None,
    cache: StrPath | None = None,
    environment: Environment | None = None,
    on_event: OnEvent = no_events,
) -> SyncOutcome:
    """Make a virtual environment what the lock says, then look at every byte of it.

    `conda`: `venv` is a conda prefix, with the conda packages of the lock.
    Raises LockfileInvalid, SourceFailed, ToolFailed, RecordLies, CouldNotTell.
    """
    order = _order(lock, venv, wheelhouse, cache, _or_own(environment))
    return syncing.sync(replace(order, conda=conda, python=python, link_mode=link_mode), on_event)


def repair(
    lock: StrPath = LOCKFILE,
    *,
    venv: StrPath = ".venv",
    wheelhouse: StrPath | None = None,
    cache: StrPath | None = None,
    environment: Environment | None = None,
    on_event: OnEvent = no_events,
) -> RepairOutcome:
    """Put back what differs from the lock, then look at every byte. Foreign files are left alone.

    Raises as `sync` does.
    """
    return syncing.repair(_order(lock, venv, wheelhouse, cache, _or_own(environment)), on_event)


def emit(
    format: str,
    lock: StrPath = LOCKFILE,
    *,
    platform: str | None = None,
    wheelhouse: StrPath | None = None,
    environment: Environment | None = None,
) -> str:
    """The lock as the text of a file for another tool: `conda`, `conda-explicit`, `conda-explicit-md5`,
    `conda-lock`, `docker`, `pixi`, `pylock`, `requirements`.

    `platform` is needed where the lock has several. Raises UsageFault, LockfileInvalid, SourceFailed.
    """
    from envlock.api.emitting import EmitRequest
    from envlock.api.emitting import emit as emit_text
    from envlock.emit import FORMATS

    if format not in FORMATS:
        raise UsageFault(f"there is no format `{format}`", hint=f"there are {', '.join(sorted(FORMATS))}")
    request = EmitRequest(
        format=format,
        lock=Path(lock),
        environment=_or_own(environment),
        platform=platform,
        wheelhouse=_path(wheelhouse),
    )
    return emit_text(request)


def _or_own(environment: Environment | None) -> Environment:
    return dict(os.environ) if environment is None else environment


def _path(path: StrPath | None) -> Path | None:
    return None if path is None else Path(path)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """One name that was given as text is one name, not its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


def _cache(cache: StrPath | None, environment: Environment) -> Path:
    return Path(places.cache_directory(environment) if cache is None else cache)


def _at_hand(environment: Environment) -> Path:
    found = places.environment_at_hand(environment)
    if found is None:
        raise CouldNotTell(
            "there is no environment to look at: no VIRTUAL_ENV, no CONDA_PREFIX, no ./.venv",
            hint="`envlock.sync()` makes one, `prefix=` names one",
        )
    return Path(found[0])


def _order(
    lock: StrPath,
    venv: StrPath,
    wheelhouse: StrPath | None,
    cache: StrPath | None,
    environment: Environment,
) -> SyncOrder:
    return SyncOrder(
        lock=Path(lock),
        venv=Path(venv),
        environment=environment,
        cache=_cache(cache, environment),
        wheelhouse=_path(wheelhouse),
    )
