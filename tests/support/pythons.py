"""Pythons that are on this machine."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path


@cache
def pythons_at_hand() -> dict[str, str]:
    """`3.8` -> the interpreter of the newest CPython of that series, from 3.8 on: what uv and pyenv have."""
    from uv import find_uv_bin

    command = [find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, check=True)
    found = {
        tuple(row["version_parts"].values())[:3]: row["path"]
        for row in json.loads(done.stdout)
        if row["implementation"] == "cpython" and row["variant"] == "default"
    }
    for root in (Path.home() / ".pyenv" / "versions").glob("3.*"):
        parts = tuple(int(part) for part in root.name.split(".") if part.isdigit())
        if len(parts) == 3 and (root / "bin" / "python3").exists():
            found[parts] = str(root / "bin" / "python3")
    usable = sorted((parts, path) for parts, path in found.items() if parts >= (3, 8))
    return {f"{parts[0]}.{parts[1]}": path for parts, path in usable}
