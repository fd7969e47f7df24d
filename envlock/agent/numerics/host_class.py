"""The numerics class: what of a host decides which kernels run, beside the bytes of the libraries.

Two hosts of one class are expected to give the same bits. It is not part of the runtime hash.
"""

import ctypes
import hashlib
import importlib
import json
import os
import re
import tempfile
from typing import Any, Callable, Dict, List, Mapping, Optional

from .cpu import this_cpu

# The variables whose values are part of the class.
VARIABLES = ("MKL_CBWR", "NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG")
_CORE_NAMES = (
    "scipy_openblas_get_corename64_",
    "scipy_openblas_get_corename",
    "openblas_get_corename64_",
    "openblas_get_corename",
)
_THREADS = ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads64_", "openblas_get_num_threads")


def class_of(torch: Any, numpy: Any, environment: Mapping[str, str]) -> Dict[str, str]:
    """The class of this process as named values, empty ones left out. Imports nothing."""
    cpu = this_cpu()
    found = {"cpu-vendor": cpu.vendor, "cpu-features": " ".join(cpu.features)}
    if numpy is not None:
        found.update(_numpy())
    if torch is not None:
        found.update(_torch(torch, environment))
        found.update(_gpu(torch, environment))
    return {name: value for name, value in found.items() if value}


def class_name(values: Dict[str, str]) -> str:
    """`nc1:` and 16 hex digits of the sha256 of the values' compact, sorted JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return "nc1:" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _numpy() -> Dict[str, str]:
    found = {"numpy-simd": " ".join(_numpy_features())}
    for path in _mapped(r"openblas"):
        library = ctypes.CDLL(path)
        found["openblas-core"] = _said(library, _CORE_NAMES, ctypes.c_char_p) or ""
        found["openblas-threads"] = _said(library, _THREADS, ctypes.c_int) or ""
        break
    return found


def _numpy_features() -> List[str]:
    """The dispatched features that are on, those that NPY_DISABLE_CPU_FEATURES took away left out."""
    for name in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):  # NumPy 2, NumPy 1
        try:
            umath: Any = importlib.import_module(name)
        except ImportError:
            continue
        return [feature for feature in umath.__cpu_dispatch__ if umath.__cpu_features__.get(feature)]
    return []


def _torch(torch: Any, environment: Mapping[str, str]) -> Dict[str, str]:
    isa, mkl = _onednn_isa(torch), bool(torch.backends.mkl.is_available())
    return {
        "aten": _capability(torch),
        "onednn-isa": isa,
        "mkl-cbwr": environment.get("MKL_CBWR", "") if mkl else "",
        "threads": str(torch.get_num_threads()),
    }


def _capability(torch: Any) -> str:
    if hasattr(torch.backends, "cpu"):  # torch 2.1 and later
        return str(torch.backends.cpu.get_cpu_capability())
    match = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
    return match[1] if match else ""


def _onednn_isa(torch: Any) -> str:
    """What oneDNN says of itself when it is first used; it has no call that tells."""
    if not torch.backends.mkldnn.is_available():
        return ""

    def use() -> None:
        image, weight = torch.ones(16, 16, 32, 32), torch.ones(16, 16, 3, 3)
        with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
            torch.nn.functional.conv2d(image, weight)

    try:
        match = re.search(r"cpu,isa:(.+)", _standard_output(use))
    except (OSError, AttributeError, RuntimeError):
        return ""
    return match[1].strip() if match else ""


def _standard_output(run: Callable[[], None]) -> str:
    """What C code writes to descriptor 1 while `run` runs."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            run()
        finally:
            ctypes.CDLL(None).fflush(None)
            os.dup2(kept, 1)
            os.close(kept)
        file.seek(0)
        return file.read().decode(errors="replace")


def _gpu(torch: Any, environment: Mapping[str, str]) -> Dict[str, str]:
    """Of the first visible GPU. cuBLAS is bitwise only for one architecture and SM count (its manual)."""
    if not torch.cuda.is_available():
        return {}
    gpu = torch.cuda.get_device_properties(0)
    return {
        "gpu-arch": "sm_%d%d" % (gpu.major, gpu.minor),
        "gpu-sms": str(gpu.multi_processor_count),
        "gpus": str(torch.cuda.device_count()),  # an all-reduce runs over all of them
        "tf32-matmul": _on(torch.backends.cuda.matmul.allow_tf32),
        "tf32-cudnn": _on(torch.backends.cudnn.allow_tf32),
        "tf32-override": environment.get("NVIDIA_TF32_OVERRIDE", ""),
        "cublas-workspace": environment.get("CUBLAS_WORKSPACE_CONFIG", ""),
    }


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def _mapped(pattern: str) -> List[str]:
    try:
        with open("/proc/self/maps") as file:
            paths = {line.split(None, 5)[5].strip() for line in file if line.count("/")}
    except OSError:
        return []
    return sorted(path for path in paths if re.search(pattern, os.path.basename(path)) and ".so" in path)


def _said(library: Any, names: Any, kind: Any) -> Optional[str]:
    for name in names:
        function = getattr(library, name, None)
        if function is not None:
            function.restype = kind
            value = function()
            return value.decode() if isinstance(value, bytes) else str(value)
    return None
