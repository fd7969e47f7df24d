"""environment.yml with exact pins, as `conda env export` writes it: versions, and builds where it has any."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign.conda.documents import read_yaml
from envlock.lock.foreign.conda.lockfile import CondaForeignLock
from envlock.lock.foreign.model import Adopted, Format, Wanted
from envlock.manifest.locked_patterns import CONDA_BUILD, CONDA_NAME, CONDA_VERSION
from envlock.manifest.patterns import ANY_TEXT
from envlock.manifest.tables import Table, code
from envlock.resolve.adopt import Missing
from envlock.resolve.conda.model import AdoptedPackage
from envlock.resolve.model import AdoptedPin

_PINNED = re.compile(
    r"(?:[^\s:]+::)?(?P<name>[^\s=<>!~]+)\s*={1,2}\s*(?P<version>[^\s=*]+)(?:[=\s]+(?P<build>[^\s=*]+))?"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NOT_CHANNELS = ("nodefaults",)
# Options that ask for something; all others say where and how pip looks for the rest.
_ASKING = ("-e", "--editable", "-r", "--requirement")


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentLock:
    """It names no platform: what it pins is for any that has these builds."""

    any_platform: CondaForeignLock

    @property
    def requires_python(self) -> SpecifierSet | None:
        return self.any_platform.requires_python

    def adopted(self, wanted: Wanted) -> Adopted:
        rows = self.any_platform
        return Adopted(
            pins=rows.pins[""], missing=rows.missing[""], conda=rows.conda[""], channels=rows.channels
        )


def fits(name: str, text: str) -> bool:
    return name.endswith((".yml", ".yaml")) and bool(re.search(r"^dependencies:", text, re.MULTILINE))


def read(path: Path, text: str) -> EnvironmentLock:
    """Read the file. Raises ForeignLockInvalid with all faults: every package without an exact version."""
    table = read_yaml(path, text)
    entries = table.listed("dependencies", "a list") or []
    conda = [each for entry in entries if isinstance(entry, str) for each in _conda(entry, table)]
    pip = [line for entry in entries if isinstance(entry, dict) for line in _pip_lines(entry, table)]
    pins = [pin for line in pip for pin in _pin(line, table)]
    channels = tuple(each for each in table.texts("channels", ANY_TEXT) or () if each not in _NOT_CHANNELS)
    table.faults.raise_if_any(
        ForeignLockInvalid,
        path.name,
        "`conda env export` pins everything; `envlock init` makes a manifest of what is only asked for",
    )
    found = CondaForeignLock(
        file=path.name,
        channels=tuple(each.rstrip("/") for each in channels),
        conda={"": tuple(conda)},
        pins={"": tuple(pins)},
        missing={"": tuple(Missing(pin=pin, why="it has no sha256") for pin in pins if not pin.sha256)},
    )
    return EnvironmentLock(any_platform=found)


def _conda(entry: str, table: Table) -> Iterable[AdoptedPackage]:
    match = _PINNED.fullmatch(entry.strip())
    if match is None:
        if entry.strip() != "pip":  # what conda hands the wheels to
            table.fault("dependencies", f"{code(entry)} is not pinned to a version")
        return
    name, version, build = match["name"].lower(), match["version"], match["build"]
    if (
        not CONDA_NAME.admits(name)
        or not CONDA_VERSION.admits(version)
        or not CONDA_BUILD.admits(build or "x")
    ):
        table.fault("dependencies", f"{code(entry)} is not a pinned conda package")
        return
    yield AdoptedPackage(name=name, version=version, build=build, origin=f"{table.file}, {name}")


def _pip_lines(entry: dict[object, object], table: Table) -> Iterable[str]:
    for key, lines in entry.items():
        if key != "pip" or not isinstance(lines, list):
            table.fault("dependencies", f"{code(str(key))} is not `pip:` with a list")
            continue
        texts = (str(line).strip() for line in lines)
        yield from (text for text in texts if not text.startswith("-") or text.startswith(_ASKING))


def _pin(line: str, table: Table) -> Iterable[AdoptedPin]:
    try:
        requirement = Requirement(line.partition(" --hash")[0].strip())
    except InvalidRequirement:
        table.fault("dependencies", f"{code(line)} is not pinned to a version")
        return
    exact = [each.version for each in requirement.specifier if each.operator == "=="]
    if requirement.url is not None or len(exact) != 1 or exact[0].endswith("*"):
        table.fault("dependencies", f"{code(line)} is not pinned to a version")
        return
    yield AdoptedPin(
        name=canonicalize_name(requirement.name),
        version=exact[0],
        sha256=frozenset(_HASH.findall(line)),
        index_url=None,
        origin=f"{table.file}, {requirement.name}",
    )


FORMAT = Format(name="environment.yml with exact pins", fits=fits, read=read)
