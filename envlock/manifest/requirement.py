"""One requirement: parsed, refused where it cannot be locked, and its canonical text."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envlock.manifest.tables import Faults, code, shown

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ONE_EQUALS = re.compile(r"(\s*[A-Za-z0-9._-]+(?:\[[^]]*\])?\s*)=(\s*[A-Za-z0-9][^=]*)")
# `===` lets any text through; a version that reaches a file of another tool has only these.
_VERSION = re.compile(r"[A-Za-z0-9.*+!_-]+")


def parse_requirement(text: str, where: str, faults: Faults) -> Requirement | None:
    """The requirement (PEP 508), or None with a fault. One that points to a URL cannot be locked."""
    if _CONTROL.search(text):
        faults.add(where, f"{shown(text)} has control characters in it")
        return None
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        found = shown(without_credentials(text))
        faults.add(where, f"{found} is not a requirement: {_reason(error)}", _near_miss(text))
        return None
    if requirement.url is not None:
        refuse_url(requirement.url, requirement.name, where, faults)
        return None
    odd = [str(clause) for clause in requirement.specifier if not _VERSION.fullmatch(clause.version)]
    if odd:
        faults.add(where, f"{shown(odd[0])} is not a version that can be locked")
        return None
    return requirement


def _reason(error: InvalidRequirement) -> str:
    first = str(error).splitlines()[0].strip()
    return first[:1].lower() + first[1:]


def _near_miss(text: str) -> str | None:
    match = _ONE_EQUALS.fullmatch(text)
    return f"did you mean `{match[1].strip()}=={match[2].strip()}`?" if match else None


def refuse_url(url: str, name: str | None, where: str, faults: Faults) -> None:
    """Fault a requirement that is a URL or a path, naming what would ask for the same by name."""
    subject = f"{code(name)} points to" if name else "asks for"
    faults.add(
        where,
        f"{subject} {shown(without_credentials(url))}; a lock has names and hashes, no URLs and no paths",
        _by_name(url),
    )


def _by_name(url: str) -> str:
    file = re.split(r"[?#]", url)[0].rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return "ask for it by name and version, and name its index in `index-of` and `sources`"
    return f"ask for `{name}=={version}`; an index of its own is named in `index-of` and `sources`"


def without_credentials(url: str) -> str:
    """`url` as it may be shown.

    >>> without_credentials("https://me:secret@host.example/x")
    'https://***@host.example/x'
    """
    return re.sub(r"//[^/@\s]*(?:@[^/@\s]*)*@", "//***@", url)


def canonical(requirement: Requirement) -> str:
    """One text for all spellings of a requirement.

    >>> canonical(Requirement("Foo_Bar [b,a,B] <2, >=1"))
    'foo-bar[a,b]<2,>=1'
    """
    extras = ",".join(sorted({canonicalize_name(extra) for extra in requirement.extras}))
    name = canonicalize_name(requirement.name) + (f"[{extras}]" if extras else "")
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{name}{requirement.specifier}{marker}"
