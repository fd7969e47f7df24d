"""Will a build run under a driver and on a GPU? The code in the wheel decides, and the driver's version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envlock.stack.archs import code_for, ptx_runs_on
from envlock.stack.builds import Build
from envlock.stack.code import WheelCode
from envlock.stack.combination.libraries import Floor, glibc_reason, gpu_reasons
from envlock.stack.combination.model import Combination, Reason, Verdict
from envlock.stack.combination.spoken import any_of, called, sources_of
from envlock.stack.drivers import DriverNeed, compare_drivers, driver_branch, driver_need
from envlock.stack.gpus import (
    Gpu,
    arm_host,
    find_gpu,
    first_cuda,
    last_branch,
    near_gpus,
    sass_sources,
)
from envlock.stack.sources import Source, sources
from envlock.stack.variants import CPU

_ARM_HINT = '`envlock lock` with `platforms = ["linux-aarch64"]` tells what there is for it'
_BRANCH_HINT = "`nvidia-smi` prints the whole version"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What is to run. `cuda` None and empty `archs`: not known. `ptx` is `compute_90`. `whole`
    is how the lock is called that it is of, whose wheels `glibc` and `wheels` are about."""

    called: str
    cuda: str | None
    archs: tuple[str, ...]
    ptx: str | None
    floor: str | None
    sources: tuple[Source, ...]
    glibc: Floor | None = None
    whole: str = ""
    wheels: tuple[WheelCode, ...] = ()


def code_of(build: Build) -> Code:
    """What a build brings."""
    return Code(
        called=called(build),
        cuda=build.cuda,
        archs=build.archs,
        ptx=build.ptx,
        floor=None if build.cuda == CPU else driver_need(build.cuda).floor,
        sources=sources_of([build]),
        glibc=_glibc_of(build),
    )


def _glibc_of(build: Build) -> Floor | None:
    if build.glibc is None:
        return None
    return Floor(version=build.glibc, by=build.glibc_by, sources=sources("torch_builds", build.glibc_sources))


def host_reasons(asked: Combination, code: Code) -> tuple[Reason, ...]:
    """What the driver and the GPU that are asked about mean for `code`; empty where none is."""
    found: list[Reason] = []
    if asked.driver is not None or asked.gpu is not None:
        found += [_no_gpu(code)] if code.cuda == CPU else _gpu_and_driver(asked, code)
    if asked.glibc is not None:
        found.append(
            glibc_reason(asked.glibc, code.whole or code.called, code.glibc, of_lock=bool(code.whole))
        )
    return tuple(found)


def _gpu_and_driver(asked: Combination, code: Code) -> Iterator[Reason]:
    gpu = None if asked.gpu is None else find_gpu(asked.gpu)
    if asked.gpu is not None:
        yield from _gpu(asked.gpu, gpu, code)
    if gpu is not None and asked.gpu is not None and not gpu.is_jetson:
        yield from gpu_reasons(_spoken(asked.gpu, gpu), gpu, code.wheels)
    if asked.driver is not None:
        yield from _driver(asked.driver, code)
        if gpu is not None:
            yield from _driver_of_gpu(asked.driver, gpu)
            yield from _just_in_time(asked.driver, gpu, code)


def _no_gpu(code: Code) -> Reason:
    message = f"{code.called} has no code for a GPU: it runs on the processor, with any driver and without"
    return Reason(about="driver", verdict=Verdict.EXISTS, message=message, sources=code.sources)


# The driver


def _driver(driver: str, code: Code) -> Iterator[Reason]:
    if code.cuda is None or code.floor is None:
        message = f"which driver {code.called} needs is not in the facts"
        yield Reason(about="driver", verdict=Verdict.UNKNOWN, message=message)
        return
    need = driver_need(code.cuda)
    yield _against_floor(driver, code.floor, need, code)
    if code.floor == need.floor:  # that of Linux, whose toolkit drivers these are
        yield from _minor_compatibility(driver, need)
    yield from _ended(driver)


def _against_floor(driver: str, floor: str, need: DriverNeed, code: Code) -> Reason:
    order = compare_drivers(driver, floor)
    verdict = {1: Verdict.EXISTS, -1: Verdict.WILL_NOT_RUN, None: Verdict.UNKNOWN}[order]
    says = {1: "is that", -1: "is older", None: "is cut too short to tell"}[order]
    return Reason(
        about="driver",
        verdict=verdict,
        message=f"{code.called} needs driver {floor} or newer: {driver} {says}",
        sources=need.floor_sources,
        hint={1: None, -1: f"install driver {floor} or newer, or take an older CUDA", None: _BRANCH_HINT}[
            order
        ],
    )


def _minor_compatibility(driver: str, need: DriverNeed) -> Iterator[Reason]:
    """Between the floor and the toolkit's own driver it runs, with a reservation that NVIDIA makes."""
    if need.floor is None or need.shipped is None or compare_drivers(driver, need.floor) != 1:
        return
    if compare_drivers(driver, need.shipped) == -1:
        message = (
            f"{need.floor} is the floor of CUDA {need.cuda.partition('.')[0]} by minor-version compatibility:"
            f" the driver that came with CUDA {need.cuda} is {need.shipped}, and code that is compiled on the"
            " host from PTX needs that one"
        )
        yield Reason(about="driver", verdict=Verdict.NOTE, message=message, sources=need.shipped_sources)


