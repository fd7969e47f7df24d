"""What was current on a day: releases of PyTorch and series of Python (`data/torch_dates.toml`,
`data/pythons.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envlock.stack.asked import python_choices
from envlock.stack.builds import builds
from envlock.stack.facts import document
from envlock.stack.pythons import pythons, released_on

# How long after its first release a Python has wheels of much else, where no facts of PyTorch tell.
_SETTLED = timedelta(days=270)


@cache
def _published() -> Mapping[Version, date]:
    return {Version(version): day for version, day in document("torch_dates")["torch"]["published"].items()}


def torch_on(day: date, asked: SpecifierSet | None = None) -> str | None:
    """The newest release of PyTorch that was out before `day` began and that `asked` admits."""
    admitted = [
        version
        for version, published in _published().items()
        if published < day and (asked is None or asked.contains(str(version)))
    ]
    return str(max(admitted)) if admitted else None


def torch_published(torch: str) -> date | None:
    """The day on which a release came out."""
    return _published().get(Version(Version(torch).public))


def pythons_on(day: date, torch: str | None) -> tuple[str, ...]:
    """The series of Python (`3.11`) that were out before `day`, in the order in which to take them."""
    out = [series for series in python_choices(torch) if _came_out(series) < day]
    if torch is not None and builds(torch):
        return tuple(out)
    settled = sorted((each for each in out if _came_out(each) + _SETTLED < day), key=Version, reverse=True)
    return tuple(dict.fromkeys((*settled, *out)))


def _came_out(series: str) -> date:
    return min(released_on(exact) for exact in pythons(series))
