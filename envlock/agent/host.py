"""What is recorded of the host: outside the runtime hash (IDENTITY 3)."""

import os
import platform
import re
import sys
from typing import Dict, Optional

_PLATFORMS = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "arm64"): "osx-arm64",
}


def host_facts() -> Dict[str, str]:
    """Kernel, C library and NVIDIA driver of this host."""
    system = os.uname()
    driver = nvidia_driver()
    return {
        **({"nvidia_driver": driver} if driver else {}),
        **_gpus(driver),
        "platform": platform_name(),
        "name": system.nodename,
        "system": system.sysname,
        "kernel": system.release,
        "machine": system.machine,
        "libc": " ".join(platform.libc_ver()),
        "byte_order": sys.byteorder,
    }


def _gpus(driver: Optional[str]) -> Dict[str, str]:
    """The compute capabilities of the GPUs, `9.0 9.0`; nothing is asked where no driver is loaded."""
    if driver is None:
        return {}
    from .nvml import compute_capabilities

    found = " ".join(compute_capabilities())
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
