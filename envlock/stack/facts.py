"""The data files: read once, when something is first asked.

Every file has `gathered`, the day of its facts, and `[sources]`, which the `src` of each row names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from pkgutil import get_data
from types import MappingProxyType
from typing import Any

import tomli

DATA_VERSION = "2026-11-20"
"""The day of the facts. One lock from one manifest, one state of the indexes and one data version."""

DATA = Path(__file__).parent / "data"


@cache
def document(name: str) -> Mapping[str, Any]:
    """The data file `name` (`torch_builds`), as TOML has it. Not to be changed."""
    data = get_data(__name__, f"data/{name}.toml")  # from inside the agent's zipapp, too
    return MappingProxyType(tomli.loads((data or b"").decode()))
