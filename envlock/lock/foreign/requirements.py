"""Hashed requirements files: what `pip-compile --generate-hashes` and `uv export` write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign.model import Adopted, Format, Wanted
from envlock.manifest.model import Asked
from envlock.manifest.requirements_file import Reading, read_requirements_file
from envlock.manifest.tables import Faults
from envlock.resolve.adopt import Missing
from envlock.resolve.graph import applies, marker_environment
from envlock.resolve.model import AdoptedPin

_HASHES = "write it with hashes: `pip-compile --generate-hashes`, `uv pip compile --generate-hashes`"


@dataclass(frozen=True, kw_only=True, slots=True)
class HashedRequirements:
    """Every row is pinned and has its hashes; which rows count on a platform, their markers say."""

    rows: tuple[Asked, ...]
    notes: tuple[str, ...]

    @property
    def requires_python(self) -> SpecifierSet | None:
        return None

    def adopted(self, wanted: Wanted) -> Adopted:
        """Rows of one name that hold at once must agree. Raises ForeignLockInvalid."""
        markers = marker_environment(wanted.platform, wanted.python)
        pins: dict[NormalizedName, AdoptedPin] = {}
        faults = Faults()
        for row in self.rows:
            if not applies(row.requirement, markers):
                continue
            pin = _pin(row)
            first = pins.setdefault(pin.name, pin)
            if first.version != pin.version:
                message = f"`{pin.name}` is pinned to {first.version} ({first.origin}) and to {pin.version}"
                faults.add(row.origin, f"{message} on {wanted.platform}")
        faults.raise_if_any(ForeignLockInvalid, "the requirements file")
        missing = tuple(Missing(pin=pin, why="it has no sha256") for pin in pins.values() if not pin.sha256)
        return Adopted(pins=tuple(pins.values()), missing=missing, notes=self.notes)


def _pin(row: Asked) -> AdoptedPin:
    return AdoptedPin(
        name=canonicalize_name(row.requirement.name),
        version=next(iter(row.requirement.specifier)).version,
        sha256=frozenset(value.removeprefix("sha256:") for value in row.hashes),
        index_url=None,
        origin=row.origin,
    )


def read(path: Path, _text: str) -> HashedRequirements:
    """Read a file with all that it includes. Raises ForeignLockInvalid with all faults."""
    faults, reading = Faults(), Reading()
    whole = path.absolute().resolve()
    read_requirements_file(whole, whole.parent, MappingProxyType({}), reading, faults)
    for row in reading.requirements:
        _judge(row, faults)
    if not reading.requirements and not faults:
        faults.add(path.name, "nothing is pinned")
    faults.raise_if_any(ForeignLockInvalid, path.name)
    return HashedRequirements(rows=tuple(reading.requirements), notes=tuple(_notes(reading)))


def _judge(row: Asked, faults: Faults) -> None:
    clauses = list(row.requirement.specifier)
    exact = [each for each in clauses if each.operator in ("==", "===") and not each.version.endswith("*")]
    if len(clauses) != 1 or not exact:
        faults.add(row.origin, f"`{row.requirement}` is not pinned to one version", "pin it with `==`")
    elif not row.hashes:
        faults.add(row.origin, f"`{row.requirement}` has no hash", _HASHES)


def _notes(reading: Reading) -> Iterator[str]:
    """Hashes say which wheel is meant, so where that tool would look for it need not be followed."""
    for option in reading.index_options:
        yield f"{option.where}: `{f'{option.option} {option.url}'.strip()}` is not read"


def _fits(name: str, text: str) -> bool:
    is_named = name.endswith((".txt", ".in"))
    return is_named and "@EXPLICIT" not in re.sub(r"(?m)#.*$", "", text)


FORMAT = Format(name="a requirements file with hashes", fits=_fits, read=read)
