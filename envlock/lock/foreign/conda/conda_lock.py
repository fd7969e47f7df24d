"""conda-lock.yml, version 1: one row for each package and platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign.conda.documents import read_yaml
from envlock.lock.foreign.conda.lockfile import CondaForeignLock
from envlock.lock.foreign.conda.rows import channels_of, package_of_url
from envlock.lock.foreign.model import Format
from envlock.manifest.locked_patterns import VERSION
from envlock.manifest.patterns import ANY_TEXT, PLATFORM, PROJECT_NAME
from envlock.manifest.platforms import Platform
from envlock.manifest.tables import Table
from envlock.resolve.adopt import Missing
from envlock.resolve.conda.model import AdoptedPackage
from envlock.resolve.model import AdoptedPin

_SHA256 = re.compile(r"[0-9a-f]{64}")


def fits(name: str, text: str) -> bool:
    return name.endswith((".yml", ".yaml")) and bool(re.search(r"^package:", text, re.MULTILINE))


def read(path: Path, text: str) -> CondaForeignLock:
    """Read the file. Raises ForeignLockInvalid with all faults."""
    table = read_yaml(path, text)
    if table.data.get("version") != 1:
        table.fault("version", "must be 1: another format of conda-lock is not known")
    rows = [row for row in table.tables("package") if row.data.get("optional") is not True]
    conda: dict[str, list[AdoptedPackage]] = {platform: [] for platform in _platforms(table)}
    pins: dict[str, list[AdoptedPin]] = {platform: [] for platform in conda}
    missing: dict[str, list[Missing]] = {platform: [] for platform in conda}
    for row in rows:
        platform = row.text("platform", ANY_TEXT)
        if platform not in conda:
            continue  # a platform that envlock does not know
        if row.data.get("manager") == "conda":
            conda[platform] += _conda(row, path.name)
        else:
            for pin in _pin(row, path.name):
                missing[platform] += [] if pin.sha256 else [Missing(pin=pin, why="it has no sha256")]
                pins[platform].append(pin)
    table.faults.raise_if_any(ForeignLockInvalid, path.name)
    every = [each for packages in conda.values() for each in packages]
    return CondaForeignLock(
        file=path.name,
        channels=channels_of(every),
        conda={platform: tuple(packages) for platform, packages in conda.items()},
        pins={platform: tuple(each) for platform, each in pins.items()},
        missing={platform: tuple(each) for platform, each in missing.items()},
    )


def _platforms(table: Table) -> Iterator[str]:
    for platform in table.below("metadata").texts("platforms", ANY_TEXT) or ():
        if PLATFORM.admits(platform):
            yield Platform(platform)


def _conda(row: Table, file: str) -> Iterator[AdoptedPackage]:
    url, hashes = row.text("url", ANY_TEXT), row.below("hash")
    row.require(("url", "name"))
    if url is None:
        return
    package = package_of_url(
        url,
        sha256=hashes.text("sha256", ANY_TEXT),
        md5=hashes.text("md5", ANY_TEXT),
        origin=f"{file}, {row.data.get('name')}",
        faults=row.faults,
    )
    if package is not None:
        yield package


def _pin(row: Table, file: str) -> Iterator[AdoptedPin]:
    row.require(("name", "version"))
    name, version = row.text("name", PROJECT_NAME), row.text("version", VERSION)
    sha256 = row.below("hash").text("sha256", ANY_TEXT)
    if name is not None and version is not None:
        yield AdoptedPin(
            name=canonicalize_name(name),
            version=version,
            sha256=frozenset([sha256] if sha256 and _SHA256.fullmatch(sha256) else ()),
            index_url=None,
            origin=f"{file}, {name}",
        )


FORMAT = Format(name="conda-lock.yml", fits=fits, read=read)
