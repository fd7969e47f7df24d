"""Driver floors and toolkit drivers, which are two questions."""

from __future__ import annotations

import pytest

from envlock import stack
from envlock.manifest.platforms import Platform

LINUX, WINDOWS = Platform.LINUX_64, Platform.WIN_64


@pytest.mark.parametrize(
    ("cuda", "platform", "floor"),
    [
        ("11.8", LINUX, "450.80.02"),
        ("12.1", LINUX, "525.60.13"),
        ("12.4", LINUX, "525.60.13"),
        ("12.4", Platform.LINUX_AARCH64, "525.60.13"),
        ("12.4", WINDOWS, "528.33"),
        ("13.2", LINUX, "580"),
        ("12.4", Platform.OSX_ARM64, None),
        ("cpu", LINUX, None),
        ("10.2", LINUX, None),
    ],
)
def test_the_floor_is_that_of_the_major(cuda: str, platform: Platform, floor: str | None) -> None:
    assert stack.driver_floor(cuda, platform) == floor


@pytest.mark.parametrize(
    ("cuda", "platform", "driver"),
    [
        ("11.8", LINUX, "520.61.05"),
        ("12.4", LINUX, "550.54.14"),
        ("12.4", WINDOWS, "551.61"),
        ("13.0", LINUX, "580.65.06"),
        ("13.0", WINDOWS, None),
        ("13.4", LINUX, None),
        ("12.7", LINUX, None),
        ("cpu", LINUX, None),
        ("12.4", Platform.OSX_ARM64, None),
    ],
)
def test_the_driver_of_a_toolkit_is_a_newer_one(cuda: str, platform: Platform, driver: str | None) -> None:
    assert stack.toolkit_driver(cuda, platform) == driver
