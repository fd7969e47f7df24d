"""The compute capabilities of this host's GPUs, as NVIDIA's management library tells them.

No context is made on a GPU, nothing is written to one. Source: nvml.h (NVIDIA Management Library API).
"""

import ctypes
from typing import Any, List

_LIBRARY = "libnvidia-ml.so.1"
_MOST_GPUS = 1024


def compute_capabilities(library: str = _LIBRARY) -> List[str]:
    """`["9.0", "9.0"]`, in the library's order; empty where there is no library, or it does not answer."""
    try:
        nvml = ctypes.CDLL(library)
        if nvml.nvmlInit_v2() != 0:
            return []
    except (OSError, AttributeError):
        return []
    try:
        return _capabilities(nvml)
    except AttributeError:  # a library so old that it has not all of the names
        return []
    finally:
        nvml.nvmlShutdown()


def _capabilities(nvml: Any) -> List[str]:
    count = ctypes.c_uint()
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return []
    found = []
    for index in range(min(count.value, _MOST_GPUS)):
        device, major, minor = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)) != 0:
            continue
        asked = (ctypes.byref(major), ctypes.byref(minor))
        if nvml.nvmlDeviceGetCudaComputeCapability(device, *asked) == 0:
            found.append("%d.%d" % (major.value, minor.value))
    return found
