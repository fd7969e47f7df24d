"""What the running Python is to conda: its subdir and its build strings."""

from __future__ import annotations

import platform
import sys

SUBDIR = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "arm64"): "osx-arm64",
}[platform.system(), platform.machine()]

SERIES = f"{sys.version_info[0]}.{sys.version_info[1]}"
PY = f"py{sys.version_info[0]}{sys.version_info[1]}"
SITE = f"lib/python{SERIES}/site-packages"
