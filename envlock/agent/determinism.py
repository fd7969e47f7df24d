"""`deterministic(seed)`: what a program must set itself so that it repeats. docs/numerics.md tells each line.

The variables that are read when Python starts cannot be set from inside: what is missing of them is told.
"""

import os
import random
import warnings
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

_MOST = 2**32  # NumPy's and Python's seeds both take what is below
_WORKSPACES = (":4096:8", ":16:8")  # the two that cuBLAS documents as deterministic


class Deterministic(NamedTuple):
    """What a `DataLoader` takes, and what could not be set from inside (empty: nothing).

    `generator` is a `torch.Generator` on the CPU, None without torch.
    """

    seed: int
    worker_init_fn: Callable[[int], None]
    generator: Any
    missing: Tuple[str, ...]


def deterministic(seed: int) -> Deterministic:
    """Seed `random`, NumPy and torch (CPU and every GPU), and let torch take deterministic kernels only.

    Call it first, before a model or a loader is made. NumPy and torch are imported where they are installed.
    A variable that had to be set before Python started is told by a RuntimeWarning and in `missing`.
    Raises ValueError for a seed that NumPy would not take.
    """
    if not 0 <= seed < _MOST:
        raise ValueError("a seed is from 0 to 2**32 - 1, and %d is not" % seed)
    random.seed(seed)
    numpy, torch = _installed("numpy"), _installed("torch")
    if numpy is not None:
        numpy.random.seed(seed)
    generator = None if torch is None else _torch(torch, seed)
    missing = _missing(torch, _at_start())
    for text in missing:
        warnings.warn(text, RuntimeWarning, stacklevel=2)
    return Deterministic(seed, seed_worker, generator, missing)


def seed_worker(_worker: int) -> None:
    """Seed `random` and NumPy of a data-loader worker from the seed that torch gave it; a loader's own
    generator decides that one. A function of a module, so that spawned workers find it."""
    torch, numpy = _installed("torch"), _installed("numpy")
    seed = torch.initial_seed() % _MOST
    random.seed(seed)
    if numpy is not None:
        numpy.random.seed(seed)


def _torch(torch: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    generator = torch.Generator()
    generator.manual_seed(seed)
    return generator


def _installed(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def _at_start() -> Dict[str, str]:
    """The environment that this process was started with, where the system tells; else as it is now."""
    try:
        with open("/proc/self/environ", "rb") as file:
            rows = [os.fsdecode(row).partition("=") for row in file.read().split(b"\0") if row]
    except OSError:
        return dict(os.environ)
    return {name: value for name, _, value in rows}


def _missing(torch: Any, started: Dict[str, str]) -> Tuple[str, ...]:
    found: List[str] = []
    seed = started.get("PYTHONHASHSEED", "")
    if not seed.isdigit():
        was = "`%s`" % seed if seed else "not set"
        found.append(
            "PYTHONHASHSEED was %s when Python started: the order of sets of text changes from run to run; "
            'set it before (PYTHONHASHSEED = "0" in the settings of the lock, `envlock run` applies it)' % was
        )
    if torch is not None and torch.version.cuda and started.get("CUBLAS_WORKSPACE_CONFIG") not in _WORKSPACES:
        found.append(
            "CUBLAS_WORKSPACE_CONFIG was not `:4096:8` or `:16:8` when Python started: matrix products on a "
            "GPU fail or do not repeat; set it before, as PYTHONHASHSEED"
        )
    return tuple(found)
