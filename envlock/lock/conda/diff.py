"""What differs between the conda packages of two locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from envlock.lock.model import CondaPackage, Lock


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPin:
    """What tells one package from another: `paths` is the paths digest."""

    version: str
    build: str
    subdir: str
    paths: str

    @classmethod
    def of(cls, package: CondaPackage) -> CondaPin:
        return cls(version=package.version, build=package.build, subdir=package.subdir, paths=package.paths)


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaChange:
    """A package that is another one, told once for all platforms on which the same became of it."""

    name: str
    platforms: tuple[str, ...]
    old: CondaPin | None
    new: CondaPin | None


def conda_changes(old: Lock, new: Lock, platforms: Iterable[str]) -> tuple[CondaChange, ...]:
    """The packages that make another runtime hash of a conda prefix, by name."""
    told: dict[tuple[str, CondaPin | None, CondaPin | None], list[str]] = {}
    for platform in platforms:
        before, after = _pins(old, platform), _pins(new, platform)
        for name in {*before, *after}:
            if before.get(name) != after.get(name):
                told.setdefault((name, before.get(name), after.get(name)), []).append(platform)
    changes = (
        CondaChange(name=name, platforms=tuple(where), old=old_pin, new=new_pin)
        for (name, old_pin, new_pin), where in told.items()
    )
    return tuple(sorted(changes, key=lambda change: (change.name, change.platforms)))


def _pins(lock: Lock, platform: str) -> dict[str, CondaPin]:
    return {package.name: CondaPin.of(package) for package in lock.conda_on(platform)}


def conda_values(lock: Lock) -> dict[str, str | None]:
    """How the packages were solved, as named texts: it is in no runtime hash."""
    if lock.conda is None:
        return {}
    rows: dict[str, str | None] = {"conda.channels": " ".join(lock.conda.channels)}
    for platform, virtual in lock.conda.virtual_packages.items():
        rows |= {f"conda.virtual-packages.{platform}.{name}": text for name, text in virtual.items()}
    return rows


def harmless_values(
    old: Lock, new: Lock, platforms: Iterable[str]
) -> tuple[Mapping[str, str | None], Mapping[str, str | None]]:
    """What the locks say otherwise of packages that are the same file by file, as named texts: old, new."""
    rows: tuple[dict[str, str | None], dict[str, str | None]] = ({}, {})
    for platform in platforms:
        packages = {package.name: package for package in new.conda_on(platform)}
        for before in old.conda_on(platform):
            after = packages.get(before.name)
            if after is not None and CondaPin.of(before) == CondaPin.of(after):
                for row, package in zip(rows, (before, after), strict=True):
                    row |= dict(_texts(package))
    return rows


def _texts(package: CondaPackage) -> Iterator[tuple[str, str]]:
    for field in fields(package):
        if field.name != "platforms":
            yield f"conda-package.{package.name}.{field.name.replace('_', '-')}", _text(package, field.name)


def _text(package: CondaPackage, name: str) -> str:
    value = getattr(package, name)
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
