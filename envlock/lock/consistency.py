"""A lock that contradicts itself: what no single value can show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from packaging.version import InvalidVersion, Version

from envlock.agent.identity import normalized_name
from envlock.lock.conda.consistency import judge_conda
from envlock.lock.model import Distribution, Lock
from envlock.manifest.tables import Table, code

# A file name and a version as nearly all are written: of these packaging can say nothing more.
_PLAIN = re.compile(
    r"(?P<name>[A-Za-z0-9]+(?:[._][A-Za-z0-9]+)*)-(?P<version>[A-Za-z0-9.+]+)(?:-[0-9][A-Za-z0-9_.]*)?"
    r"-[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?:-[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*){2}\.whl"
)

_Row = TypeVar("_Row", bound="tuple[str, ...]")


def judge_distribution(distribution: Distribution, table: Table) -> None:
    """Fault wheels that are not of this distribution. Values already at fault are empty: passed over."""
    version = _version(distribution.version, table)
    if not distribution.wheels:
        table.fault("wheels", "has no wheel")
    for wheel in distribution.wheels:
        if wheel.file and distribution.name and version is not None:
            _judge_file(wheel.file, distribution, version, table)
        for place, path in _repeated((fixup.place, fixup.path) for fixup in wheel.fixups):
            table.fault("wheels", f"two fixups for {code(f'{place}/{path}')} of {code(wheel.file)}")


def _version(text: str, table: Table) -> Version | None:
    if not text:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        table.fault("version", f"{code(text)} is not a version (PEP 440)")
        return None


def _judge_file(file: str, distribution: Distribution, version: Version, table: Table) -> None:
    plain = _PLAIN.fullmatch(file)
    told = (normalized_name(plain["name"]), plain["version"]) if plain else None
    if told == (distribution.name, distribution.version):
        return
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename  # late: it imports much

    try:
        name, of_file, _, _ = parse_wheel_filename(file)
    except InvalidWheelFilename as error:
        table.fault("wheels", f"{code(file)} is not the file name of a wheel: {_reason(str(error))}")
        return
    if (name, of_file) != (distribution.name, version):
        table.fault("wheels", f"{code(file)} is not a wheel of {distribution.name} {distribution.version}")


def _reason(error: str) -> str:
    text = error.split(":", maxsplit=1)[0]
    return text[:1].lower() + text[1:]


def judge_lock(lock: Lock, table: Table) -> None:
    """Fault what the tables of a lock say against one another."""
    _judge_python(lock, table)
    _judge_names(lock, table)
    named = replace(lock, distributions=tuple(row for row in lock.distributions if row.name))
    _judge_platforms(named, table)
    _judge_one_wheel(named, table)
    _judge_stack(named, table)
    judge_conda(lock, table)


def _fault(table: Table, path: str, message: str) -> None:
    table.faults.add(f"{table.file}, {path}", message)


def _judge_python(lock: Lock, table: Table) -> None:
    if lock.python and lock.python_exact and not f"{lock.python_exact}.".startswith(f"{lock.python}."):
        _fault(table, "python-exact", f"Python {lock.python_exact} is not a {lock.python}")


def _judge_platforms(lock: Lock, table: Table) -> None:
    """Every platform that is named anywhere has to be one of the lock's."""
    if not lock.platforms:
        if table.data.get("platforms") == []:
            _fault(table, "platforms", "names no platform")
        return  # at fault themselves: what is not among them says nothing
    named = [(f"stack.{platform}", platform) for platform in lock.stack]
    named += [
        (f"image.platforms.{platform}", platform) for platform in (lock.image.platforms if lock.image else ())
    ]
    for distribution in lock.distributions:
        key = f"distribution.{distribution.name}.wheels"
        named += [(key, platform) for wheel in distribution.wheels for platform in wheel.platforms]
    for key, platform in dict.fromkeys(named):
        if platform not in lock.platforms:
            _fault(table, key, f"{code(platform)} is not among `platforms`")


def _judge_names(lock: Lock, table: Table) -> None:
    """Each distribution is there once, and everything that it requires is locked."""
    for name, version, index in _repeated((row.name, row.version, row.index) for row in lock.distributions):
        _fault(
            table, f"distribution.{name}", f"{code(name)} {version} of the index {code(index)} is there twice"
        )
    locked = {distribution.name for distribution in lock.distributions}
    if "" in locked:  # a name at fault may be the one that is required
        return
    locked |= {name for package in lock.conda_packages for name, _ in package.distributions}
    for distribution in lock.distributions:
        for name in distribution.requires:
            if name not in locked:
                _fault(table, f"distribution.{distribution.name}.requires", f"{code(name)} is not locked")


def _judge_one_wheel(lock: Lock, table: Table) -> None:
    """IDENTITY 1: "Exactly one wheel per (distribution, platform)"."""
    taken = (
        (distribution.name, platform)
        for distribution in lock.distributions
        for wheel in distribution.wheels
        for platform in wheel.platforms
    )
    for name, platform in _repeated(taken):
        _fault(table, f"distribution.{name}.wheels", f"two wheels of {code(name)} for {platform}")


def _judge_stack(lock: Lock, table: Table) -> None:
    for platform, stack in lock.stack.items():
        locked = [row.version for row, _ in lock.on(platform) if row.name == "torch"]
        locked += [row.version for row in lock.conda_on(platform) if row.name == "pytorch"]
        if stack.torch and locked and not _same_public(stack.torch, locked[0]):
            _fault(table, f"stack.{platform}.torch", f"torch {locked[0]} is locked, not {stack.torch}")


def _same_public(one: str, other: str) -> bool:
    try:
        return Version(one).public == Version(other).public
    except InvalidVersion:
        return one == other


def _repeated(rows: Iterable[_Row]) -> list[_Row]:
    return [row for row, count in Counter(rows).items() if count > 1]
