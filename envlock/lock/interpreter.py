"""Which exact Python a lock names, for routes that install an interpreter; never this machine's."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from envlock import stack
from envlock.errors import UsageFault
from envlock.lock.model import Lock

_EXACT = re.compile(r"3\.\d{1,2}\.\d{1,3}")


def exact_python(python: str, *, asked: str | None, old: Lock | None, exclude_newer: str | None) -> str:
    """`python` of the manifest to the patch: what is asked for, else the old lock's, else the newest
    of the stack facts that was out by `exclude_newer`. Raises UsageFault, NoSolution."""
    if asked is not None:
        return _fitting(asked, python)
    if python.count(".") == 2:
        return python
    if old is not None and _is_a(old.python_exact, python):
        return old.python_exact
    return stack.newest_python(python, _last_day(exclude_newer))


def _fitting(asked: str, python: str) -> str:
    if not _EXACT.fullmatch(asked):
        raise UsageFault(
            f"`{asked}` is not an exact version of Python", hint="write it like `--python 3.11.7`"
        )
    if not _is_a(asked, python):
        hint = f'ask for a patch of {python}, or set `python = "{asked}"` in the manifest'
        raise UsageFault(f"Python {asked} is not a {python}, which the manifest asks for", hint=hint)
    return asked


def _is_a(exact: str, python: str) -> bool:
    return f"{exact}.".startswith(f"{python}.")


def _last_day(exclude_newer: str | None) -> date | None:
    """The last day that is wholly before the instant `exclude_newer`."""
    if exclude_newer is None:
        return None
    return (datetime.fromisoformat(exclude_newer) - timedelta(days=1)).date()
