"""Manifest -> conda packages of every platform."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import NoSolution
from envlock.lock.model import CondaPackage
from envlock.manifest.model import CondaRequest, Manifest
from envlock.manifest.platforms import Platform
from envlock.resolve.conda.adopt import judge_adopted
from envlock.resolve.conda.archives import Looking, look_into
from envlock.resolve.conda.channels import channel_urls
from envlock.resolve.conda.model import AdoptedPackage, CondaPlatform, CondaResolution, CondaWish, Record
from envlock.resolve.conda.packages import locked_packages
from envlock.resolve.conda.solve import solve
from envlock.resolve.conda.stack import PYTORCH, build_constraints, check_build, read_stack
from envlock.resolve.conda.virtual import virtual_packages

Solver = Callable[[CondaWish, Mapping[str, str], tuple[str, ...]], tuple[Record, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaAsked:
    """What `resolve_conda` is asked. `pinned` has the packages of the old lock that stay where they fit;
    `adopted`, by platform, what another tool's lock has; `solver` None: py-rattler."""

    manifest: Manifest
    exclude_newer: str | None = None
    pinned: tuple[CondaPackage, ...] = ()
    adopted: Mapping[str, tuple[AdoptedPackage, ...]] | None = None
    cache: Path | None = None
    whole: bool = False
    solver: Solver | None = None
    on_solved: Callable[[int], None] | None = None
    on_progress: Callable[[Record], None] | None = None


def resolve_conda(asked: CondaAsked) -> CondaResolution | None:
    """The conda packages of a manifest, or None where it asks for none.

    Raises NoSolution and its kin, SourceFailed, UsageFault.
    """
    request = asked.manifest.conda
    if request is None:
        return None
    channels = channel_urls(request.channels, asked.manifest.sources)
    wishes = [_wish(asked, request, platform) for platform in asked.manifest.platforms]
    solver = asked.solver or _rattler(asked.cache)
    solved = {wish.platform: solve_wish(wish, channels, solver) for wish in wishes}
    records = [record for each in solved.values() for record in each]
    if asked.on_solved is not None:
        asked.on_solved(len({record.sha256 for record in records}))
    how = Looking(cache=asked.cache, whole=asked.whole, on_progress=asked.on_progress)
    archives = look_into(records, how)
    platforms = {
        str(wish.platform): CondaPlatform(
            platform=wish.platform,
            virtual=wish.virtual,
            packages=locked_packages(solved[wish.platform], archives, wish.platform),
            archives=archives,
            stack=read_stack(solved[wish.platform], wish.platform),
        )
        for wish in wishes
    }
    return CondaResolution(channels=request.channels, platforms=platforms)


def _rattler(cache: Path | None) -> Solver:
    folder = None if cache is None else cache / "conda-repodata-v1"

    def run(wish: CondaWish, channels: Mapping[str, str], constraints: tuple[str, ...]) -> tuple[Record, ...]:
        return solve(wish, channels, constraints=constraints, cache=folder)

    return run


def solve_wish(wish: CondaWish, channels: Mapping[str, str], solver: Solver) -> tuple[Record, ...]:
    """The records of one platform, with the CUDA that is asked for, or those of another tool's lock.

    Where that cannot be had, what comes without it names the build; where nothing comes at all, the first
    failure is told. Raises NoSolution, WrongBuild, HashMismatch, ForeignLockInvalid.
    """
    if wish.adopted is not None:
        records = solver(wish, channels, ())
        judge_adopted(wish, records)
        check_build(wish, records)
        return records
    failures: list[NoSolution] = []
    for constraints in (*build_constraints(wish), ()):
        try:
            records = solver(wish, channels, constraints)
        except NoSolution as failed:
            failures.append(failed)
            continue
        check_build(wish, records)
        if failures and not any(record.name == PYTORCH for record in records):
            break  # the CUDA libraries are not those asked for, and no PyTorch says that they will do
        return records
    raise failures[0]


def _wish(asked: CondaAsked, request: CondaRequest, platform: Platform) -> CondaWish:
    manifest = asked.manifest
    name = manifest.path.name
    adopted = None if asked.adopted is None else tuple(asked.adopted[platform])
    return CondaWish(
        request=request,
        platform=platform,
        specs=(*conda_specs(request.packages, manifest.python), *(each.spec for each in adopted or ())),
        virtual=virtual_packages(manifest, platform),
        cuda=manifest.cuda[platform],
        cuda_origin=f"{name}, {'tool.envlock.cuda' if name == 'pyproject.toml' else 'cuda'}",
        where=name,
        exclude_newer=asked.exclude_newer,
        pinned=tuple(package for package in asked.pinned if platform in package.platforms),
        adopted=adopted,
    )


def conda_specs(packages: Iterable[str], python: str) -> tuple[str, ...]:
    """The packages of the manifest, and its Python: a prefix has one, whoever asks for it.

    >>> conda_specs(["python", "ffmpeg >=6"], "3.11")
    ('python', 'ffmpeg >=6', 'python 3.11.*')
    """
    release = f"=={python}" if python.count(".") == 2 else f"{python}.*"
    return (*packages, f"python {release}")
