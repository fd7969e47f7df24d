"""The virtual packages of a platform: what the solver may take for granted of the machine.

The manifest says them; what it does not say follows from what it does (`glibc`, `cuda`, the platform).
The machine that solves is never asked: a lock would differ from host to host.
"""

from __future__ import annotations

from collections.abc import Mapping

from envlock.manifest.model import AUTO, CPU, Manifest
from envlock.manifest.platforms import Platform

# As conda-lock's default sets have them, and so most published locks; all but these must be said.
_BASE: Mapping[Platform, Mapping[str, str]] = {
    Platform.LINUX_64: {"__unix": "0", "__linux": "5.10", "__archspec": "1=x86_64"},
    Platform.LINUX_AARCH64: {"__unix": "0", "__linux": "5.10", "__archspec": "1=aarch64"},
    Platform.OSX_ARM64: {"__unix": "0", "__osx": "11.0", "__archspec": "1=m1"},
    Platform.WIN_64: {"__win": "0", "__archspec": "1=x86_64"},
}
_ONLY_ON: Mapping[str, tuple[Platform, ...]] = {
    "__glibc": (Platform.LINUX_64, Platform.LINUX_AARCH64),
    "__linux": (Platform.LINUX_64, Platform.LINUX_AARCH64),
    "__osx": (Platform.OSX_ARM64,),
    "__win": (Platform.WIN_64,),
    "__unix": (Platform.LINUX_64, Platform.LINUX_AARCH64, Platform.OSX_ARM64),
    "__cuda": (Platform.LINUX_64, Platform.LINUX_AARCH64, Platform.WIN_64),
}


def virtual_packages(manifest: Manifest, platform: Platform) -> dict[str, str]:
    """Name -> version or `version=build`, sorted. `__cuda` is there where the manifest gives it, or asks
    for a CUDA version by number."""
    found = dict(_BASE[platform])
    if platform.is_linux:
        found["__glibc"] = ".".join(map(str, manifest.glibc))
    if manifest.cuda[platform] not in (AUTO, CPU):
        found["__cuda"] = manifest.cuda[platform]
    asked = manifest.conda.virtual_packages if manifest.conda else {}
    found |= {name: version for name, version in asked.items() if _has(platform, name)}
    return dict(sorted(found.items()))


def _has(platform: Platform, name: str) -> bool:
    """One table of the manifest serves all platforms: macOS has no `__glibc`."""
    return name not in _ONLY_ON or platform in _ONLY_ON[name]
