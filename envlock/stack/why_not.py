"""Why a combination does not exist, and which ones that do are nearest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packaging.version import Version

from envlock.errors import NoSuchBuild
from envlock.manifest.platforms import Platform
from envlock.stack.builds import (
    Build,
    builds,
    cuda_versions_of,
    default_variant,
    is_complete,
    torch_versions,
    versions_with,
)
from envlock.stack.drivers import driver_floor
from envlock.stack.variants import CPU, cuda_order, variant_of


def no_such_build(
    torch: str, cuda: str, *, where: str | None = None, platform: Platform = Platform.LINUX_64
) -> NoSuchBuild:
    """The error for a PyTorch that was not built for `cuda`; `where` is the place that asks for it.

    It says what exists of both, and which build of the same PyTorch runs on the same drivers.
    """
    asked = () if where is None else (("asked by", f'{where} = "{cuda}"'),)
    exists = " · ".join(_existing(torch, cuda))
    return NoSuchBuild(
        _message(torch, cuda),
        where=where,
        hint=_hint(torch, cuda, platform),
        facts=(*asked, *([("exists", exists)] if exists else [])),
    )


def nearest_cuda(torch: str, cuda: str) -> str | None:
    """The CUDA that `torch` exists for and that is nearest to `cuda`: what its drivers run comes first,
    then the default wheel, then the nearest version."""
    choices = [each for each in cuda_versions_of(torch) if CPU not in (each, cuda)]
    return min(choices, key=lambda each: cuda_distance(torch, each, cuda), default=None)


def cuda_distance(torch: str, choice: str, asked: str) -> tuple[int, bool, int]:
    """Sort key: how far the build of `torch` for `choice` is from one for `asked` (`12.4`, `12`, `cpu`)."""
    if CPU in (choice, asked):
        return 200 * (choice != asked), choice != asked, 0
    major, minor = _parts(choice)
    asked_major, asked_minor = _parts(asked)
    # one driver runs every minor version of a major, and the older majors; a newer major needs another
    apart = asked_major - major if major <= asked_major else 100
    return apart, variant_of(choice) != default_variant(torch), abs(minor - asked_minor)


def _parts(cuda: str) -> tuple[int, int]:
    version = Version(cuda)
    return version.major, version.minor


def _message(torch: str, cuda: str) -> str:
    was = "was never built" if is_complete(torch) else "is not known to be built"
    return f"PyTorch {torch} {was} {'without CUDA' if cuda == CPU else f'for CUDA {cuda}'}"


def _existing(torch: str, cuda: str) -> Iterator[str]:
    if builds(torch):
        yield f"{torch} with {', '.join(_spoken(build) for build in builds(torch))}"
    if cuda != CPU:
        yield f"CUDA {cuda} with {', '.join(_runs(versions_with(cuda))) or 'no PyTorch'}"


def _spoken(build: Build) -> str:
    if build.variant == default_variant(build.torch):
        return f"{build.cuda} (default)"
    return f"{build.cuda} (not advertised)" if build.unadvertised else build.cuda


def _runs(versions: Iterable[str]) -> Iterator[str]:
    """`2.1.0 to 2.5.1` for releases that follow each other."""
    order = [str(version) for version in torch_versions()]
    run: list[str] = []
    for version in versions:
        if run and order.index(version) != order.index(run[-1]) + 1:
            yield _run(run)
            run = []
        run.append(version)
    if run:
        yield _run(run)


def _run(versions: Sequence[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"


def _hint(torch: str, cuda: str, platform: Platform) -> str | None:
    choice = nearest_cuda(torch, cuda)
    if choice is None:
        return _other_torch(cuda)
    floor = driver_floor(choice, platform)
    newer = "" if floor is None else f" ({floor} or newer)"
    if cuda_order(choice) < cuda_order(cuda) or _parts(choice)[0] == _parts(cuda)[0]:
        return f'`cuda = "{choice}"` runs on every driver that {cuda} runs on{newer}'
    last = versions_with(cuda)[-1:]
    older = f"; the last PyTorch for CUDA {cuda} is {last[0]}" if last else ""
    return f'`cuda = "{choice}"` needs a newer driver than {cuda}{newer}{older}'


def _other_torch(cuda: str) -> str | None:
    """A hint where the facts have no CUDA build to offer: `torch` is not known, or `cpu` is asked for."""
    last = versions_with(cuda)[-1:]
    return f"the newest PyTorch known {_for(cuda)} is {last[0]}" if last else None


def _for(cuda: str) -> str:
    return "without CUDA" if cuda == CPU else f"for CUDA {cuda}"
