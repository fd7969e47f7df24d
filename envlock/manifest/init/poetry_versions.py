"""Version constraints of poetry, in the spelling of PEP 440.

    ^1.2.3   >=1.2.3,<2.0.0    the leftmost part that is not zero stays
    ~1.2.3   >=1.2.3,<1.3.0    major and minor stay; ~1 keeps the major
    1.2.*    ==1.2.*           1.2.3  ==1.2.3            *  anything

(poetry's documentation, "Dependency specification".) The tests hold this against poetry-core.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_OR = re.compile(r"\s*\|\|?\s*")
_CLAUSE = re.compile(r"(?P<operator>\^|~=|===|==|!=|>=|<=|~|>|<|=)?\s*(?P<version>[^\s,^~=!<>]+)\s*,?\s*")
_ANY = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One operator of PEP 440 with its version; `2.*` for a wildcard."""

    operator: str
    version: str

    def __str__(self) -> str:
        return self.operator + self.version


Range = tuple[Clause, ...]


def pep_440(text: str) -> str:
    """The constraint as one specifier; empty for any version. Raises ValueError where there is none.

    >>> pep_440("^0.2.3"), pep_440("~1.4"), pep_440("1.*"), pep_440("*"), pep_440("^1.0 || ^2.0")
    ('>=0.2.3,<0.3.0', '>=1.4,<1.5', '==1.*', '', '>=1.0,<3.0')
    """
    ranges = alternatives(text)
    found = ranges[0] if len(ranges) == 1 else _joined(ranges)
    return ",".join(map(str, found))


def alternatives(text: str) -> tuple[Range, ...]:
    """What `||` separates, each as clauses that hold together. Raises ValueError."""
    return tuple(_range(part) for part in _OR.split(text.strip()))


def specifiers(text: str) -> tuple[SpecifierSet, ...]:
    """As `alternatives`, to be asked whether a version is among them. Raises ValueError."""
    return tuple(SpecifierSet(",".join(map(str, each))) for each in alternatives(text))


def _range(text: str) -> Range:
    clauses: list[Clause] = []
    position = 0
    while position < len(text):
        match = _CLAUSE.match(text, position)
        if match is None:
            raise ValueError(f'"{text}" is not a version constraint of poetry')
        clauses += _clauses(match["operator"] or "", match["version"])
        position = match.end()
    if not text.strip():
        raise ValueError("the constraint is empty")
    return tuple(clauses)


def _clauses(operator: str, text: str) -> list[Clause]:
    if text == _ANY and operator in ("", "=", "=="):
        return []
    if text.endswith(".*"):
        return [_wildcard(operator, text)]
    version = _version(text)
    match operator:
        case "^":
            return [_from(version), Clause(operator="<", version=_after(version, _caret(version)))]
        case "~":
            return [_from(version), Clause(operator="<", version=_after(version, _tilde(version)))]
        case "" | "=" | "==" | "===":
            return [Clause(operator="==", version=str(version))]
        case _:
            return [_checked(operator, version)]


def _checked(operator: str, version: Version) -> Clause:
    clause = Clause(operator=operator, version=str(version) if operator == "!=" else version.public)
    try:
        SpecifierSet(str(clause))
    except InvalidSpecifier as error:  # `~=1`
        raise ValueError(f'"{clause}" is not a version constraint') from error
    return clause


def _wildcard(operator: str, text: str) -> Clause:
    version = _version(text.removesuffix(".*"))
    match operator:
        case "" | "=" | "==":
            return Clause(operator="==", version=f"{version}.*")
        case "!=":
            return Clause(operator="!=", version=f"{version}.*")
        case ">=" | "<":
            return Clause(operator=operator, version=str(version))
        case _:
            raise ValueError(f'"{operator}{text}" is not a version constraint')


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise ValueError(f'"{text}" is not a version') from error


def _from(version: Version) -> Clause:
    # PEP 440: a local version label must not stand behind an ordered comparison
    return Clause(operator=">=", version=version.public)


def _caret(version: Version) -> int:
    """The part that is raised: the leftmost that is not zero, else the last one written."""
    parts = enumerate(version.release)
    return next((place for place, number in parts if number), len(version.release) - 1)


def _tilde(version: Version) -> int:
    return min(1, len(version.release) - 1)


def _after(version: Version, place: int) -> str:
    """The next version by the part at `place`, written with as many parts as `version`."""
    raised = [*version.release[:place], version.release[place] + 1]
    parts = [*raised, *(0 for _ in version.release[place + 1 :])]
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, parts))


def _joined(ranges: tuple[Range, ...]) -> Range:
    """Ranges that touch, as one: `^1 || ^2` is `>=1,<3`. PEP 440 has no `or` for those that do not."""
    if () in ranges:
        return ()
    first, *others = sorted(map(_ends, ranges), key=lambda pair: Version(pair[0]))
    low, high = first
    for start, end in others:
        if Version(start) > Version(high):
            raise ValueError("alternatives with a gap between them cannot be asked for in one requirement")
        high = max(high, end, key=Version)
    return (Clause(operator=">=", version=low), Clause(operator="<", version=high))


def _ends(found: Range) -> tuple[str, str]:
    match found:
        case (Clause(operator=">=", version=low), Clause(operator="<", version=high)):
            return low, high
        case (Clause(operator="==", version=text),) if text.endswith(".*"):
            version = Version(text.removesuffix(".*"))
            return str(version), _after(version, len(version.release) - 1)
        case _:
            raise ValueError("alternatives other than whole ranges cannot be asked for in one requirement")
