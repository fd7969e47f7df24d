"""The pipeline, wired: what `import envlock` offers and what the commands call."""

from __future__ import annotations

import itertools
import sysconfig
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.api.conda_locking import CondaGiven, conda_part, conda_python, judge_providers, provided_by
from envlock.errors import LockfileInvalid, UsageFault
from envlock.lock.file import read_lock, write_lock
from envlock.lock.freshness import stale_because
from envlock.lock.model import Lock, without_built
from envlock.manifest import Manifest, Platform
from envlock.resolve.model import CondaEngine, Engine, Event, OnEvent, PlatformResolution, no_events

if TYPE_CHECKING:
    from envlock.lock.foreign import ForeignLock
    from envlock.resolve.conda.model import CondaResolution
    from envlock.resolve.image import ResolvedBase
    from envlock.resolve.request import Request
    from envlock.resolve.resolution import Identities
    from envlock.resolve.wheels.wheel import WheelIdentity

# Imported while uv is waited for: 0.25 s, which a check and a verify do without altogether.
_FOR_AFTERWARDS = ("envlock.resolve.wheels.remote", "envlock.resolve.resolution", "envlock.lock.assemble")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockRequest:
    """What `lock` is asked. `upgrade` lets every pin go, `upgrade_packages` those named; `exclude_newer`
    (RFC 3339) and `python_exact` go before what manifest and old lock say; `deep` fetches every wheel
    whole and proves its digest. `adopt` is another tool's lock, whose pins are taken as they are; `engine`
    decides the versions otherwise, `conda_engine` the conda packages."""

    project: Path
    output: Path | None = None
    variant: str | None = None
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    exclude_newer: str | None = None
    python_exact: str | None = None
    deep: bool = False
    cache: Path | None = None
    adopt: Path | None = None
    engine: Engine = Engine.UV
    conda_engine: CondaEngine = CondaEngine.RATTLER


@dataclass(frozen=True, kw_only=True, slots=True)
class LockResult:
    """What came of it: `changed` is whether the file is other than before. `timings` in seconds by step;
    `fetched_bytes` is what the identities cost."""

    lock: Lock
    path: Path
    manifest: Manifest
    changed: bool
    notes: tuple[str, ...]
    timings: Mapping[str, float]
    fetched_bytes: int


@dataclass(kw_only=True, slots=True)
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """What a lock is put together from."""

    pins: tuple[PlatformResolution, ...]
    identities: Identities
    base: ResolvedBase | None
    conda: CondaResolution | None


def lock(
    request: LockRequest, *, environment: Mapping[str, str], on_event: OnEvent = no_events
) -> LockResult:
    """Resolve the manifest of a project and write its lockfile.

    Pins of the old lock stay where they still fit. Nothing is written unless everything came out well.
    Raises ManifestInvalid, LockfileInvalid, ForeignLockInvalid, NoSolution and its kin, SourceFailed,
    ToolFailed.
    """
    clock = _Clock()
    foreign = _foreign(request)
    manifest = _manifest(request, environment, foreign)
    path = request.output or manifest.lockfile
    old = _old_lock(path)
    _refuse_unknown(request.upgrade_packages, old, manifest)
    base = _base(request, manifest, old, environment)
    on_event(Event(step="resolve"))
    given = CondaGiven(request=request, manifest=manifest, old=old, foreign=foreign, environment=environment)
    with clock.step("conda") if manifest.conda or foreign else nullcontext():
        conda = conda_part(given, on_event) if manifest.conda or foreign else None
    wanted = _requests(request, manifest, old, environment, conda)
    with clock.step("resolve"):
        pins = _pins(wanted, foreign)
    with clock.step("identify"):
        identities = _identities(request, manifest, pins, on_event)
    parts = _Parts(pins=pins, identities=identities, base=base, conda=conda)
    made = _with_standing(_assembled(wanted, parts, _python_exact(request, wanted[0], old, parts)), old)
    return LockResult(
        lock=made,
        path=path,
        manifest=manifest,
        changed=write_lock(path, made),
        notes=(
            *_python(request, manifest),
            *_notes(manifest, pins, identities.values()),
            *(base.notes if base else ()),
            *_lost(old, made),
        ),
        timings=clock.seconds,
        fetched_bytes=sum(each.fetched_bytes for each in identities.values()),
    )


