"""pixi.lock, versions 5 to 7: environments that name packages by URL, and the packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign.conda.documents import read_yaml
from envlock.lock.foreign.conda.lockfile import CondaForeignLock
from envlock.lock.foreign.conda.rows import package_of_url
from envlock.lock.foreign.model import Format
from envlock.manifest.patterns import ANY_TEXT, PLATFORM
from envlock.manifest.tables import Table, shown
from envlock.resolve.adopt import Missing
from envlock.resolve.conda.model import AdoptedPackage
from envlock.resolve.model import AdoptedPin

_VERSIONS = (5, 6, 7)
_DEFAULT = "default"
_KEYS = ("version", "environments", "packages")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fits(name: str, text: str) -> bool:
    return name == "pixi.lock" or all(re.search(rf"^{key}:", text, re.MULTILINE) for key in _KEYS)


def read(path: Path, text: str) -> CondaForeignLock:
    """Read the environment `default`. Raises ForeignLockInvalid with all faults."""
    table = read_yaml(path, text)
    if table.data.get("version") not in _VERSIONS:
        table.fault("version", f"must be one of {', '.join(map(str, _VERSIONS))}")
    environment = table.below("environments").below(_DEFAULT)
    if not environment.data:
        table.fault("environments", f"has no environment `{_DEFAULT}`")
    known = {url: row for row in table.tables("packages") if (url := _url(row)) is not None}
    platforms = environment.below("packages")
    names = [name for name in platforms.data if PLATFORM.admits(name)]
    conda = {name: tuple(_conda(platforms, name, known)) for name in names}
    pins = {name: tuple(_pins(platforms, name, known)) for name in names}
    channels = tuple(url for row in environment.tables("channels") if (url := row.text("url", ANY_TEXT)))
    table.faults.raise_if_any(ForeignLockInvalid, path.name)
    return CondaForeignLock(
        file=path.name,
        channels=tuple(url.rstrip("/") for url in channels),
        conda=conda,
        pins={name: tuple(pin for pin, _ in rows) for name, rows in pins.items()},
        missing={
            name: tuple(Missing(pin=pin, why=why) for pin, why in rows if why) for name, rows in pins.items()
        },
    )


def _url(row: Table) -> str | None:
    for kind in ("conda", "pypi"):
        url = row.data.get(kind)
        if isinstance(url, str):
            return url
    return None


def _conda(platforms: Table, name: str, known: Mapping[str, Table]) -> Iterator[AdoptedPackage]:
    for row in platforms.tables(name):
        url = row.text("conda", ANY_TEXT)
        if url is None:
            continue
        package = known.get(url, row)
        found = package_of_url(
            url,
            sha256=package.text("sha256", ANY_TEXT),
            md5=package.text("md5", ANY_TEXT),
            origin=f"{row.file}, {url.rpartition('/')[2]}",
            faults=row.faults,
        )
        if found is not None:
            yield found


def _pins(platforms: Table, name: str, known: Mapping[str, Table]) -> Iterator[tuple[AdoptedPin, str | None]]:
    """The distributions, and why one cannot be adopted."""
    for row in platforms.tables(name):
        url = row.text("pypi", ANY_TEXT)
        if url is None:
            continue
        named = _named(url, known.get(url, row))
        if named is None:
            row.fault("pypi", f"{shown(url)} has no name and version")
            continue
        sha256 = known.get(url, row).text("sha256", ANY_TEXT)
        pin = AdoptedPin(
            name=canonicalize_name(named[0]),
            version=named[1],
            sha256=frozenset([sha256] if sha256 and _SHA256.fullmatch(sha256) else ()),
            index_url=None,
            origin=f"{row.file}, {named[0]}",
        )
        yield pin, None if pin.sha256 else "it has no sha256: it is a folder, or from git"


def _named(url: str, package: Table) -> tuple[str, str] | None:
    """Name and version, which newer versions leave to the file name."""
    name, version = package.text("name", ANY_TEXT), package.text("version", ANY_TEXT)
    if name is not None and version is not None:
        return name, version
    try:
        of_file = parse_wheel_filename(url.rpartition("/")[2].replace("%2B", "+"))
    except InvalidWheelFilename:
        return None
    return of_file[0], str(of_file[1])


FORMAT = Format(name="pixi.lock", fits=fits, read=read)
