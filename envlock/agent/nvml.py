"""GPUs and driver as NVIDIA's management library tells them, by NVIDIA's own bindings; without, why not.

No context is made on a GPU, nothing is written to one. Source: nvml.h (NVIDIA Management Library API).
"""

from functools import lru_cache
from importlib import import_module
from typing import Any, Callable, List, Optional, TypedDict

_MOST_GPUS = 1024
# nvml.h, nvmlReturn_t
_FAULTS = {
    4: "no-permission",
    9: "driver-not-loaded",
    12: "library-not-found",
    15: "gpu-is-lost",
    18: "version-mismatch",
}
# CUDA cores of a multiprocessor, by compute capability: NVML counts cores.
# Source: NVIDIA/cuda-samples, Common/helper_cuda.h, _ConvertSMVer2Cores
_CORES = {
    192: ((3, 0), (3, 5), (3, 7)),
    128: (
        *((5, 0), (5, 2), (5, 3), (6, 1), (6, 2), (8, 6), (8, 7), (8, 9)),
        *((9, 0), (10, 0), (10, 3), (11, 0), (12, 0), (12, 1)),
    ),
    64: ((6, 0), (7, 0), (7, 2), (7, 5), (8, 0)),
}


class Device(TypedDict):
    """One GPU. `memory` in bytes; what the driver does not tell of it is None."""

    name: str
    uuid: str
    capability: Optional[str]
    multiprocessors: Optional[int]
    memory: Optional[int]
    mig: Optional[bool]
    ecc: Optional[bool]
    persistence: Optional[bool]


class Answer(TypedDict):
    """`driver` is the version of the user-space library, `cuda` the newest CUDA that it knows.

    `fault` says why nothing is known (`library-not-found`, `driver-not-loaded`, `version-mismatch`, …) and
    is None where the library answered; `detail` are its words.
    """

    driver: Optional[str]
    cuda: Optional[str]
    devices: List[Device]
    fault: Optional[str]
    detail: Optional[str]


@lru_cache(maxsize=None)
def ask() -> Answer:
    """Ask the library `libnvidia-ml.so.1` that the loader finds, once: it can take seconds."""
    nvml = _bindings()
    if nvml is None:
        return _failed("bindings-not-found", "nvidia-ml-py is not installed here")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return _failed(_FAULTS.get(error.value, "nvml-failed"), str(error))
    try:
        return _asked(nvml)
    except nvml.NVMLError as error:
        return _failed(_FAULTS.get(error.value, "nvml-failed"), str(error))
    finally:
        _told(nvml, nvml.nvmlShutdown)


def _bindings() -> Any:
    """Those that the zipapp carries, else the installed ones; None where there are none."""
    for name in (__package__ + ".carried.pynvml", "pynvml"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _failed(fault: str, detail: str) -> Answer:
    return Answer(driver=None, cuda=None, devices=[], fault=fault, detail=detail)


def _asked(nvml: Any) -> Answer:
    cuda = _told(nvml, nvml.nvmlSystemGetCudaDriverVersion_v2)
    count = min(nvml.nvmlDeviceGetCount(), _MOST_GPUS)
    handles = [_told(nvml, nvml.nvmlDeviceGetHandleByIndex, number) for number in range(count)]
    return Answer(
        driver=_text(nvml.nvmlSystemGetDriverVersion()),
        cuda=None if cuda is None else "%d.%d" % (cuda // 1000, cuda % 1000 // 10),
        devices=[_device(nvml, handle) for handle in handles if handle is not None],
        fault=None,
        detail=None,
    )


def _device(nvml: Any, handle: Any) -> Device:
    capability = _told(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle)
    memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    return Device(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        uuid=_text(_told(nvml, nvml.nvmlDeviceGetUUID, handle) or ""),
        capability=None if capability is None else "%d.%d" % (capability[0], capability[1]),
        multiprocessors=_multiprocessors(nvml, handle, capability),
        memory=None if memory is None else int(memory.total),
        mig=_is_on(_first(_told(nvml, nvml.nvmlDeviceGetMigMode, handle))),
        ecc=_is_on(_first(_told(nvml, nvml.nvmlDeviceGetEccMode, handle))),
        persistence=_is_on(_told(nvml, nvml.nvmlDeviceGetPersistenceMode, handle)),
    )


def _multiprocessors(nvml: Any, handle: Any, capability: Any) -> Optional[int]:
    """nvmlDeviceGetAttributes tells it, but on many drivers of MIG devices alone: then by the cores."""
    attributes = _told(nvml, nvml.nvmlDeviceGetAttributes, handle)
    if attributes is not None and attributes.multiprocessorCount:
        return int(attributes.multiprocessorCount)
    cores = _told(nvml, nvml.nvmlDeviceGetNumGpuCores, handle)
    each = next((count for count, kinds in _CORES.items() if tuple(capability or ()) in kinds), None)
    return cores // each if cores and each and cores % each == 0 else None


def _told(nvml: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the driver tells; None where this device or driver has no answer to that."""
    try:
        return function(*arguments)
    except nvml.NVMLError:
        return None


def _first(modes: Any) -> Optional[int]:
    """Of the present mode and the one after the next start."""
    return None if modes is None else int(modes[0])


def _is_on(mode: Optional[int]) -> Optional[bool]:
    return None if mode is None else mode == 1


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
