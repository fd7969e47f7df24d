"""What is recorded of the host: outside the runtime hash (IDENTITY 3)."""

import os
import platform
import re
import sys
from typing import Dict, Iterable, List, Mapping, Optional

_PLATFORMS = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "arm64"): "osx-arm64",
}


# A GPU as a device file: NVIDIA's own, WSL's, and those of Jetson boards.
_GPU = re.compile(r"nvidia[0-9]+|dxg|nvhost-gpu|nvgpu")
_LIBRARY = "libcuda.so.1"
_CACHED = re.compile(rb"(/[^\0]*/libcuda\.so\.1)\0")
# Where the loader looks without being told: Debian's, Fedora's, and on NixOS where the driver is.
_USUAL = (
    *("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/run/opengl-driver/lib"),
    *("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"),
)


def host_facts(environment: Mapping[str, str], root: str = "/") -> Dict[str, str]:
    """Kernel, C library and NVIDIA driver of this host, and what of its GPUs this process is given.

    A container without GPUs sees the host's driver in /proc: its devices and its library say more. `root`
    is where /proc, /dev and the libraries are looked for.
    """
    system = os.uname()
    search = environment.get("LD_LIBRARY_PATH", "")
    gpu = {
        "nvidia_driver": nvidia_driver(os.path.join(root, "proc/driver/nvidia/version")),
        "gpu_devices": " ".join(gpu_devices(os.path.join(root, "dev"))),
        "libcuda": libcuda(root, search.split(":")),
    }
    return {
        **{name: value for name, value in gpu.items() if value},
        **_capabilities(gpu["nvidia_driver"]),
        "platform": platform_name(),
        "name": system.nodename,
        "system": system.sysname,
        "kernel": system.release,
        "machine": system.machine,
        "libc": " ".join(platform.libc_ver()),
        "byte_order": sys.byteorder,
    }


def _capabilities(driver: Optional[str]) -> Dict[str, str]:
    """The compute capabilities of the GPUs, `9.0 9.0`; nothing is asked where no driver is loaded."""
    if driver is None:
        return {}
    from .nvml import ask

    found = " ".join(each["capability"] for each in ask()["devices"] if each["capability"])
    return {"nvidia_capabilities": found} if found else {}


def platform_name() -> str:
    """This host as conda names its subdirs; "" for one that no lock has."""
    system = os.uname()
    return _PLATFORMS.get((system.sysname, system.machine), "")


def nvidia_driver(version_file: str = "/proc/driver/nvidia/version") -> Optional[str]:
    """The version of the loaded kernel module, as the module itself says it; None without one."""
    try:
        with open(version_file, encoding="utf-8") as file:
            match = re.search(r"Kernel Module[^\n]*?\s(\d+\.\d+(\.\d+)?)\s", file.read())
    except OSError:
        return None
    return match[1] if match else None


def gpu_devices(folder: str = "/dev") -> List[str]:
    """The device files of GPUs, by name."""
    try:
        return sorted(name for name in os.listdir(folder) if _GPU.fullmatch(name))
    except OSError:
        return []


def libcuda(root: str, search: Iterable[str]) -> Optional[str]:
    """Where the loader finds the driver's library; it is not loaded. None: nowhere."""
    paths = [f"{folder}/{_LIBRARY}" for folder in search if folder]
    paths += _from_loader_cache(os.path.join(root, "etc/ld.so.cache"))
    paths += [f"{folder}/{_LIBRARY}" for folder in _USUAL]
    return next((path for path in paths if os.path.isfile(os.path.join(root, path.lstrip("/")))), None)


def _from_loader_cache(path: str) -> List[str]:
    """ld.so.cache ends in the texts that its table names, each closed by a zero (ldconfig(8))."""
    try:
        with open(path, "rb") as file:
            return [os.fsdecode(found) for found in _CACHED.findall(file.read())]
    except OSError:
        return []
