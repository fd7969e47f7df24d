"""From names and hashes to URLs: where each locked wheel can be had from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from envlock.errors import GoneFromIndex
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.manifest.platforms import Platform
from envlock.resolve.indexes import index_url
from envlock.resolve.model import DEFAULT_INDEX, Location, Pin
from envlock.resolve.uv import Environment, failure
from envlock.resolve.uv_compile import Indexes, Question, Target, ask

_SIDE_BY_SIDE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Search:
    lock: Lock
    platform: Platform
    sources: Mapping[str, str]
    environment: Environment

    def question(self, distributions: Iterable[Distribution]) -> Question:
        """Exact pins, each on its named index only, nothing followed: the files of those versions."""
        wanted = tuple(distributions)
        stack = self.lock.stack.get(self.platform)
        variant = None if stack is None else stack.variant
        routes = {canonicalize_name(each.name): each.index for each in wanted if each.index != DEFAULT_INDEX}
        named = {index: index_url(index, self.sources, variant) for index in set(routes.values())}
        major, minor = self.lock.glibc.split(".")
        return Question(
            target=Target(platform=self.platform, python=self.lock.python, glibc=(int(major), int(minor))),
            indexes=Indexes(default=self.sources.get(DEFAULT_INDEX), named=named, routes=routes),
            requirements=tuple(f"{each.name}=={each.version}" for each in wanted),
            with_dependencies=False,
        )


def locate(
    lock: Lock, platform: Platform, sources: Mapping[str, str], environment: Environment
) -> Mapping[str, Location]:
    """Look up each wheel of `platform` on its named index: sha256 -> where it is.

    Raises GoneFromIndex, naming all that are not there, and SourceFailed where an index cannot be asked.
    """
    search = _Search(lock=lock, platform=platform, sources=sources, environment=environment)
    wanted = tuple(lock.on(platform))
    pins = _pins(search, [distribution for distribution, _ in wanted])
    found = {
        wheel.sha256: location
        for distribution, wheel in wanted
        if (location := _location(pins.get(distribution.name), wheel)) is not None
    }
    gone = [(distribution, wheel) for distribution, wheel in wanted if wheel.sha256 not in found]
    if gone:
        raise _gone(gone)
    return found


def _location(pin: Pin | None, wheel: Wheel) -> Location | None:
    """The file with the locked hash; where its index gives no hashes, the one with the locked name,
    which whoever fetches it checks."""
    if pin is None:
        return None
    for candidate in pin.candidates:
        if wheel.sha256 == candidate.sha256 or (candidate.sha256, candidate.file) == (None, wheel.file):
            return Location(url=candidate.url, index=pin.index)
    return None


def _pins(search: _Search, distributions: list[Distribution]) -> Mapping[str, Pin]:
    """All in one run; where that fails for want of one version, each by itself, to tell which."""
    if not distributions:
        return {}
    answer = ask(search.question(distributions), search.environment)
    if answer.pins is not None:
        return {str(name): pin for name, pin in answer.pins.items()}
    if not answer.outcome.is_unsolvable:
        raise failure(answer.outcome, where=None)
    if len(distributions) == 1:
        return {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        rows = pool.map(lambda each: _pins(search, [each]), distributions)
        return {name: pin for row in rows for name, pin in row.items()}


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
