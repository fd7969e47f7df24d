"""Packages of a foreign conda lock: read by URL, gathered by platform."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.lock.foreign.conda.documents import split_file, split_url
from envlock.manifest.locked_patterns import MD5
from envlock.manifest.tables import Faults, shown
from envlock.resolve.conda.model import AdoptedPackage

_HEX_DIGITS = frozenset("0123456789abcdef")


def package_of_url(
    url: str, *, sha256: str | None, md5: str | None, origin: str, faults: Faults
) -> AdoptedPackage | None:
    """The package whose archive is at `url`; None with a fault where the URL names none."""
    split = split_url(url)
    names = None if split is None else split_file(split[2])
    if split is None or names is None:
        faults.add(origin, f"{shown(url)} is not the URL of a conda package")
        return None
    if sha256 is not None and (len(sha256) != 64 or not set(sha256) <= _HEX_DIGITS):
        faults.add(origin, f"{shown(sha256)} is not a sha256")
    if md5 is not None and not MD5.admits(md5):
        faults.add(origin, f"{shown(md5)} is not an MD5")
    return AdoptedPackage(
        name=names[0],
        version=names[1],
        build=names[2],
        subdir=split[1],
        channel_url=split[0],
        sha256=sha256,
        md5=md5,
        origin=origin,
    )


def channels_of(packages: Iterable[AdoptedPackage]) -> tuple[str, ...]:
    """The channels' URLs in the order they are met."""
    return tuple(dict.fromkeys(each.channel_url for each in packages if each.channel_url is not None))