def check(request: LockRequest, *, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Why the lockfile of a project is stale, offline; empty while it is fresh.

    Raises ManifestInvalid and LockfileInvalid (also where there is no lockfile).
    """
    foreign = _foreign(request)
    manifest = _manifest(request, environment, foreign)
    locked = read_lock(request.output or manifest.lockfile)
    reasons = stale_because(locked, manifest)
    if foreign is None or reasons:
        return reasons
    from envlock.api.adopting import differs_from

    return differs_from(locked, foreign, manifest)


def _foreign(request: LockRequest) -> ForeignLock | None:
    if request.adopt is None:
        return None
    from envlock.lock.foreign import read_foreign_lock

    return read_foreign_lock(request.adopt)


def _manifest(request: LockRequest, environment: Mapping[str, str], foreign: ForeignLock | None) -> Manifest:
    if foreign is None or request.adopt is None:
        from envlock.api.manifests import manifest_of

        return manifest_of(request.project, variant=request.variant, environment=environment)
    from envlock.api.adopting import adopting_manifest

    return adopting_manifest(
        request.project, request.adopt, foreign, variant=request.variant, environment=environment
    )


def _refuse_unknown(names: tuple[str, ...], old: Lock | None, manifest: Manifest) -> None:
    """Raise UsageFault for a package to upgrade that nobody locked and nobody asks for: a slip of the keys
    would end in "unchanged" otherwise."""
    if not names or old is None:
        return
    from difflib import get_close_matches

    from packaging.utils import canonicalize_name

    known = {row.name for row in old.distributions}
    known |= {canonicalize_name(asked.requirement.name) for asked in manifest.requirements}
    known |= {canonicalize_name(package.name) for package in old.conda_packages}
    for name in names:
        if canonicalize_name(name) not in known:
            near = get_close_matches(canonicalize_name(name), sorted(known), 1)
            hint = f"did you mean `{near[0]}`?" if near else "`--upgrade` lets every pin go"
            raise UsageFault(f"`--upgrade-package {name}`: no `{name}` is locked", hint=hint)


def _old_lock(path: Path) -> Lock | None:
    """The lock that stands. One that cannot be read is told, never replaced: its pins would be lost."""
    if path.is_dir():
        raise UsageFault(f"`{path}` is a directory", hint=f"name a file: `-o {path / 'envlock.lock'}`")
    try:
        return read_lock(path) if path.exists() else None
    except LockfileInvalid as invalid:
        invalid.hint = f"restore `{path.name}` from version control, or remove it to lock from scratch"
        raise


def _requests(
    request: LockRequest,
    manifest: Manifest,
    old: Lock | None,
    environment: Mapping[str, str],
    conda: CondaResolution | None,
) -> tuple[Request, ...]:
    from envlock.resolve.request import Request

    return tuple(
        Request(
            manifest=manifest,
            platform=platform,
            environment=environment,
            pinned=_standing_pins(request, old, platform),
            provided=provided_by(conda, platform),
            exclude_newer=request.exclude_newer or manifest.exclude_newer,
            refresh=request.upgrade or bool(request.upgrade_packages),
            engine=request.engine,
        )
        for platform in manifest.platforms
    )


def _standing_pins(request: LockRequest, old: Lock | None, platform: Platform) -> dict[str, str]:
    """The old pins less those that are to go; a platform that is new takes those of the others."""
    if old is None or request.upgrade:
        return {}
    from packaging.utils import canonicalize_name

    gone = set(map(canonicalize_name, request.upgrade_packages))
    rows = [row for row, _ in old.on(platform)] or old.distributions
    return {row.name: row.version for row in rows if row.name not in gone}


def _pins(wanted: tuple[Request, ...], foreign: ForeignLock | None) -> tuple[PlatformResolution, ...]:
    sysconfig.get_config_vars()  # filled by two threads at once, it lacks keys: CPython is not safe there
    threading.Thread(target=lambda: list(map(import_module, _FOR_AFTERWARDS)), daemon=True).start()
    if foreign is not None:
        from envlock.api.adopting import adopt

        return adopt(foreign, wanted)
    from envlock.resolve.pypi import resolve_platforms

    return resolve_platforms(wanted)


def _identities(
    request: LockRequest, manifest: Manifest, pins: Iterable[PlatformResolution], on_event: OnEvent
) -> Identities:
    from envlock.resolve.resolution import Identifying, identify_wheels, wheels_of
    from envlock.resolve.tags import series
    from envlock.resolve.wheels.entries import EntryCache

    wheels = wheels_of(pins)
    done = itertools.count(1)
    on_event(Event(step="identify", total=len(wheels)))
    how = Identifying(
        python=series(manifest.python),
        cache=None if request.cache is None else EntryCache(directory=request.cache),
        whole=request.deep,
        on_progress=lambda _: on_event(Event(step="identify", done=next(done), total=len(wheels))),
    )
    return identify_wheels(wheels, how)


def _assembled(wanted: tuple[Request, ...], parts: _Parts, python_exact: str) -> Lock:
    from envlock.lock.assemble import assemble
    from envlock.resolve.resolution import Resolution, completed

    platforms = tuple(completed(*pair, parts.identities) for pair in zip(wanted, parts.pins, strict=True))
    judge_providers(parts.conda, platforms, parts.identities)
    return assemble(
        wanted[0].manifest,
        Resolution(platforms=platforms, identities=parts.identities, conda=parts.conda),
        python_exact=python_exact,
        exclude_newer=wanted[0].exclude_newer,
        image=parts.base.image if parts.base is not None else None,
    )


def _python_exact(request: LockRequest, wanted: Request, old: Lock | None, parts: _Parts) -> str:
    """Conda's, else the base image's, else as `exact_python` has it."""
    from envlock.lock.interpreter import exact_python

    conda = conda_python(parts.conda, asked=request.python_exact)
    if conda is not None:
        return conda
    if parts.base is not None and parts.base.python_exact is not None:
        return parts.base.python_exact
    python, asked = wanted.manifest.python, request.python_exact
    return exact_python(python, asked=asked, old=old, exclude_newer=wanted.exclude_newer)


def _base(
    request: LockRequest, manifest: Manifest, old: Lock | None, environment: Mapping[str, str]
) -> ResolvedBase | None:
    """The base image, pinned. A tag that the old lock has pinned stays pinned until `--upgrade`."""
    if manifest.image is None or manifest.image.base is None:
        return None
    from envlock.resolve.image import Finding, resolve_base, standing_base

    found = None if request.upgrade else standing_base(manifest, old)
    if found is None:
        finding = Finding(
            root=manifest.root, sources=manifest.sources, environment=environment, cache=request.cache
        )
        found = resolve_base(manifest, finding)
    of_base = found.python_exact if found is not None else None
    if of_base is not None and request.python_exact not in (None, of_base):
        raise UsageFault(
            f"the base image has Python {of_base}, not {request.python_exact}",
            hint="leave `--python` out, or name another `base`",
        )
    return found


def _with_standing(made: Lock, old: Lock | None) -> Lock:
    """Keep what was noted or recorded of the same bytes."""
    from envlock.lock.assemble import carried

    return carried(old, _with_built(made, old))


def _with_built(made: Lock, old: Lock | None) -> Lock:
    """Keep what `build oci` noted of the image, as long as nothing else has changed."""
    if old is None or old.image is None or made.image is None:
        return made
    bare = replace(made, image=without_built(made.image))
    is_same = replace(old, image=without_built(old.image)) == bare
    return replace(made, image=old.image) if is_same else bare


def _lost(old: Lock | None, made: Lock) -> Iterator[str]:
    """Numeric references that were of other bytes than are locked now."""
    kept = {(each.platform, each.class_name) for each in made.numerics}
    for each in old.numerics if old is not None else ():
        if (each.platform, each.class_name) not in kept:
            yield (
                f"the numeric reference of class {each.class_name} was of another runtime hash and is gone; "
                "`envlock numerics record` makes it anew"
            )


def _python(request: LockRequest, manifest: Manifest) -> Iterator[str]:
    """Nobody is given a Python without a word."""
    if manifest.python_because is not None and request.python_exact is None:
        yield f"Python {manifest.python}: {manifest.python_because}"


def _notes(
    manifest: Manifest, pins: Iterable[PlatformResolution], identities: Iterable[WheelIdentity]
) -> Iterator[str]:
    yield from manifest.notes
    for each in pins:
        yield from each.notes
    for identity in identities:
        if identity.downloaded_whole is not None:
            yield f"`{identity.file}` was downloaded whole: {identity.downloaded_whole}"
