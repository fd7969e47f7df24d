"""The platforms that can be locked, named as conda names its subdirs."""

from __future__ import annotations

from enum import StrEnum


class Platform(StrEnum):
    LINUX_64 = "linux-64"
    LINUX_AARCH64 = "linux-aarch64"
    OSX_ARM64 = "osx-arm64"
    WIN_64 = "win-64"

    @property
    def is_linux(self) -> bool:
        return self in (Platform.LINUX_64, Platform.LINUX_AARCH64)
