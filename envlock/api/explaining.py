"""Does a combination exist, will it run; and why a lock holds what it holds. Offline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.errors import InvalidInput, UsageFault
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.stack import combination
from envlock.stack.combination import Explanation, LockedStack, Question

if TYPE_CHECKING:
    from envlock.lock.needs import Asking
    from envlock.lock.why import Part, PlatformWhy
    from envlock.manifest import Manifest

__all__ = ["LockExplanation", "Question", "explain", "explain_lock", "locked_stacks"]

_OF_VARIANT = re.compile(r"envlock\.(.+)\.lock")
_OF_SCRIPT = re.compile(r"(.+)\.envlock\.lock")


def explain(question: Question, *, lock: Path | None = None, wheels: Path | None = None) -> Explanation:
    """Judge a combination by the stack facts; with `lock`, what that lock holds under a driver, on a GPU and
    with a glibc. `wheels`, where there are wheels of the lock or an environment, has its libraries read.

    Raises UsageFault for words that cannot be meant, and LockfileInvalid.
    """
    asked = combination.combination_of(question)
    if lock is None and wheels is not None:
        hint = "add `--driver`, `--gpu` or `--glibc`, beside an envlock.lock or with `--lock FILE`"
        raise UsageFault("`--wheels` is about a lock and a host", hint=hint)
    if lock is None:
        return combination.explain(asked)
    if not asked.names_host or asked.names_stack or asked.image or asked.other_requirements:
        hint = "leave the requirements and the other options out, or the lock"
        raise UsageFault("of a lock, only `--driver`, `--gpu` and `--glibc` can be asked", hint=hint)
    return combination.explain_locked(asked, locked_stacks(read_lock(lock), wheels))


def locked_stacks(lock: Lock, wheels: Path | None = None) -> tuple[LockedStack, ...]:
    """The stacks of a lock that hold a PyTorch; with any for CUDA, those alone."""
    from envlock.api.wheel_reading import codes_of

    found = {name: stack for name, stack in sorted(lock.stack.items()) if stack.torch is not None}
    taken = {name: stack for name, stack in found.items() if stack.cuda != "cpu"} or found
    return tuple(
        LockedStack(
            platform=platform,
            torch=stack.torch or "",
            cuda=stack.cuda,
            variant=stack.variant,
            archs=stack.gpu_archs,
            driver=stack.driver,
            wheels=codes_of(lock, platform, wheels),
            tags=_tags(lock, platform),
        )
        for platform, stack in taken.items()
    )


def _tags(lock: Lock, platform: str) -> tuple[tuple[str, str], ...]:
    """The glibc that wheels claim by their names: version, file."""
    from envlock.verify.platform import wheel_floor

    found = ((wheel_floor(wheel.file), wheel.file) for _, wheel in lock.on(platform))
    return tuple((f"{floor[0]}.{floor[1]}", file) for floor, file in found if floor is not None)


# Why a lock holds what it holds


@dataclass(frozen=True, kw_only=True, slots=True)
class LockExplanation:
    """A lock explained, platform by platform. `manifest` is the file whose words were used; None where
    there is none that the lock is of, and `without` says why."""

    path: Path
    lock: Lock
    manifest: Path | None
    without: str | None
    platforms: tuple[PlatformWhy, ...]


def explain_lock(
    path: Path,
    *,
    environment: Mapping[str, str],
    names: Sequence[str] = (),
    cache: Path | None = None,
) -> LockExplanation:
    """Explain a lock, or the distributions `names` of it: who asks, what fixed the version, who owns the
    bytes. Offline: the words of the wheels come from `cache`, where `lock` keeps them.

    Raises LockfileInvalid, and UsageFault for a name that is not locked.
    """
    lock = read_lock(path)
    wanted = _locked_names(names, lock)
    manifest, without = _manifest_of(path, lock, environment)
    return LockExplanation(
        path=path,
        lock=lock,
        manifest=None if manifest is None else manifest.path,
        without=without,
        platforms=_explained(lock, manifest, cache, wanted),
    )


def _explained(
    lock: Lock, manifest: Manifest | None, cache: Path | None, wanted: frozenset[str]
) -> tuple[PlatformWhy, ...]:
    from envlock.lock.why import explain_platform

    asking = _asking(lock, manifest, cache)
    found = (explain_platform(lock, platform, asking) for platform in lock.platforms)
    return tuple(_only(each, wanted) for each in found) if wanted else tuple(found)


def _asking(lock: Lock, manifest: Manifest | None, cache: Path | None) -> Asking:
    from envlock.lock.needs import Asking

    words = {} if cache is None else _requires_dist(lock, cache)
    if manifest is None:
        return Asking(requires_dist=words)
    return Asking(
        requirements=manifest.requirements,
        constraints=manifest.constraints,
        conda=manifest.conda.packages if manifest.conda else (),
        requires_dist=words,
    )


def _only(found: PlatformWhy, names: frozenset[str]) -> PlatformWhy:
    """Those distributions and conda packages alone; the sizes stay those of the whole."""
    conda = None if found.conda is None else _only_of(found.conda, names)
    return replace(found, wheels=_only_of(found.wheels, names), conda=conda)


def _only_of(part: Part, names: frozenset[str]) -> Part:
    return replace(part, distributions=tuple(row for row in part.distributions if row.name in names))


def _requires_dist(lock: Lock, cache: Path) -> Mapping[str, tuple[str, ...]]:
    """What the cache knows of the wheels' requirements, by the hash of the wheel."""
    from envlock.resolve.tags import series
    from envlock.resolve.wheels.entries import EntryCache

    entries, python = EntryCache(directory=cache), series(lock.python)
    wheels = (wheel for row in lock.distributions for wheel in row.wheels)
    known = (entries.identity(wheel.file, wheel.sha256, python) for wheel in wheels)
    return {each.sha256: each.requires_dist for each in known if each is not None}


def _locked_names(names: Sequence[str], lock: Lock) -> frozenset[str]:
    """The names, normalised, and as conda has them. Raises UsageFault for the first that is not locked."""
    from difflib import get_close_matches

    from packaging.utils import canonicalize_name

    known = {row.name for row in lock.distributions} | {each.name for each in lock.conda_packages}
    for name in names:
        if not {canonicalize_name(name), name.lower()} & known:
            near = get_close_matches(canonicalize_name(name), sorted(known), 1)
            hint = f"did you mean `{near[0]}`?" if near else "`envlock explain` lists all that are"
            raise UsageFault(f"`--why {name}`: no `{name}` is locked", hint=hint)
    return frozenset(spelled for name in names for spelled in (canonicalize_name(name), name.lower()))


def _manifest_of(
    path: Path, lock: Lock, environment: Mapping[str, str]
) -> tuple[Manifest | None, str | None]:
    """The manifest that the lock is of, or why there is none: its words would be another's."""
    from envlock.api.manifests import manifest_of
    from envlock.lock.freshness import stale_because

    project, variant = _place_of(path)
    try:
        manifest = manifest_of(project, variant=variant, environment=environment)
    except InvalidInput as invalid:
        return None, f"no manifest is at hand: {invalid.message}"
    stale = stale_because(lock, manifest)
    return (None, f"the manifest is not that of the lock: {stale[0]}") if stale else (manifest, None)


def _place_of(path: Path) -> tuple[Path, str | None]:
    """Where the manifest of a lockfile is, by its name, and which variant it is of."""
    if script := _OF_SCRIPT.fullmatch(path.name):
        return path.with_name(script[1]), None
    variant = _OF_VARIANT.fullmatch(path.name)
    return path.parent, variant[1] if variant else None
