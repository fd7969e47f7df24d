"""What each trial has: a state before it, a command, and what must hold after a kill of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from benchmarks.kills.desk import NEW, OLD, Desk
from benchmarks.kills.proof import tree

IS_OLD, IS_NEW, IS_NEITHER = "old", "new", "neither"


class Trial(Protocol):
    """`before` puts the state in place and says which of its variants it is; `state` says what stands there
    now; `after_kill` and `after_next` name what does not hold."""

    @property
    def words(self) -> Sequence[str]: ...

    def before(self, chance: Random) -> str: ...

    def state(self) -> str: ...

    def after_kill(self, state: str) -> Iterator[str]: ...

    def after_next(self) -> Iterator[str]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class States:
    """The two locks of the desk, byte for byte."""

    desk: Desk
    locks: Mapping[str, bytes]

    def put(self, version: str) -> None:
        self.desk.manifest(version)
        self.desk.lockfile.write_bytes(self.locks[version])

    def forget_cache(self, chance: Random) -> str:
        """Empty envlock's cache every second time; the name of the variant."""
        if chance.random() < 0.5:
            return "warm cache"
        self.desk.forget_cache()
        return "cold cache"


def states_of(desk: Desk) -> States:
    """Lock both states, undisturbed."""
    locks = {}
    for version in (OLD, NEW):
        desk.manifest(version)
        desk.lockfile.unlink(missing_ok=True)
        desk.must("lock")
        locks[version] = desk.lockfile.read_bytes()
    return States(desk=desk, locks=locks)


@dataclass(kw_only=True, slots=True)
class Locking:
    """`lock` of a changed manifest: the lockfile is the old one or the new one. What it has read of wheels
    is in the cache whole, or not at all."""

    states: States
    words: Sequence[str] = ("lock",)
    known: Mapping[str, str] = field(default_factory=dict)

    def before(self, chance: Random) -> str:
        if not self.known:
            self._make()
        self.states.put(OLD)
        self.states.desk.manifest(NEW)
        return self.states.forget_cache(chance)

    def _make(self) -> None:
        self.states.desk.forget_cache()
        for version in (OLD, NEW):
            self.states.desk.manifest(version)
            self.states.desk.must("lock", "--upgrade")
        self.known = _readings(tree(self.states.desk.cache))

    def state(self) -> str:
        found = self.states.desk.lockfile.read_bytes()
        names = {self.states.locks[OLD]: IS_OLD, self.states.locks[NEW]: IS_NEW}
        return names.get(found, IS_NEITHER)

    def after_kill(self, state: str) -> Iterator[str]:
        if state == IS_NEITHER:
            yield "the lockfile is neither the old nor the new one"
        found = _readings(tree(self.states.desk.cache))
        yield from (f"cache: {path} is another" for path in found if found[path] != self.known.get(path))

    def after_next(self) -> Iterator[str]:
        if self.state() != IS_NEW:
            yield "the next lock is not the new one"


def _readings(files: Mapping[str, str]) -> dict[str, str]:
    """What the cache has of wheels that were read: entry lists and identities."""
    return {path: found for path, found in plain(files).items() if path.startswith(("entries-", "wheels-v"))}


@dataclass(kw_only=True, slots=True)
class Caching:
    """`build oci --digest-only` with an empty cache: wheels and digests of layers are written to it."""

    states: States
    words: Sequence[str] = ("build", "oci", "--digest-only")
    whole: Mapping[str, str] = field(default_factory=dict)
    _lock: bytes = b""

    def before(self, chance: Random) -> str:
        if not self.whole:
            self._make()
        self.states.put(NEW)
        self.states.desk.forget_cache()
        return "cold cache"

    def _make(self) -> None:
        self.states.put(NEW)
        self.states.desk.forget_cache()
        self.states.desk.must(*self.words)
        self.whole = tree(self.states.desk.cache)
        self._lock = self.states.desk.lockfile.read_bytes()

    def state(self) -> str:
        """Of the lockfile, into which the digests are noted last, and of the cache."""
        found, lock = plain(tree(self.states.desk.cache)), self.states.desk.lockfile.read_bytes()
        if any(found[path] != self.whole.get(path) for path in found):
            return IS_NEITHER
        return {self.states.locks[NEW]: IS_OLD, self._lock: IS_NEW}.get(lock, IS_NEITHER)

    def after_kill(self, state: str) -> Iterator[str]:
        if state == IS_NEITHER:
            yield "the lock, or an entry of the cache, is another"

    def after_next(self) -> Iterator[str]:
        if plain(tree(self.states.desk.cache)) != self.whole or self.state() != IS_NEW:
            yield "the next cache, or the next lock, is another one"


def plain(files: Mapping[str, str]) -> dict[str, str]:
    """Without temporary files: what is under its final name."""
    return {path: found for path, found in files.items() if "/." not in f"/{path}" and ".part" not in path}
