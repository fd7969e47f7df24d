"""What the formats of conda share: the locked packages with their addresses, each value matched in full."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.emit.model import EmitOptions
from envlock.emit.pins import locked
from envlock.emit.quoting import one_line
from envlock.errors import LockfileInvalid, UsageFault
from envlock.lock import patterns
from envlock.lock.conda.consistency import spec_name
from envlock.lock.model import CondaPackage, Distribution, Lock, Wheel
from envlock.lock.runtime import conda_runtime_hash
from envlock.manifest.patterns import CHANNEL, SOURCE_URL
from envlock.resolve.conda.channels import channel_url

_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A conda package and where its archive is, from here, without credentials."""

    package: CondaPackage
    url: str


def conda_located(lock: Lock, options: EmitOptions, platform: str) -> tuple[Located, ...]:
    """The packages of `platform`, each after those that it depends on.

    Raises UsageFault where there is none, or a channel points nowhere.
    """
    packages = [_checked(package) for package in lock.conda_on(platform)]
    if not packages:
        raise UsageFault(
            f"the lock takes nothing from conda on {platform}",
            hint="`[tool.envlock.conda]` of the manifest asks for conda packages; "
            "`envlock emit conda` writes an environment.yml of the wheels",
        )
    urls = channel_places(lock, options)
    return tuple(
        Located(package=each, url=f"{urls[each.channel]}/{each.subdir}/{each.file}")
        for each in _after_what_they_need(packages)
    )


def channel_places(lock: Lock, options: EmitOptions) -> dict[str, str]:
    """Name -> URL of each channel, in their order, without credentials: what is emitted gets copied."""
    names = lock.conda.channels if lock.conda else ()
    return {name: _public(name, channel_url(name, options.sources)) for name in names}


def _public(name: str, url: str) -> str:
    bare = _CREDENTIALS.sub("", url)
    if not SOURCE_URL.admits(bare):
        raise UsageFault(
            f"the source of channel `{one_line(name)}` must be {SOURCE_URL.says}",
            hint="mend it in [tool.envlock.sources] or in the environment",
        )
    return bare


def _checked(package: CondaPackage) -> CondaPackage:
    values = (
        ("name", package.name, patterns.CONDA_NAME),
        ("version", package.version, patterns.CONDA_VERSION),
        ("build", package.build, patterns.CONDA_BUILD),
        ("subdir", package.subdir, patterns.CONDA_SUBDIR),
        ("channel", package.channel, CHANNEL),
        ("file", package.file, patterns.CONDA_FILE),
        ("sha256", package.sha256, patterns.SHA256),
        ("md5", package.md5 or "0" * 32, patterns.MD5),
    )
    for what, text, rule in values:
        if not rule.admits(text):
            raise LockfileInvalid(f"the {what} {text!a} of a conda package is not {rule.says}")
    return package


def _after_what_they_need(packages: Iterable[CondaPackage]) -> list[CondaPackage]:
    """By name, but a package stands after those that it depends on. Rings, which conda has, are cut."""
    by_name = {package.name: package for package in sorted(packages, key=lambda package: package.name)}
    ordered: dict[str, CondaPackage] = {}
    for name in by_name:
        _visit(name, by_name, ordered, set())
    return list(ordered.values())


def _visit(
    name: str, packages: Mapping[str, CondaPackage], ordered: dict[str, CondaPackage], above: set[str]
) -> None:
    if name not in packages or name in ordered or name in above:
        return
    for needed in sorted({spec_name(spec) for spec in packages[name].depends}):
        _visit(needed, packages, ordered, above | {name})
    ordered[name] = packages[name]


def wheel_urls(lock: Lock, options: EmitOptions, platform: str) -> list[tuple[Distribution, Wheel, str]]:
    """The wheels of `platform` with the URL of each."""
    rows = locked(lock, EmitOptions(platform=platform))
    if options.wheelhouse is not None:
        folder = _absolute(options.wheelhouse)
        return [(row, wheel, (folder / wheel.file).as_uri()) for row, wheel in rows]
    locations = options.locations or {}
    return [(row, wheel, _CREDENTIALS.sub("", locations[wheel.sha256])) for row, wheel in rows]


def _absolute(wheelhouse: Path) -> Path:
    if not wheelhouse.is_absolute():
        raise UsageFault(
            f"this format names files by URL, and `{wheelhouse}` is a relative path",
            hint="give the absolute path of the wheelhouse",
        )
    return wheelhouse


def conda_header(lock: Lock, what: str, platforms: Iterable[str]) -> tuple[str, ...]:
    """The lines that every file of conda starts with."""
    hashes = (f"{platform} {conda_runtime_hash(lock, platform)}" for platform in platforms)
    return (
        f"made by `envlock emit {what}` from a lock: what is edited here is lost",
        f"Python {lock.python}; runtime hash of the prefix by platform:",
        *hashes,
    )
