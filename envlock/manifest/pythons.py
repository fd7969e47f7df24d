"""The Python that a manifest means, beside `requires-python`."""

from __future__ import annotations

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envlock.manifest.project import Given
from envlock.manifest.tables import Faults, code

_LOWER_BOUNDS = (">=", ">", "==", "~=", "===")
_OLDEST = (3, 8)  # the agent's
_PATCHES = range(60)


def settled_python(
    asked: Given | None, requires: tuple[SpecifierSet, Given] | None, default: str, faults: Faults
) -> str:
    """`python` as asked for; else the lowest version of `requires-python`; else `default`."""
    if requires is None:
        return asked.text if asked else default
    specifier, given = requires
    python = asked.text if asked else lowest(specifier) or default
    if not allows(specifier, python):
        where = asked.where if asked else given.where
        message = f"Python {python} is not allowed by requires-python {code(given.text)}"
        faults.add(where, message, _hint(asked))
    return python


def _hint(asked: Given | None) -> str:
    return "change one of the two" if asked else 'set `python`, like `python = "3.11"`'


def lowest(specifier: SpecifierSet) -> str | None:
    """The lowest version that a specifier names as allowed: `3.9` of `>=3.9,<3.13`.

    X.Y, because any patch of it will do, except where `==3.11.7` asks for one.

    >>> lowest(SpecifierSet(">=3.10.4")), lowest(SpecifierSet("==3.11.7"))
    ('3.10', '3.11.7')
    """
    bounds = [clause for clause in specifier if clause.operator in _LOWER_BOUNDS]
    rows = [row for clause in bounds for row in _named(clause)]
    return max(rows)[1] if rows else None


def _named(clause: Specifier) -> list[tuple[Version, str]]:
    """(version, X.Y or X.Y.Z) of one lower bound; the highest of several is the one that binds."""
    try:
        version = Version(clause.version.removesuffix(".*"))
    except InvalidVersion:  # `===` takes any text
        return []
    if version.release[:2] < _OLDEST or len(version.release) < 2 or version.major != 3:
        return []
    exact = clause.operator in ("==", "===") and not clause.version.endswith("*")
    return [(version, ".".join(map(str, version.release[: 3 if exact else 2])))]


def allows(specifier: SpecifierSet, python: str) -> bool:
    if python.count(".") == 2:
        return specifier.contains(python)
    return any(specifier.contains(f"{python}.{patch}") for patch in _PATCHES)
