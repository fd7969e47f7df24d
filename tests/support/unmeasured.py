"""The environment of a process whose imports or time a test asks about: coverage.py would be among them."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
