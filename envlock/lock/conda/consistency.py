"""A lock whose conda packages contradict it, or one another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from envlock.lock.model import CondaPackage, Lock
from envlock.manifest.tables import Table, code

_SPEC_NAME = re.compile(r"(?:[^ \[]*::)?([A-Za-z0-9_.-]+)")


def spec_name(spec: str) -> str:
    """The package that a match specification is about, in lower case.

    >>> spec_name("numpy >=1.22,<3"), spec_name("conda-forge::_openmp_mutex=4.5"), spec_name("__cuda")
    ('numpy', '_openmp_mutex', '__cuda')
    """
    match = _SPEC_NAME.match(spec)
    return match[1].lower() if match else ""


def judge_conda(lock: Lock, table: Table) -> None:
    """Fault what the conda tables say against the rest. Values already at fault are empty: passed over."""
    for package in lock.conda_packages:
        if package.name:
            for key, message in _package_faults(package, lock):
                table.faults.add(f"{table.file}, conda-package.{package.name}.{key}", message)
    for platform in lock.conda.virtual_packages if lock.conda else ():
        if lock.platforms and platform not in lock.platforms:
            place = f"{table.file}, conda.virtual-packages.{platform}"
            table.faults.add(place, f"{code(platform)} is not among `platforms`")
    for place, message in _platform_faults(lock):
        table.faults.add(f"{table.file}, {place}", message)


def _package_faults(package: CondaPackage, lock: Lock) -> Iterator[tuple[str, str]]:
    stem = f"{package.name}-{package.version}-{package.build}"
    if package.file and package.version and package.build and _stem(package.file) != stem:
        yield (
            "file",
            f"{code(package.file)} is not a file of {package.name} {package.version} {package.build}",
        )
    if package.noarch and package.subdir not in ("", "noarch"):
        yield "noarch", f"a noarch package is not in {package.subdir}"
    if package.channel and package.channel not in (lock.conda.channels if lock.conda else ()):
        yield "channel", f"{code(package.channel)} is not among the channels of `[conda]`"
    yield from _platform_words(package, lock)
    if (
        package.name == "python"
        and package.version
        and lock.python
        and not _is_a(package.version, lock.python)
    ):
        yield "version", f"Python {package.version} is not a {lock.python}"


def _stem(file: str) -> str:
    return re.sub(r"(?:\.tar\.bz2|\.conda)\Z", "", file)


def _is_a(version: str, python: str) -> bool:
    return f"{version}.".startswith(f"{python}.")


def _platform_words(package: CondaPackage, lock: Lock) -> Iterator[tuple[str, str]]:
    for platform in package.platforms:
        if lock.platforms and platform not in lock.platforms:
            yield "platforms", f"{code(platform)} is not among `platforms`"
        elif package.subdir not in ("", "noarch", platform):
            yield "platforms", f"a package of {package.subdir} is not for {platform}"


def _platform_faults(lock: Lock) -> Iterator[tuple[str, str]]:
    for platform in lock.platforms:
        packages = [package for package in lock.conda_on(platform) if package.name]
        for name, count in Counter(package.name for package in packages).items():
            if count > 1:
                yield f"conda-package.{name}", f"{code(name)} is there twice for {platform}"
        yield from _missing(packages, platform, lock)
        yield from _twice(packages, platform, lock)


def _missing(packages: list[CondaPackage], platform: str, lock: Lock) -> Iterator[tuple[str, str]]:
    """Everything that a package depends on is locked, or a virtual package that was there."""
    if len(packages) != sum(1 for _ in lock.conda_on(platform)):
        return  # a name at fault may be the one that is needed
    virtual = lock.conda.virtual_packages.get(platform, {}) if lock.conda else {}
    known = {package.name for package in packages} | set(virtual)
    for package in packages:
        for name in sorted({spec_name(spec) for spec in package.depends} - known):
            yield f"conda-package.{package.name}.depends", f"{code(name)} is not locked for {platform}"


def _twice(packages: list[CondaPackage], platform: str, lock: Lock) -> Iterator[tuple[str, str]]:
    """One distribution has one provider: a conda package or a wheel."""
    providers: dict[str, str] = {row.name: "a wheel" for row, _ in lock.on(platform) if row.name}
    for package in packages:
        for name, _ in package.distributions:
            other = providers.setdefault(name, f"the conda package {package.name}")
            if other != f"the conda package {package.name}":
                place = f"conda-package.{package.name}.distributions"
                yield place, f"{code(name)} comes from {other} too, for {platform}"
