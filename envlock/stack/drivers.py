"""Which NVIDIA driver a CUDA toolkit needs (`data/cuda_drivers.toml`). Two different questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envlock.manifest.platforms import Platform
from envlock.stack.facts import document
from envlock.stack.variants import CPU


def driver_floor(cuda: str, platform: Platform) -> str | None:
    """The oldest driver on which binaries built with `cuda` run ("minor-version compatibility").

    That is what a wheel needs, and one number per CUDA major; NVIDIA names a branch only for some
    ("580"). It does not cover PTX: code for the GPU must be in the wheel. None: no driver is needed
    (`cpu`, macOS), or not known.
    """
    column = _column(platform)
    if cuda == CPU or column is None:
        return None
    found = document("cuda_drivers")["minimum_compat"].get(cuda.partition(".")[0], {}).get(column)
    return None if found is None else str(found)


def toolkit_driver(cuda: str, platform: Platform = Platform.LINUX_64) -> str | None:
    """The driver that the first release of toolkit `cuda` ships with, which has all its features.

    None: `cpu`, macOS, or not published (Windows from CUDA 13.0 on).
    """
    row: Mapping[str, Any] = document("cuda_drivers")["toolkit_driver"].get(cuda, {})
    match _column(platform):
        case "linux":
            found = row.get("ga")
        case "windows":
            found = row.get("windows", {}).get("ga")
        case _:
            return None
    return None if found is None else str(found)


def _column(platform: Platform) -> str | None:
    if platform.is_linux:
        return "linux"
    return "windows" if platform is Platform.WIN_64 else None
