"""Which NVIDIA driver a CUDA toolkit needs (`data/cuda_drivers.toml`). Two different questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envlock.manifest.platforms import Platform
from envlock.stack.facts import DATA_VERSION, document
from envlock.stack.sources import Source, sources
from envlock.stack.variants import CPU

FILE = "cuda_drivers"


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


# What is known of one CUDA or branch, with its sources


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverNeed:
    """The drivers of one CUDA on Linux: the oldest that runs its binaries, and the one it shipped with."""

    cuda: str
    floor: str | None
    shipped: str | None
    floor_sources: tuple[Source, ...]
    shipped_sources: tuple[Source, ...]


def driver_need(cuda: str) -> DriverNeed:
    """Both answers for `cuda` on Linux x86_64; None where they are not known."""
    data = document(FILE)
    floor = data["minimum_compat"].get(cuda.partition(".")[0], {})
    shipped = data["toolkit_driver"].get(cuda, {})
    return DriverNeed(
        cuda=cuda,
        floor=driver_floor(cuda, Platform.LINUX_64),
        shipped=toolkit_driver(cuda),
        floor_sources=sources(FILE, floor.get("src", ())),
        shipped_sources=sources(FILE, shipped.get("src", ())),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A data-center driver branch: `end_of_life` is a month, `2026-06`."""

    number: int
    end_of_life: str
    sources: tuple[Source, ...]

    @property
    def has_ended(self) -> bool:
        """By the day of the facts."""
        return self.end_of_life <= DATA_VERSION[:7]


def driver_branch(driver: str) -> Branch | None:
    """The branch of a driver version (`535.54.03`), where its end is known."""
    number = int(driver.partition(".")[0])
    row = document(FILE)["driver_branch"].get(str(number))
    if row is None:
        return None
    return Branch(number=number, end_of_life=row["eol"], sources=sources(FILE, row["src"]))


def compare_drivers(driver: str, floor: str) -> int | None:
    """1: `driver` is not older than `floor`; -1: it is older; None: `driver` is cut too short to tell.

    >>> compare_drivers("535.54", "525.60.13"), compare_drivers("470.57.02", "525.60.13")
    (1, -1)
    >>> compare_drivers("580", "580"), compare_drivers("525", "525.60.13")
    (1, None)
    """
    mine, least = (tuple(int(part) for part in each.split(".")) for each in (driver, floor))
    if mine[: len(least)] != least[: len(mine)]:
        return 1 if mine > least else -1
    return 1 if len(mine) >= len(least) else None
