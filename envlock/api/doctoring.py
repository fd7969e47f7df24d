"""Look at this host for the doctor."""

from __future__ import annotations

import ctypes.util
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from envlock.agent.environment import WATCHED
from envlock.agent.host import nvidia_driver, platform_name
from envlock.agent.places import environment_at_hand
from envlock.doctor import Diagnosis, HostFacts, diagnosed, recognised
from envlock.errors import EnvlockError
from envlock.lock.file import read_lock
from envlock.lock.model import Stack
from envlock.observe.gpu import gpu_facts

__all__ = ["Diagnosis", "HostFacts", "doctor", "recognised"]

_CONTAMINATING = (
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "PYTHONPATH",
    "PYTHONHOME",
    "NVIDIA_TF32_OVERRIDE",
)


def doctor(environment: Mapping[str, str], lock: Path) -> tuple[HostFacts, tuple[Diagnosis, ...]]:
    """What this host is, and what ails it. `lock` need not be there."""
    stack = _stack(lock)
    host = HostFacts(
        gpu=gpu_facts(),
        module=nvidia_driver(),
        libcuda=ctypes.util.find_library("cuda"),
        devices=_paths("/dev", "nvidia[0-9]*", "nvidiactl"),
        engines=_present(environment, "docker", "podman"),
        toolkit=_first(environment, "nvidia-ctk", "nvidia-container-cli"),
        cdi=_paths("/etc/cdi", "*nvidia*") + _paths("/var/run/cdi", "*nvidia*"),
        externally_managed=_externally_managed(),
        contaminating={name: _effect(name) for name in _CONTAMINATING if environment.get(name)},
        torch=_torch(environment),
        wanted=stack.cuda if stack is not None else None,
        floor=stack.driver if stack is not None else None,
    )
    return host, diagnosed(host)


def _effect(name: str) -> str:
    return f"it can change {WATCHED[name]}"


def _stack(lock: Path) -> Stack | None:
    try:
        return read_lock(lock).stack.get(platform_name())
    except EnvlockError:
        return None


def _present(environment: Mapping[str, str], *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if shutil.which(name, path=environment.get("PATH")))


def _first(environment: Mapping[str, str], *names: str) -> str | None:
    return next(iter(_present(environment, *names)), None)


def _externally_managed() -> str | None:
    """PEP 668: the mark lies in the directory of the standard library."""
    folders = (Path(sysconfig.get_path("stdlib")), *Path("/usr/lib").glob("python3*"))
    marks = (folder / "EXTERNALLY-MANAGED" for folder in folders)
    return next((str(mark) for mark in marks if mark.exists()), None)


def _paths(folder: str, *patterns: str) -> tuple[str, ...]:
    return tuple(sorted(str(path) for pattern in patterns for path in Path(folder).glob(pattern)))


def _torch(environment: Mapping[str, str]) -> str | None:
    """The version of the PyTorch in the environment at hand, by its own `version.py`."""
    found = environment_at_hand(environment)
    for path in sorted(Path(found[0]).glob("lib/python3*/site-packages/torch/version.py")) if found else ():
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("__version__ = "):
                return line.partition("=")[2].strip().strip("'\"")
    return None
