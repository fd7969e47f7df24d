"""From names and hashes to URLs: where each locked wheel can be had from here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.utils import NormalizedName, canonicalize_name

from envlock.errors import GoneFromIndex
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.manifest.platforms import Platform
from envlock.resolve.exact import exact_pins
from envlock.resolve.indexes import index_url
from envlock.resolve.model import DEFAULT_INDEX, Location, Pin
from envlock.resolve.uv import Environment
from envlock.resolve.uv_compile import Indexes, Target


def locate(
    lock: Lock, platform: Platform, sources: Mapping[str, str], environment: Environment
) -> Mapping[str, Location]:
    """Look up each wheel of `platform` on its named index: sha256 -> where it is.

    Raises GoneFromIndex, naming all that are not there, and SourceFailed where an index cannot be asked.
    """
    wanted = tuple(lock.on(platform))
    target, indexes, versions = lookup(lock, platform, sources)
    pins = {str(name): pin for name, pin in exact_pins(target, indexes, versions, environment).items()}
    found = {
        wheel.sha256: location
        for distribution, wheel in wanted
        if (location := _location(pins.get(distribution.name), wheel, indexes)) is not None
    }
    gone = [(distribution, wheel) for distribution, wheel in wanted if wheel.sha256 not in found]
    if gone:
        raise _gone(gone)
    return found


def _location(pin: Pin | None, wheel: Wheel, indexes: Indexes) -> Location | None:
    """The file with the locked hash; where its index gives no hashes, the one with the locked name,
    which whoever fetches it checks."""
    if pin is None:
        return None
    for candidate in pin.candidates:
        if wheel.sha256 == candidate.sha256 or (candidate.sha256, candidate.file) == (None, wheel.file):
            named = indexes.named.get(pin.index)
            return Location(url=candidate.url, index=pin.index, index_url=named)
    return None


def lookup(
    lock: Lock, platform: Platform, sources: Mapping[str, str]
) -> tuple[Target, Indexes, Mapping[NormalizedName, str]]:
    """What `exact_pins` is asked about the wheels of a platform. Raises UsageFault for an index that points
    nowhere."""
    wanted = {canonicalize_name(each.name): each for each, _ in lock.on(platform)}
    stack = lock.stack.get(platform)
    variant = None if stack is None else stack.variant
    routes = {name: each.index for name, each in wanted.items() if each.index != DEFAULT_INDEX}
    named = {index: index_url(index, sources, variant) for index in set(routes.values())}
    major, minor = lock.glibc.split(".")
    return (
        Target(platform=platform, python=lock.python, glibc=(int(major), int(minor))),
        Indexes(default=sources.get(DEFAULT_INDEX), named=named, routes=routes),
        {name: each.version for name, each in wanted.items()},
    )


def _gone(rows: list[tuple[Distribution, Wheel]]) -> GoneFromIndex:
    first, wheel = rows[0]
    message = f"`{wheel.file}` of `{first.name}` {first.version} is no longer on index `{first.index}`"
    more = f" ({len(rows)} files are gone)" if len(rows) > 1 else ""
    hint = (
        f"point `{first.index}` at an index that still has it (`sources`), or lock again with "
        f"`envlock lock --upgrade-package {first.name}`"
    )
    return GoneFromIndex(message + more, hint=hint, facts=tuple(_facts(rows)))


def _facts(rows: list[tuple[Distribution, Wheel]]) -> Iterator[tuple[str, str]]:
    for distribution, wheel in rows:
        yield "gone", f"{wheel.file} on `{distribution.index}`, sha256 {wheel.sha256}"
