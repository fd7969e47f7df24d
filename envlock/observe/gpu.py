"""GPUs and driver as NVIDIA's management library tells them; without one, why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One device. `memory` in bytes; what the driver does not tell of it is None."""

    name: str
    uuid: str
    capability: str | None
    multiprocessors: int | None
    memory: int | None
    mig: bool | None
    ecc: bool | None
    persistence: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuFacts:
    """`driver` is the version of the user-space library, `cuda` the newest CUDA that it knows.

    `fault` says why nothing is known (`library-not-found`, `driver-not-loaded`, `version-mismatch`, …) and
    is None where the library answered.
    """

    driver: str | None = None
    cuda: str | None = None
    gpus: tuple[Gpu, ...] = ()
    fault: str | None = None
    detail: str | None = None


def gpu_facts() -> GpuFacts:
    """Ask the library `libnvidia-ml.so.1` that the loader finds."""
    pynvml: Any = import_module("pynvml")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return GpuFacts(fault=_FAULTS.get(error.value, "nvml-failed"), detail=str(error))
    try:
        return _asked(pynvml)
    except pynvml.NVMLError as error:
        return GpuFacts(fault=_FAULTS.get(error.value, "nvml-failed"), detail=str(error))
    finally:
        pynvml.nvmlShutdown()


# nvml.h, nvmlReturn_t
_FAULTS = {
    4: "no-permission",
    9: "driver-not-loaded",
    12: "library-not-found",
    15: "gpu-is-lost",
    18: "version-mismatch",
}


def _asked(nvml: Any) -> GpuFacts:
    cuda = _told(nvml, nvml.nvmlSystemGetCudaDriverVersion_v2)
    count = nvml.nvmlDeviceGetCount()
    return GpuFacts(
        driver=_text(nvml.nvmlSystemGetDriverVersion()),
        cuda=None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
        gpus=tuple(_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(number)) for number in range(count)),
    )


def _gpu(nvml: Any, handle: Any) -> Gpu:
    capability = _told(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    attributes = _told(nvml, lambda: nvml.nvmlDeviceGetAttributes(handle))
    memory = _told(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    return Gpu(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        capability=None if capability is None else f"{capability[0]}.{capability[1]}",
        multiprocessors=None if attributes is None else int(attributes.multiprocessorCount),
        memory=None if memory is None else int(memory.total),
        mig=_is_on(_told(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0])),
        ecc=_is_on(_told(nvml, lambda: nvml.nvmlDeviceGetEccMode(handle)[0])),
        persistence=_is_on(_told(nvml, lambda: nvml.nvmlDeviceGetPersistenceMode(handle))),
    )


def _told(nvml: Any, ask: Callable[[], _T]) -> _T | None:
    """What the driver tells; None where this device or driver has no answer to that."""
    try:
        return ask()
    except nvml.NVMLError:
        return None


def _is_on(mode: int | None) -> bool | None:
    return None if mode is None else mode == 1


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
