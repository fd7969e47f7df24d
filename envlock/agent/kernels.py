"""What of a host decides which kernels run, as far as it is told without running any: the class of its
numbers, in short. `verify --level numerics` asks the libraries themselves (numerics/host_class.py)."""

import os
from typing import Dict, Mapping

from .facts import GpuFacts
from .numerics.cpu import Cpu, this_cpu

# What ATen chooses by (aten/src/ATen/native/DispatchStub.cpp, compute_cpu_capability).
_AVX512 = {"avx512f", "avx2", "fma"}
_AVX2 = {"avx2", "fma"}
_VARIABLES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "NVIDIA_TF32_OVERRIDE")


def kernel_class(environment: Mapping[str, str], gpu: GpuFacts) -> Dict[str, str]:
    """Named values, empty ones left out."""
    cpu = this_cpu()
    found = {
        "cpu-vendor": cpu.vendor,
        "aten": aten_capability(cpu, environment.get("ATEN_CPU_CAPABILITY", "")),
        "threads": environment.get("OMP_NUM_THREADS", "") or str(_processors()),
        **{name.lower().replace("_", "-"): environment.get(name, "") for name in _VARIABLES[1:]},
        **_gpus(gpu),
    }
    return {name: value for name, value in found.items() if value}


def aten_capability(cpu: Cpu, asked: str) -> str:
    """`AVX512`, `AVX2` or `DEFAULT` as ATen chooses on x86-64; what a variable asks for comes first. Empty on
    other machines."""
    if not cpu.features or not {"sse4.2", "avx"} & set(cpu.features):
        return ""
    if asked in ("default", "avx2", "avx512"):
        return asked.upper()
    features = set(cpu.features)
    return "AVX512" if features >= _AVX512 else "AVX2" if features >= _AVX2 else "DEFAULT"


def _processors() -> int:
    """Those that this process may use: how many threads there are by default."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus(gpu: GpuFacts) -> Dict[str, str]:
    """cuBLAS is bitwise only for one architecture and number of multiprocessors (its manual)."""
    kinds = [
        "sm_%s%s" % (each["capability"].replace(".", ""), _counted(each["multiprocessors"]))
        for each in gpu["devices"]
        if each["capability"]
    ]
    return {"gpu": ", ".join(sorted(set(kinds)))}


def _counted(multiprocessors: object) -> str:
    return " with %s SMs" % multiprocessors if multiprocessors else ""
