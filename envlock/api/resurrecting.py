"""A repository and a day -> the manifest and the lock that it would have had then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from envlock.api.locking import LockRequest, LockResult, lock
from envlock.api.manifests import manifest_of
from envlock.api.starting import beside, known_sources, place_of, refuse, write_manifest
from envlock.errors import EnvlockError, IndexFailed, NoSolution, UsageFault
from envlock.lock.file import replace_bytes
from envlock.manifest import Manifest
from envlock.manifest.init.model import Asking, Row, Said
from envlock.manifest.init.repository import read_repository
from envlock.manifest.init.settle import Settled, settle, torch_specifier
from envlock.manifest.init.writer import manifest_text
from envlock.manifest.instants import utc_instant
from envlock.resolve.model import OnEvent, no_events
from envlock.stack.asked import doubts
from envlock.stack.builds import default_variant
from envlock.stack.dates import pythons_on, torch_on, torch_published
from envlock.stack.variants import cuda_of

__all__ = ["ResurrectRequest", "Resurrected", "resurrect"]

_OPTION = "--date"
_MOST_TRIED = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class ResurrectRequest:
    """`path`: a folder, or one file of it. `day` as `2023-06-15` or RFC 3339; None: the last commit that
    touched what is read. `force` writes over a manifest and a lock that are there."""

    path: Path
    day: str | None = None
    force: bool = False
    cache: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resurrected:
    """What came of it. `day` is RFC 3339, `day_from` who says it; `torch` is the newest release of that day
    that is admitted; `left_out` is what is asked for and could not be written into the manifest."""

    manifest: Path
    lock: LockResult
    day: str
    day_from: str
    torch: str | None
    python: str
    cuda: str | None
    read: tuple[str, ...]
    left_out: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Then:
    """The day, and what was current on it."""

    day: str
    day_from: str
    torch: str | None
    settled: Settled


def resurrect(
    request: ResurrectRequest, *, environment: Mapping[str, str], on_event: OnEvent = no_events
) -> Resurrected:
    """Write the manifest of a repository as of a day, and lock it as if it were that day.

    A manifest and a lock that are there are kept unless `force`; where locking fails, all is as it was.
    Raises ManifestInvalid, UsageFault, NoSolution (with the pins that cannot be had), SourceFailed and
    ToolFailed.
    """
    path = beside(request.path)
    place = place_of(path, environment)
    refuse(path, place, force=request.force)
    _refuse_lock(path, force=request.force)
    asking = read_repository(request.path.absolute(), place, known_sources())
    then = _then(request, asking, place.root, environment)
    cuda = then.settled.cuda.value if then.settled.cuda else None
    advice = (_told(then), *doubts(torch_specifier(asking), cuda))
    with _restored(path):
        write_manifest(path, manifest_text(asking, then.settled, place, advice, by="envlock resurrect"))
        made = _locked(request, path, environment, on_event)
    return Resurrected(
        manifest=path,
        lock=made,
        day=then.day,
        day_from=then.day_from,
        torch=then.torch,
        python=then.settled.python.value,
        cuda=cuda,
        read=tuple(asking.read),
        left_out=asking.left_out(),
        notes=(*asking.notes, *made.notes),
    )


def _refuse_lock(path: Path, *, force: bool) -> None:
    lockfile = path.with_name("envlock.lock")
    if lockfile.exists() and not force:
        hint = "`--force` writes over it"
        raise UsageFault("there is an envlock.lock already", where=str(lockfile), hint=hint)


# What was current


def _then(request: ResurrectRequest, asking: Asking, root: Path, environment: Mapping[str, str]) -> _Then:
    day, day_from = _day(request.day, asking, root, environment)
    asking.exclude_newer.insert(0, Said(value=day, where=day_from))
    calendar = date.fromisoformat(day[:10])
    torch = torch_on(calendar, torch_specifier(asking)) if torch_specifier(asking) is not None else None
    series = pythons_on(calendar, torch or torch_on(calendar))
    if not series:
        hint = "3.8 is the oldest: 2019-10-14"
        raise NoSolution(f"no Python that can be locked was out on {day[:10]}", hint=hint)
    settled = settle(asking, series)
    cuda = settled.cuda or _default_cuda(torch)
    return _Then(day=day, day_from=day_from, torch=torch, settled=replace(settled, cuda=cuda))


def _day(text: str | None, asking: Asking, root: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    if text is not None:
        try:
            return utc_instant(text), _OPTION
        except ValueError as error:
            hint = "write it like `--date 2023-06-15`"
            raise UsageFault(f"`{_OPTION}`: `{text}` {error}", hint=hint) from error
    from envlock.run.code import changed_on

    found = changed_on(root, asking.read, environment)
    if found is None:
        raise UsageFault(
            "which day is meant is not known: git has no commit of what is asked for",
            where=", ".join(asking.read),
            hint="`--date 2023-06-15` names it",
        )
    return utc_instant(found), f"the last commit of {', '.join(asking.read)}"


def _default_cuda(torch: str | None) -> Said | None:
    """The CUDA of the default wheel of that release, written out so that it stays."""
    variant = None if torch is None else default_variant(torch)
    if variant is None:
        return None
    return Said(value=cuda_of(variant), where=f"the default wheel of torch {torch}, the newest of that day")


def _told(then: _Then) -> str:
    published = None if then.torch is None else torch_published(then.torch)
    torch = "" if published is None else f"; torch {then.torch} is of {published.isoformat()}"
    return f"as of {then.day} ({then.day_from}){torch}"


# Writing


@contextmanager
def _restored(path: Path) -> Iterator[None]:
    """What stood at `path` stands there again when the block fails."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except EnvlockError:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            replace_bytes(path, before)
        raise


def _locked(
    request: ResurrectRequest, path: Path, environment: Mapping[str, str], on_event: OnEvent
) -> LockResult:
    wanted = LockRequest(project=path, upgrade=True, cache=request.cache)
    try:
        return lock(wanted, environment=environment, on_event=on_event)
    except (NoSolution, IndexFailed) as error:
        missing = tuple(_cannot_be_had(path, environment))
        if not missing:
            raise
        raise _gone(missing, error) from error


def _gone(missing: tuple[str, ...], error: EnvlockError) -> NoSolution:
    count = "a requirement" if len(missing) == 1 else f"{len(missing)} requirements"
    return NoSolution(
        f"{count} cannot be had on that day",
        where=error.where,
        hint="mend what is named, or name another day with `--date`; nothing was written",
        facts=[*(("cannot be had", each) for each in missing), ("locking", error.message)],
    )


def _cannot_be_had(path: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Each requirement that has no solution on that day, even when nothing else is asked for."""
    manifest = manifest_of(path, variant=None, environment=environment)
    cuda = dict.fromkeys(manifest.platforms, "auto")
    for asked in manifest.requirements[:_MOST_TRIED]:
        alone = replace(manifest, requirements=(asked,), constraints=(), cuda=cuda, conda=None, image=None)
        if not _is_solvable(alone, environment):
            yield f"{asked.requirement} ({asked.origin})"


def _is_solvable(manifest: Manifest, environment: Mapping[str, str]) -> bool:
    from envlock.resolve.pypi import resolve_platforms
    from envlock.resolve.request import Request

    requests = tuple(
        Request(
            manifest=manifest,
            platform=platform,
            environment=environment,
            exclude_newer=manifest.exclude_newer,
        )
        for platform in manifest.platforms
    )
    try:
        resolve_platforms(requests)
    except NoSolution:
        return False
    except IndexFailed:
        return True  # not known
    return True