def _ended(driver: str) -> Iterator[Reason]:
    branch = driver_branch(driver)
    if branch is not None and branch.has_ended:
        message = f"driver branch {branch.number} has been without updates since {branch.end_of_life}"
        yield Reason(about="driver", verdict=Verdict.NOTE, message=message, sources=branch.sources)


def _driver_of_gpu(driver: str, gpu: Gpu) -> Iterator[Reason]:
    """A driver can be too new for a GPU, and older than the GPU."""
    last = last_branch(gpu.arch)
    if last is not None and int(driver.partition(".")[0]) > last.branch:
        yield Reason(
            about="gpu",
            verdict=Verdict.WILL_NOT_RUN,
            message=f"driver {driver} does not support {gpu.arch} any more: branch {last.branch} is the last",
            sources=last.sources,
            hint=f"install a driver of branch {last.branch}",
        )
    yield from _older_than_gpu(driver, gpu)


def _older_than_gpu(driver: str, gpu: Gpu) -> Iterator[Reason]:
    first = first_cuda(gpu.arch)
    shipped = None if first is None else driver_need(first[0]).shipped
    if first is not None and shipped is not None and compare_drivers(driver, shipped) == -1:
        message = (
            f"{gpu.arch} is new with CUDA {first[0]}, whose driver is {shipped}:"
            f" whether {driver} knows it is not in the facts"
        )
        yield Reason(about="gpu", verdict=Verdict.UNKNOWN, message=message, sources=first[1])


def _just_in_time(driver: str, gpu: Gpu, code: Code) -> Iterator[Reason]:
    """PTX is outside minor-version compatibility: a driver compiles that of its own toolkit and of older."""
    if code.cuda is None or code_for(code.archs, gpu.arch) is not None or not _is_by_ptx(code, gpu):
        return
    need = driver_need(code.cuda)
    order = None if need.shipped is None else compare_drivers(driver, need.shipped)
    if order == 1:
        return
    knows = f"that came with CUDA {code.cuda} ({need.shipped or 'not in the facts'}) or newer"
    yield Reason(
        about="driver",
        verdict=Verdict.WILL_NOT_RUN if order == -1 else Verdict.UNKNOWN,
        message=f"{code.called} runs on {gpu.arch} by PTX alone, which takes a driver {knows}:"
        f" {driver} {'is older' if order == -1 else 'may be that'}",
        sources=need.shipped_sources,
    )


def _is_by_ptx(code: Code, gpu: Gpu) -> bool:
    return code.ptx is not None and ptx_runs_on(code.ptx, gpu.arch)


# The GPU


def _gpu(name: str, gpu: Gpu | None, code: Code) -> Iterator[Reason]:
    if gpu is None:
        yield _no_such_gpu(name)
    elif gpu.is_jetson:
        message = (
            f"{_spoken(name, gpu)} takes wheels that NVIDIA builds for Jetson, which are not in the facts"
        )
        yield Reason(about="gpu", verdict=Verdict.UNKNOWN, message=message, sources=gpu.sources)
    elif arm := arm_host(name):
        message = f"a {_spoken(name, gpu)} is in hosts of aarch64, and the facts are about wheels for x86_64"
        yield Reason(about="gpu", verdict=Verdict.UNKNOWN, message=message, sources=arm, hint=_ARM_HINT)
    elif not code.archs:
        message = f"for which GPUs {code.called} has code is not in the facts"
        yield Reason(about="gpu", verdict=Verdict.UNKNOWN, message=message, sources=code.sources)
    else:
        yield _against_code(name, gpu, code)


def _no_such_gpu(name: str) -> Reason:
    near = near_gpus(name)
    meant = f"did you mean {any_of([f'`{each}`' for each in near])}? " if near else ""
    return Reason(
        about="gpu",
        verdict=Verdict.UNKNOWN,
        message=f"no GPU `{name}` is in the facts",
        hint=f"{meant}`nvidia-smi --query-gpu=compute_cap --format=csv` prints 8.6, which is sm_86",
    )


def _against_code(name: str, gpu: Gpu, code: Code) -> Reason:
    best, spoken = code_for(code.archs, gpu.arch), _spoken(name, gpu)
    rule = sass_sources() if best != gpu.arch else ()
    from_ptx = best is None and _is_by_ptx(code, gpu)
    if best is not None:
        runs = "" if best == gpu.arch else ", which runs on it"
        message = f"{code.called} has code for {spoken}: {best}{runs}"
    elif from_ptx:
        message = f"{code.called} has no code for {spoken}, but {code.ptx}, out of which the driver makes it"
    else:
        message = f"{code.called} has no code for {spoken}: it has {', '.join(code.archs)}"
    return Reason(
        about="gpu",
        verdict=Verdict.WILL_NOT_RUN if best is None and not from_ptx else Verdict.EXISTS,
        message=message,
        sources=(*code.sources, *gpu.sources, *rule),
    )


def _spoken(name: str, gpu: Gpu) -> str:
    """`V100 (sm_70)`, and `sm_70 (V100, TITAN V)` where the architecture was asked for."""
    shown = name.strip()
    if shown.lower().startswith(("sm", "compute")) or shown[:1].isdigit():
        return f"{gpu.arch} ({', '.join(gpu.names[:3])})" if gpu.names else gpu.arch
    return f"{shown} ({gpu.arch})"
