"""Which locked platform a host is, and what it must only be compatible with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packaging.version import InvalidVersion, Version

from envlock.agent.facts import Facts
from envlock.errors import CouldNotTell
from envlock.lock.model import Lock, Stack, Wheel
from envlock.report import Finding, Severity

_LEGACY_MANYLINUX = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")


def locked_platform(lock: Lock, platform: str) -> str:
    """The locked platform of a host. A host that the lock does not know is told so."""
    if platform in lock.platforms:
        return platform
    raise CouldNotTell(
        f"this host is {platform or 'of no platform that envlock locks'}, "
        f"and the lock has {', '.join(lock.platforms)}",
        hint=f'add "{platform}" to `platforms` in the manifest and run `envlock lock`' if platform else None,
    )


def glibc_floor(lock: Lock, platform: str) -> tuple[int, int] | None:
    """The oldest glibc on which every locked wheel may run: by the wheels' own tags (PEP 600), and by the
    symbols of those whose libraries are among the facts."""
    floors = [floor for _, wheel in lock.on(platform) for floor in _floors_of(wheel)]
    return max(floors, default=None)


def _floors_of(wheel: Wheel) -> Iterator[tuple[int, int]]:
    from envlock.stack.code import known_code

    floor, known = wheel_floor(wheel.file), known_code(wheel.sha256)
    needs = None if known is None else known.newest("glibc")
    if floor is not None:
        yield floor
    if needs is not None and needs.glibc is not None:
        major, minor = needs.glibc.split(".")[:2]
        yield int(major), int(minor)


def wheel_floor(file: str) -> tuple[int, int] | None:
    """The oldest glibc that a wheel's tags name; None where they name none."""
    tags = file.rpartition("-")[2].split(".")
    floors = [floor for tag in tags if (floor := _tag_floor(tag)) is not None]
    return min(floors, default=None)


def _tag_floor(tag: str) -> tuple[int, int] | None:
    if match := _MANYLINUX.match(tag):
        return int(match[1]), int(match[2])
    return _LEGACY_MANYLINUX.get(tag.partition("_")[0])


def judge_host(lock: Lock, platform: str, facts: Facts, *, require_gpu: bool) -> Iterator[Finding]:
    """glibc, libstdc++, CPU and driver: must only be compatible, and are outside the runtime hash."""
    yield from _judge_glibc(lock, platform, facts["host"].get("libc", ""))
    yield from _judge_libstdcxx(lock, platform, facts["host"].get("libstdcxx", ""))
    yield from _judge_level(lock, platform, facts["host"].get("cpu_level", ""))
    yield from _judge_halves(lock, platform, facts)
    yield from _judge_gpu(lock, platform, facts["host"], require_gpu)


def _judge_glibc(lock: Lock, platform: str, libc: str) -> Iterator[Finding]:
    floor = glibc_floor(lock, platform)
    match = re.fullmatch(r"glibc (\d+)\.(\d+)", libc)
    if floor is None or match is None:
        return
    here = (int(match[1]), int(match[2]))
    if here < floor:
        yield Finding(
            code="glibc-too-old",
            severity=Severity.INCOMPATIBLE,
            component="host",
            expected=f">= {floor[0]}.{floor[1]}",
            observed=f"{here[0]}.{here[1]}",
            message=f"glibc {here[0]}.{here[1]} is older than {floor[0]}.{floor[1]}, a locked wheel's floor",
            hint=f'`glibc = "{here[0]}.{here[1]}"` in the manifest locks wheels for this host',
        )


def _judge_libstdcxx(lock: Lock, platform: str, here: str) -> Iterator[Finding]:
    """By the symbols of the wheels whose libraries are among the facts."""
    found = max(_needs(lock, platform, "glibcxx"), key=lambda row: _numbers(row[0]), default=None)
    if found is None or not _DOTTED.fullmatch(here) or _numbers(here) >= _numbers(found[0]):
        return
    floor, library = found
    yield Finding(
        code="libstdcxx-too-old",
        severity=Severity.INCOMPATIBLE,
        component="host",
        expected=f">= {floor}",
        observed=here,
        message=f"libstdc++ here has GLIBCXX_{here}, and `{library}` needs GLIBCXX_{floor}",
        hint="a newer libstdc++.so.6, of the system or of conda's `libstdcxx`, has it",
    )


def _judge_level(lock: Lock, platform: str, here: str) -> Iterator[Finding]:
    found = max(_needs(lock, platform, "level"), key=lambda row: _LEVELS.index(row[0]), default=None)
    if found is None or here not in _LEVELS or _LEVELS.index(here) >= _LEVELS.index(found[0]):
        return
    level, library = found
    yield Finding(
        code="cpu-too-old",
        severity=Severity.INCOMPATIBLE,
        component="host",
        expected=level,
        observed=here,
        message=f"the CPU is {here}, and `{library}` is made for {level}",
        hint="run on a newer CPU: the loader refuses this library here",
    )


