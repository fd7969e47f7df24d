"""Of several answers to one question, the one that is written, and a note for those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envlock.manifest import patterns
from envlock.manifest.init.model import Asking, PythonSaid, Said
from envlock.manifest.pythons import allows
from envlock.manifest.tables import code

_BY_ITSELF = "nothing asks for one: the newest that PyTorch is well supported on; yours may be another"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What is written where files may say several things, or nothing."""

    python: Said
    cuda: Said | None
    exclude_newer: Said | None


def settle(asking: Asking, pythons: Sequence[str]) -> Settled:
    """Choose; `pythons` are series (`3.11`) in the order in which they are preferred."""
    return Settled(
        python=_python(asking, pythons),
        cuda=_first("cuda", asking.cudas, asking),
        exclude_newer=_first("exclude-newer", asking.exclude_newer, asking),
    )


def _first(key: str, said: Sequence[Said], asking: Asking) -> Said | None:
    for other in said[1:]:
        if other.value != said[0].value:
            asking.note(other.where, f"{key} {code(other.value)} was passed over for that of {said[0].where}")
    return said[0] if said else None


def _python(asking: Asking, pythons: Sequence[str]) -> Said:
    exact = [each for each in asking.pythons if each.exact is not None and _can_be_locked(each, asking)]
    ranges = [each for each in asking.pythons if each.exact is None]
    if exact:
        series = _series(exact[0].exact or "")
        _tell_against(series, exact[0], ranges, asking)
        return Said(value=series, where=_spoken(exact[0]))
    admitted = [each for each in pythons if all(_admits(one, each) for one in ranges)]
    if not admitted and ranges:
        told = ", ".join(code(each.text) for each in ranges)
        asking.note(ranges[0].where, f"no Python that is known is within {told}")
    chosen = (admitted or list(pythons))[0]
    return Said(value=chosen, where=", ".join(map(_spoken, ranges)) or _BY_ITSELF)


def _can_be_locked(said: PythonSaid, asking: Asking) -> bool:
    if patterns.PYTHON.admits(_series(said.exact or "")):
        return True
    asking.note(said.where, f"Python {said.exact} cannot be locked: 3.8 is the oldest")
    return False


def _tell_against(series: str, said: PythonSaid, ranges: Iterable[PythonSaid], asking: Asking) -> None:
    for each in ranges:
        if not _admits(each, series):
            asking.note(each.where, f"{code(each.text)} does not admit the Python {series} of {said.where}")


def _admits(said: PythonSaid, series: str) -> bool:
    return not said.allows or any(allows(each, series) for each in said.allows)


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _spoken(said: PythonSaid) -> str:
    return f'{said.where} = "{said.text}"'


def torch_specifier(asking: Asking) -> SpecifierSet | None:
    """What is asked of torch by name; None where nothing asks for it."""
    said = asking.asked_by_name().get("torch")
    return None if said is None else Requirement(said.value).specifier
