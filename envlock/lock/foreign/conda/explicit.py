"""`@EXPLICIT`: URLs with hashes, as `conda list --explicit` writes them. It is for one platform."""

from __future__ import annotations

import re
from pathlib import Path

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign.conda.lockfile import CondaForeignLock
from envlock.lock.foreign.conda.rows import channels_of, package_of_url
from envlock.lock.foreign.model import Format
from envlock.manifest.patterns import PLATFORM
from envlock.manifest.tables import Faults
from envlock.resolve.conda.model import AdoptedPackage

_MARK = "@EXPLICIT"
_PLATFORM = re.compile(r"^# platform: (\S+)\s*$", re.MULTILINE)


def fits(_name: str, text: str) -> bool:
    return any(line.strip() == _MARK for line in text.splitlines())


def read(path: Path, text: str) -> CondaForeignLock:
    """Read the file. Raises ForeignLockInvalid with all faults."""
    faults = Faults()
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if words and not words.startswith("#") and words != _MARK:
            packages.append(_package(words, f"{path.name}:{number}", faults))
    found = tuple(each for each in packages if each is not None)
    platform = _platform(text, found)
    if platform is None and not faults:
        faults.add(path.name, "does not say for which platform it is")
    faults.raise_if_any(ForeignLockInvalid, path.name)
    return CondaForeignLock(file=path.name, channels=channels_of(found), conda={str(platform): found})


def _package(line: str, origin: str, faults: Faults) -> AdoptedPackage | None:
    url, _, hash_ = line.partition("#")
    sha256 = hash_.removeprefix("sha256:") if hash_.startswith("sha256:") else None
    md5 = hash_ if hash_ and sha256 is None else None
    return package_of_url(url, sha256=sha256, md5=md5, origin=origin, faults=faults)


def _platform(text: str, packages: tuple[AdoptedPackage, ...]) -> str | None:
    """What the comment says, else the subdir of the packages that are not noarch."""
    match = _PLATFORM.search(text)
    subdirs = {str(each.subdir) for each in packages} - {"noarch"}
    found = match[1] if match else subdirs.pop() if len(subdirs) == 1 else ""
    return found if PLATFORM.admits(found) else None


FORMAT = Format(name="an @EXPLICIT file", fits=fits, read=read)