_LEVELS = ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4")
_DOTTED = re.compile(r"\d{1,4}(\.\d{1,4})*")


def _needs(lock: Lock, platform: str, need: str) -> Iterator[tuple[str, str]]:
    """What libraries of the locked wheels ask of the host, with their paths, as far as it is known."""
    from envlock.stack.code import known_code

    for _, wheel in lock.on(platform):
        known = known_code(wheel.sha256)
        for library in () if known is None else known.libraries:
            value = getattr(library, need)
            if value is not None:
                yield value, library.path


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _judge_halves(lock: Lock, platform: str, facts: Facts) -> Iterator[Finding]:
    """The kernel module and the user-space driver are of one version, or nothing of CUDA starts."""
    stack, gpu, module = lock.stack.get(platform), facts["gpu"], facts["host"].get("nvidia_driver")
    if stack is None or stack.cuda in (None, "cpu") or "gpu_devices" not in facts["host"]:
        return
    library = gpu["driver"] or gpu["libcuda_version"]
    if gpu["fault"] == "version-mismatch" or (gpu["driver"] and module and gpu["driver"] != module):
        yield Finding(
            code="driver-needs-reboot",
            severity=Severity.INCOMPATIBLE,
            component="host",
            expected=module,
            observed=library,
            message=f"the kernel module of the NVIDIA driver is {module or 'unknown'}, its library is "
            f"{library or 'of another version'}: the driver was updated under it",
            hint="`sudo reboot` (or unload and load the nvidia modules)",
        )


def _judge_gpu(lock: Lock, platform: str, host: Mapping[str, str], require_gpu: bool) -> Iterator[Finding]:
    stack = lock.stack.get(platform)
    needs_gpu = stack is not None and stack.cuda not in (None, "cpu")
    if lacking := _lacking(host):
        if require_gpu or needs_gpu:
            yield _no_gpu(lacking, host, require_gpu)
        return
    if stack is not None and stack.driver is not None:
        yield from _judge_driver(host.get("nvidia_driver"), stack.driver, stack.cuda)
    if needs_gpu and stack is not None and stack.gpu_archs:
        yield from _judge_code(stack, host.get("nvidia_capabilities", ""))


def _lacking(host: Mapping[str, str]) -> str | None:
    """What a GPU needs and this host, or this container of it, does not have."""
    driver = host.get("nvidia_driver")
    if "gpu_devices" in host:
        return None if "libcuda" in host else "there are NVIDIA devices here, and no libcuda.so.1"
    if driver is not None:
        return f"this machine has NVIDIA driver {driver}, and none of its devices is here"
    return "no NVIDIA driver or device here"


def _no_gpu(lacking: str, host: Mapping[str, str], require_gpu: bool) -> Finding:
    # podman 4.3 takes `--gpus all`, gives none, and says nothing.
    contained = "nvidia_driver" in host or "gpu_devices" in host
    start = "a container is given GPUs by `docker run --gpus all`, `podman run --device nvidia.com/gpu=all`"
    counted = "`--require-gpu` makes this count"
    hint = start if contained else None if require_gpu else counted
    return Finding(
        code="no-gpu",
        severity=Severity.INCOMPATIBLE if require_gpu else Severity.NOTE,
        component="host",
        message=f"{lacking}: whether the GPU part would run was not looked at",
        hint=hint,
    )


def _judge_driver(driver: str | None, floor: str, cuda: str | None) -> Iterator[Finding]:
    if driver is not None and _older(driver, floor):
        yield Finding(
            code="driver-too-old",
            severity=Severity.INCOMPATIBLE,
            component="host",
            expected=f">= {floor}",
            observed=driver,
            message=f"NVIDIA driver {driver} is older than {floor}, the oldest that runs CUDA {cuda}",
            hint=f"install driver {floor} or newer, or lock another `cuda`",
        )


def _judge_code(stack: Stack, capabilities: str) -> Iterator[Finding]:
    """Machine code alone is judged: what PTX some builds have is for no newer GPU than their code is."""
    from envlock.stack.archs import code_for

    told = [match for each in capabilities.split() if (match := re.fullmatch(r"(\d{1,2})\.(\d)", each))]
    archs = sorted({(int(match[1]), int(match[2])) for match in told})
    without = [f"sm_{major}{minor}" for major, minor in archs]
    without = [arch for arch in without if code_for(stack.gpu_archs, arch) is None]
    if without:
        yield Finding(
            code="no-code-for-gpu",
            severity=Severity.INCOMPATIBLE,
            component="host",
            expected=", ".join(stack.gpu_archs),
            observed=", ".join(without),
            message=f"the locked PyTorch {stack.torch} has no code for {', '.join(without)}"
            " of this host's GPUs",
            hint=f"`envlock explain --gpu {without[0]}` tells what runs there",
        )


def _older(left: str, right: str) -> bool:
    try:
        return Version(left) < Version(right)
    except InvalidVersion:
        return False
