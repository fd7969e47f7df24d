"""Releases of CPython (`data/pythons.toml`), and the Python to take where none is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from types import MappingProxyType

from packaging.version import Version

from envlock.errors import NoSolution
from envlock.stack.builds import builds, default_variant, release, torch_versions
from envlock.stack.facts import document


@cache
def _released() -> Mapping[str, date]:
    """Exact version to the day by which it was out, ascending."""
    rows: Mapping[str, Mapping[str, date]] = document("pythons")["release"]
    return MappingProxyType({version: rows[version]["date"] for version in sorted(rows, key=Version)})


def pythons(series: str | None = None) -> tuple[str, ...]:
    """The final releases of a series (`3.11`), or all that are known (3.8 and later), ascending."""
    return tuple(version for version in _released() if series is None or _series(version) == series)


def is_known_python(exact: str) -> bool:
    """Is `exact` (`3.11.7`) a final release that the facts know?"""
    return exact in _released()


def released_on(exact: str) -> date:
    """The day by which `exact` was out. Raises KeyError for one that is not known."""
    return _released()[exact]


def newest_python(series: str | None = None, not_after: date | None = None) -> str:
    """The newest final release of `series` (`3.11`) that was out on the day `not_after`.

    Without a series: of any that is not newer than `default_python`. Raises NoSolution where the
    facts know none.
    """
    limit = Version(default_python())
    fitting = [
        version
        for version, day in _released().items()
        if (not_after is None or day <= not_after)
        and (_series(version) == series if series is not None else Version(_series(version)) <= limit)
    ]
    if not fitting:
        raise _unknown(series, not_after)
    return fitting[-1]


def _unknown(series: str | None, not_after: date | None) -> NoSolution:
    name = "Python" if series is None else f"Python {series}"
    by = "" if not_after is None else f" by {not_after.isoformat()}"
    known = pythons(series)
    first = f"{known[0]} came out on {_released()[known[0]].isoformat()}" if known else None
    return NoSolution(
        f"no release of {name} is known{by}",
        hint="name the release with `--python X.Y.Z`",
        facts=[("first", first)] if first else [],
    )


def default_python(torch: str | None = None) -> str:
    """The series (`3.14`) to take where nothing asks for one.

    The newest that the default wheels of `torch`, and of the release series of PyTorch before it, are
    made for: a Python that PyTorch supports since its last release only lacks wheels of much else.
    `torch` defaults to the newest release.
    """
    known = None if torch is None else release(torch)
    newest = torch_versions()[-1] if known is None else Version(known.torch)
    before = [version for version in torch_versions() if version.release[:2] < newest.release[:2]]
    both = _supported(newest).intersection(*(_supported(version) for version in before[-1:]))
    return max(both or _supported(newest), key=Version)


def _supported(torch: Version) -> set[str]:
    """The series with a default wheel of `torch`, free-threaded builds apart, that have been released."""
    default = default_variant(str(torch))
    found = [build for build in builds(str(torch)) if build.variant == default]
    return set(_final(series for build in found for series in build.pythons))


def _final(series: Iterable[str]) -> Iterable[str]:
    return (each for each in series if not each.endswith("t") and pythons(each))


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])
