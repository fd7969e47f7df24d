"""`pylock.toml` (PEP 751), read and selected by `packaging`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.markers import Environment
from packaging.pylock import Package, Pylock, PylockSelectError, PylockValidationError
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from envlock.errors import Fault, ForeignLockInvalid
from envlock.lock.foreign.model import Adopted, Format, Wanted
from envlock.manifest.documents import parse_toml
from envlock.manifest.tables import Faults
from envlock.resolve.adopt import Missing
from envlock.resolve.graph import marker_environment
from envlock.resolve.model import AdoptedPin

# PEP 751: "the file name MUST […] match the regular expression".
_NAME = re.compile(r"pylock\.(?:[^.]+\.)?toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class PylockFile:
    file: str
    pylock: Pylock

    @property
    def requires_python(self) -> SpecifierSet | None:
        return self.pylock.requires_python

    def adopted(self, wanted: Wanted) -> Adopted:
        """What an installer would select, whichever of its files. Raises ForeignLockInvalid."""
        pins, missing = [], []
        for package in self._selected(wanted):
            pin, why = _pin(package, self.file), _why_not(package)
            if why is None:
                pins.append(pin)
            else:
                missing.append(Missing(pin=pin, why=why))
        return Adopted(pins=tuple(pins), missing=tuple(missing))

    def _selected(self, wanted: Wanted) -> tuple[Package, ...]:
        environment = cast(Environment, marker_environment(wanted.platform, wanted.python))
        try:
            selected = self.pylock.select(
                environment=environment,
                tags=self._every_tag(),
                extras=_declared(wanted.extras, self.pylock.extras),
                dependency_groups=self._groups(wanted),
            )
            return tuple(package for package, _ in selected)
        except PylockSelectError as error:
            message = f"`{self.file}` is not for {wanted.platform} with Python {wanted.python}"
            hint = "make it anew for this platform and Python, with the tool that wrote it"
            facts = [("it says", str(error))]
            raise ForeignLockInvalid(message, where=self.file, hint=hint, facts=facts) from error

    def _every_tag(self) -> tuple[Tag, ...]:
        """Any wheel will do to select a package by: which one it is, is decided with glibc in mind."""
        wheels = (wheel for package in self.pylock.packages for wheel in package.wheels or ())
        return tuple(tag for wheel in wheels for tag in parse_wheel_filename(wheel.filename)[-1])

    def _groups(self, wanted: Wanted) -> tuple[str, ...] | None:
        known = (*(self.pylock.dependency_groups or ()), *(self.pylock.default_groups or ()))
        return None if wanted.groups is None else _declared(wanted.groups, known)


def _declared(asked: Iterable[str], known: Iterable[str] | None) -> tuple[str, ...]:
    """Those that the lock can tell apart; one that has none was made for a choice of them."""
    names = {canonicalize_name(name) for name in known or ()}
    return tuple(name for name in asked if canonicalize_name(name) in names)


def _pin(package: Package, file: str) -> AdoptedPin:
    hashes = (wheel.hashes.get("sha256") for wheel in package.wheels or ())
    return AdoptedPin(
        name=package.name,
        version=str(package.version or "of no version"),
        sha256=frozenset(value.lower() for value in hashes if value),
        index_url=package.index,
        origin=file,
    )


def _why_not(package: Package) -> str | None:
    if package.vcs is not None:
        return f"it comes from {package.vcs.type}, not from an index"
    if package.directory is not None:
        return "it is a folder, not a wheel"
    if package.archive is not None:
        return "it comes from a URL, not from an index"
    if not package.wheels:
        return "there is a source distribution of it, and no wheel"
    if not any("sha256" in wheel.hashes for wheel in package.wheels):
        return "its wheels have no sha256"
    return None


def read(path: Path, text: str) -> PylockFile:
    """Read a pylock. Raises ForeignLockInvalid."""
    faults = Faults()
    document = parse_toml(text, path.name, faults)
    faults.raise_if_any(ForeignLockInvalid, path.name)
    try:
        return PylockFile(file=path.name, pylock=Pylock.from_dict(document or {}))
    except PylockValidationError as error:
        where = f"{path.name}, {error.context}" if error.context else path.name
        fault = Fault(where=where, message=_lowered(error.message))
        raise ForeignLockInvalid(f"`{path.name}` has 1 fault", where=path.name, faults=[fault]) from error


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


FORMAT = Format(name="pylock.toml", fits=lambda name, _: _NAME.fullmatch(name) is not None, read=read)
