"""What a real test needs of its machine: missing, it is skipped with the reason; in CI it fails."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*tools: str, root: bool = False) -> None:
    """Skip (in CI: fail) unless every tool is on PATH, and the user is root where that is needed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    reason = f"not installed: {', '.join(missing)}" if missing else ""
    if root and os.geteuid() != 0:
        reason = "needs root"
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI must have what this test needs: {reason}")
    if reason:
        pytest.skip(reason)
