"""The variables of a job's environment that can change code or numbers (IDENTITY 7)."""

import os
from typing import Dict, Iterable, List, Mapping, Set, Tuple

from .foreign import search_directories
from .loader import Shadow

# What each one can change; the judging side turns presence into a note, an effect into a finding.
WATCHED = {
    "LD_LIBRARY_PATH": "libraries found before those of the environment",
    "LD_PRELOAD": "libraries loaded before all others",
    "LD_AUDIT": "code loaded into the dynamic loader",
    "GCONV_PATH": "code that the C library loads to convert text",
    "OPENSSL_CONF": "code that OpenSSL loads when it starts",
    "OPENSSL_ENGINES": "code that OpenSSL loads",
    "OPENSSL_MODULES": "code that OpenSSL loads",
    "DYLD_LIBRARY_PATH": "libraries found before those of the environment",
    "DYLD_INSERT_LIBRARIES": "libraries loaded before all others",
    "PYTHONPLATLIBDIR": "another standard library and another site directory",
    "PYTHONPATH": "modules found before those of the environment",
    "PYTHONHOME": "another standard library",
    "PYTHONSTARTUP": "code run by interactive interpreters",
    "PYTHONPYCACHEPREFIX": "bytecode read from another directory",
    "PYTHONOPTIMIZE": "assertions removed",
    "PYTHONWARNINGS": "modules imported for warning categories when Python starts",
    "PYTHONUSERBASE": "another user site directory",
    "NVIDIA_TF32_OVERRIDE": "TF32 in every CUDA library",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "TF32 in matrix products",
    "CUBLAS_WORKSPACE_CONFIG": "which cuBLAS kernels are deterministic",
    "CUDA_VISIBLE_DEVICES": "which GPUs are seen",
    "CUDA_HOME": "which CUDA toolkit extensions are built with",
    "CUDA_LAUNCH_BLOCKING": "the order of GPU work",
    "OMP_NUM_THREADS": "the order of sums on the CPU",
    "MKL_NUM_THREADS": "the order of sums on the CPU",
    "MKL_DYNAMIC": "how many threads MKL takes, and so the order of sums on the CPU",
    "OPENBLAS_NUM_THREADS": "the order of sums on the CPU",
    "OPENBLAS_CORETYPE": "the CPU kernels of OpenBLAS",
    "MKL_CBWR": "the CPU kernels of MKL",
    "MKL_ENABLE_INSTRUCTIONS": "the CPU kernels of MKL",
    "ATEN_CPU_CAPABILITY": "the CPU kernels of PyTorch",
    "ONEDNN_MAX_CPU_ISA": "the CPU kernels of oneDNN",
    "DNNL_MAX_CPU_ISA": "the CPU kernels of oneDNN",
    "NPY_DISABLE_CPU_FEATURES": "the CPU kernels of NumPy",
    "NPY_ENABLE_CPU_FEATURES": "the CPU kernels of NumPy",
    "NVPL_BLAS_DEBUG_CPU_TYPE": "the CPU kernels of NVPL BLAS",
    "PYTHONHASHSEED": "the order of sets",
    "NCCL_ALGO": "the order of sums between GPUs",
    "NCCL_PROTO": "the order of sums between GPUs",
    "TORCH_CUDNN_V8_API_DISABLED": "which cuDNN interface is used",
    "TORCH_BLAS_PREFER_CUBLASLT": "which BLAS library is used",
}

# They decide which files a pass looks at: a pass made under other values is not reused.
SHAPING = ("PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "PYTHONUSERBASE", "HOME")


def relevant(environment: Mapping[str, str], settings: Iterable[str]) -> Dict[str, str]:
    """The watched and the locked variables that are set, sorted."""
    names = set(WATCHED) | set(settings)
    return {name: environment[name] for name in sorted(names) if name in environment}


def shaping(environment: Mapping[str, str]) -> Dict[str, str]:
    found = {name: environment[name] for name in SHAPING if environment.get(name)}
    # Relative and empty parts: the same text means another place from another directory.
    parts = found.get("PYTHONPATH", "/").split(os.pathsep)
    return found if all(part.startswith("/") for part in parts) else {**found, "PWD": os.getcwd()}


def preloaded(environment: Mapping[str, str]) -> List[Tuple[str, str]]:
    """(variable, file) of every library that the loader is told to load first (ld.so(8))."""
    found = []
    for variable in ("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"):
        for part in environment.get(variable, "").replace(":", " ").split():
            found.append((variable, part))
    return found


def shadowing(environment: Mapping[str, str], installed: Mapping[str, str]) -> List[Shadow]:
    """Libraries in the search path that bear the name of an installed one (whose path `installed` has)."""
    found: List[Shadow] = []
    names = set(installed)
    for variable in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        for directory in environment.get(variable, "").replace(";", ":").split(":"):
            for searched in search_directories(directory) if directory else ():
                for name in _present(searched, names):
                    found.append(Shadow(variable, f"{searched}/{name}", name, installed[name], []))
    return found


def _present(directory: str, names: Set[str]) -> List[str]:
    try:
        return sorted(names.intersection(os.listdir(directory)))
    except OSError:
        return []
