"""Which build of PyTorch to look for, and on which index, so that its CUDA is the one asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from envlock import stack
from envlock.manifest.model import AUTO, CPU
from envlock.manifest.platforms import Platform
from envlock.resolve.model import DEFAULT_INDEX, PYTORCH_INDEX


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is asked of torch on one platform: `cuda` as in the manifest, the versions that may be taken,
    the pin of the old lock, and the newest version there was at `exclude-newer` (None: no limit)."""

    platform: Platform
    cuda: str
    specifier: SpecifierSet
    where: str
    pinned: str | None = None
    newest: Version | None = None

    def allows(self, version: str) -> bool:
        return self.specifier.contains(version) and (self.newest is None or Version(version) <= self.newest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One way to get the build: an index, constraints that keep other builds out, and the variant that
    the PyTorch index is asked for (None: what the default wheel is)."""

    index: str = DEFAULT_INDEX
    variant: str | None = None
    constraints: tuple[str, ...] = ()


def plans(wish: Wish) -> tuple[Plan, ...]:
    """Ways to try, the best first. Raises NoSuchBuild where the facts say that none can work."""
    if wish.platform is Platform.OSX_ARM64:
        return (Plan(),)
    if wish.cuda == AUTO:
        return (_as_spelled(wish),)
    if wish.cuda == CPU:
        return (Plan(),) if wish.platform is Platform.WIN_64 else (_variant_plan(wish, CPU),)
    return tuple(_cuda_plans(wish))


def needs_time_limit(wish: Wish) -> bool:
    """May an index without upload times decide the version of torch? Not where it is pinned."""
    pinned = any(clause.operator in ("==", "===") for clause in wish.specifier)
    return not pinned and wish.cuda != AUTO and wish.platform is not Platform.OSX_ARM64


def _as_spelled(wish: Wish) -> Plan:
    """`torch==2.6.0+cu118` names its variant, which only the PyTorch index has."""
    variants = {local for clause in wish.specifier if (local := _local(clause.version))}
    return Plan(index=PYTORCH_INDEX, variant=min(variants)) if variants else Plan()


def _local(version: str) -> str | None:
    try:
        return Version(version).local
    except InvalidVersion:  # `==2.6.*`
        return None


def _cuda_plans(wish: Wish) -> Iterator[Plan]:
    known = [str(version) for version in stack.torch_versions() if wish.allows(str(version))]
    published = frozenset(stack.versions_with(wish.cuda))
    fitting = [version for version in known if version in published]
    if fitting:
        return _known_plans(wish, known, fitting)
    certain = [version for version in known if stack.is_complete(version)]
    if certain and not _is_newer_than_the_facts(wish.cuda):
        raise stack.no_such_build(certain[-1], wish.cuda, where=wish.where, platform=wish.platform)
    return _unproven_plans(wish)


def _is_newer_than_the_facts(cuda: str) -> bool:
    return all(build.cuda == CPU or Version(build.cuda) < Version(cuda) for build in stack.builds())


def _known_plans(wish: Wish, known: list[str], fitting: list[str]) -> Iterator[Plan]:
    """The index of the newest release comes first; that of the locked one before it."""
    variant = stack.variant_of(wish.cuda)
    default = [each for each in fitting if _is_default(each, variant, wish.platform)]
    elsewhere = _variant_plan(wish, variant)
    if not default:
        yield elsewhere
        return
    here = Plan(variant=variant, constraints=_only(default, known))
    first = wish.pinned if wish.pinned is not None and wish.allows(wish.pinned) else fitting[-1]
    yield from (here, elsewhere) if first in default else (elsewhere, here)


def _only(versions: list[str], known: list[str]) -> tuple[str, ...]:
    """Constraints that leave `versions` of all `known` ones, both ascending."""
    first, last = known.index(versions[0]), known.index(versions[-1])
    others = (version for version in known[first:last] if version not in versions)
    return (f"torch>={versions[0]}", f"torch<={versions[-1]}", *(f"torch!={each}" for each in others))


def _is_default(version: str, variant: str, platform: Platform) -> bool:
    """May the default wheel of `platform` be that build? The facts are about Linux x86_64; on aarch64 it
    is the same CUDA or none, which is judged when it came; on Windows it has no CUDA."""
    return platform.is_linux and stack.default_variant(version) == variant


def _unproven_plans(wish: Wish) -> Iterator[Plan]:
    """Builds that the facts do not know yet: what comes is judged afterwards."""
    variant = stack.variant_of(wish.cuda)
    if wish.platform.is_linux:
        yield Plan(variant=variant)
    yield _variant_plan(wish, variant)


def _variant_plan(wish: Wish, variant: str) -> Plan:
    limit = () if wish.newest is None else (f"torch<={wish.newest.public}",)
    return Plan(index=PYTORCH_INDEX, variant=variant, constraints=limit)
