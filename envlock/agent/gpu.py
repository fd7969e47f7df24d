"""The GPUs that this process is given, their driver in its two halves, and what hands GPUs to containers."""

import os
import re
import shutil
from typing import List, Mapping, Optional

from . import nvml
from .facts import GpuDeviceFacts, GpuFacts

_TOOLKIT = ("nvidia-ctk", "nvidia-container-cli")
_CDI = ("etc/cdi", "var/run/cdi")
_VERSION = re.compile(r"\.so\.(\d+\.\d+(?:\.\d+)?)$")


def gpu_facts(environment: Mapping[str, str], host: Mapping[str, str], root: str = "/") -> GpuFacts:
    """`host` has what host_facts found. Nothing is asked where no driver, device or library of it is."""
    is_there = any(host.get(name) for name in ("nvidia_driver", "gpu_devices", "libcuda"))
    answer = nvml.ask() if is_there else None
    library = real_library(host.get("libcuda"), root)
    return GpuFacts(
        driver=answer["driver"] if answer else None,
        cuda=answer["cuda"] if answer else None,
        fault=answer["fault"] if answer else None,
        devices=[_described(each) for each in answer["devices"]] if answer else [],
        libcuda=library,
        libcuda_version=library_version(library),
        toolkit=container_toolkit(environment),
        cdi=cdi_files(root),
    )


def nothing() -> GpuFacts:
    return GpuFacts(
        driver=None,
        cuda=None,
        fault=None,
        devices=[],
        libcuda=None,
        libcuda_version=None,
        toolkit=None,
        cdi=[],
    )


def real_library(path: Optional[str], root: str = "/") -> Optional[str]:
    """Where the driver's library really is, behind its links."""
    if path is None:
        return None
    real = os.path.realpath(os.path.join(root, path.lstrip("/")))
    base = os.path.realpath(root)
    return real if base == "/" else "/" + os.path.relpath(real, base)


def library_version(path: Optional[str]) -> Optional[str]:
    """The driver that a library belongs to, by its name: `libcuda.so.550.54.14`."""
    match = _VERSION.search(path or "")
    return match[1] if match else None


def container_toolkit(environment: Mapping[str, str]) -> Optional[str]:
    """The NVIDIA container toolkit on PATH, by the name of its program."""
    path = environment.get("PATH")
    return next((name for name in _TOOLKIT if shutil.which(name, path=path)), None)


def cdi_files(root: str = "/") -> List[str]:
    """Specifications of the Container Device Interface for NVIDIA's GPUs."""
    found = []
    for folder in _CDI:
        try:
            names = os.listdir(os.path.join(root, folder))
        except OSError:
            continue
        found += ["/%s/%s" % (folder, name) for name in names if "nvidia" in name]
    return sorted(found)


def _described(device: nvml.Device) -> GpuDeviceFacts:
    """Without its serial number: hosts that are alike are to have facts that are alike."""
    return GpuDeviceFacts(
        name=device["name"],
        capability=device["capability"],
        multiprocessors=device["multiprocessors"],
        memory=device["memory"],
        mig=device["mig"],
        ecc=device["ecc"],
        persistence=device["persistence"],
    )
