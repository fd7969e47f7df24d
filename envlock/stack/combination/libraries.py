"""What the libraries of locked wheels say: code for a GPU in each of them, and the glibc that they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from envlock.stack.code import LibraryCode, WheelCode
from envlock.stack.combination.model import Reason, Verdict
from envlock.stack.gpus import Gpu
from envlock.stack.sources import Source

_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The oldest version of the host's C library that does; `by` says whose need it is."""

    version: str
    by: str
    sources: tuple[Source, ...] = ()


def glibc_reason(here: str, subject: str, floor: Floor | None, *, of_lock: bool) -> Reason:
    """Is the glibc `here` new enough for `subject`?"""
    if floor is None:
        message = f"which glibc {subject} needs is not in the facts"
        return Reason(about="glibc", verdict=Verdict.UNKNOWN, message=message)
    old = Version(here) < Version(floor.version)
    return Reason(
        about="glibc",
        verdict=Verdict.WILL_NOT_RUN if old else Verdict.EXISTS,
        message=f"{subject} needs glibc {floor.version} or newer ({floor.by}):"
        f" {here} {'is older' if old else 'is that'}",
        sources=floor.sources,
        hint=_way_out(here, of_lock) if old else None,
    )


def _way_out(here: str, of_lock: bool) -> str:
    if of_lock:
        return (
            f'`glibc = "{here}"` in the manifest has `envlock lock` take wheels for it, where there are any'
        )
    return "take an older PyTorch, or a newer system or container"


def highest(floors: Iterable[Floor]) -> Floor | None:
    """The floor that decides; of equal ones, the first."""
    return max(floors, key=lambda each: Version(each.version), default=None)


def floors_of(wheel: WheelCode) -> Iterator[Floor]:
    """What the symbols of a wheel's libraries need of glibc."""
    library = wheel.newest("glibc")
    if library is not None and library.glibc is not None:
        yield Floor(version=library.glibc, by=f"symbols of {library.path}", sources=wheel.sources)


def gpu_reasons(spoken: str, gpu: Gpu, wheels: Sequence[WheelCode]) -> Iterator[Reason]:
    """Whether the wheels' libraries have code for the GPU that is called `spoken`."""
    for wheel in wheels:
        main = wheel.main
        if main is None:
            continue
        yield _main(spoken, gpu, wheel, main)
        if main.running_on(gpu.arch):
            yield from _partial(spoken, gpu, wheel)
        yield from _unread(wheel)


def _main(spoken: str, gpu: Gpu, wheel: WheelCode, main: LibraryCode) -> Reason:
    running, compiled = main.running_on(gpu.arch), main.compiled_for(gpu.arch)
    has = f"{main.path} of the locked {wheel.name}"
    if running == 0:
        message = f"{has} has no code for {spoken}: it has {', '.join(main.codes)}"
    else:
        by = "machine code" if compiled else "PTX alone"
        message = f"{has} has {by} for {spoken} in {_of(compiled or running, main.total)}"
    verdict = Verdict.EXISTS if running else Verdict.WILL_NOT_RUN
    return Reason(about="gpu", verdict=verdict, message=message, sources=(*wheel.sources, *gpu.sources))


def _of(count: int, total: int) -> str:
    if total == 1:
        return "its one part"
    return f"all {total} parts" if count == total else f"{count} of {total} parts"


def _partial(spoken: str, gpu: Gpu, wheel: WheelCode) -> Iterator[Reason]:
    for library in wheel.libraries:
        running = library.running_on(gpu.arch)
        if running < library.total:
            count = f"{running} of {library.total} parts" if running else "no part"
            yield Reason(
                about="gpu",
                verdict=Verdict.NOTE,
                message=f"{library.path} of the locked {wheel.name} has code for {spoken} in {count}:"
                " what needs the others fails there",
                sources=wheel.sources,
            )


def _unread(wheel: WheelCode) -> Iterator[Reason]:
    if wheel.faults:
        more = len(wheel.faults) - _MOST_NAMED
        told = "; ".join(wheel.faults[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
        message = f"libraries of the locked {wheel.name} could not be read: {told}"
        yield Reason(about="gpu", verdict=Verdict.UNKNOWN, message=message, sources=wheel.sources)
