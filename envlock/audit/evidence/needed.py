"""The libraries of the extra `evidence`, which writing needs and checking does not."""

from __future__ import annotations

from importlib.util import find_spec

from envlock.errors import ToolMissing


def needed(*modules: str) -> None:
    """Raise ToolMissing, with the way to get it, where a library of the extra is not installed."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ToolMissing(
            f"writing evidence needs {', '.join(f'`{name}`' for name in missing)}",
            hint="install envlock with its extra: `pip install '.[evidence]'`",
        )
