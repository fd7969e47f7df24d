"""One trial for each command: the state before it, the command, and what must hold after a kill of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from benchmarks.kills.desk import NEW, OLD, Desk
from benchmarks.kills.proof import bundle_faults, image_digest, layout_faults, sha256_of, tree

VERIFY = ("verify", "--level", "content", "--prefix", "env", "-l", "envlock.lock")


class Trial(Protocol):
    """`before` puts the state in place, `after_kill` and `after_next` name what does not hold."""

    @property
    def words(self) -> Sequence[str]: ...

    def before(self, chance: Random) -> None: ...

    def writes(self) -> bool:
        """Whether the command has begun to write what is to be kept."""
        ...

    def after_kill(self) -> Iterator[str]: ...

    def after_next(self) -> Iterator[str]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class States:
    """The two locks of the desk, byte for byte."""

    desk: Desk
    locks: Mapping[str, bytes]

    def put(self, version: str) -> None:
        self.desk.manifest(version)
        self.desk.lockfile.write_bytes(self.locks[version])


def states_of(desk: Desk) -> States:
    """Lock both states, undisturbed."""
    locks = {}
    for version in (OLD, NEW):
        desk.manifest(version)
        desk.lockfile.unlink(missing_ok=True)
        _must(desk, ("lock",))
        locks[version] = desk.lockfile.read_bytes()
    return States(desk=desk, locks=locks)


def _must(desk: Desk, words: Sequence[str]) -> None:
    ended = desk.run(words)
    if ended.status != 0:
        raise SystemExit(f"envlock {' '.join(words)} ended with {ended.status}:\n{ended.output}")


@dataclass(kw_only=True, slots=True)
class Locking:
    """`lock` of a changed manifest: the lockfile is the old one or the new one."""

    states: States
    words: Sequence[str] = ("lock",)

    def before(self, chance: Random) -> None:
        self.states.put(OLD)
        self.states.desk.manifest(NEW)
        if chance.random() < 0.5:
            self.states.desk.forget_cache()

    def writes(self) -> bool:
        return any(self.states.desk.project.glob(".envlock.lock.*"))

    def after_kill(self) -> Iterator[str]:
        if self.states.desk.lockfile.read_bytes() not in self.states.locks.values():
            yield "the lockfile is neither the old nor the new one"

    def after_next(self) -> Iterator[str]:
        if self.states.desk.lockfile.read_bytes() != self.states.locks[NEW]:
            yield "the next lock is not the new one"


@dataclass(kw_only=True, slots=True)
class Syncing:
    """`sync` of no environment, of the old one or of a damaged one: half-made, it is never a match."""

    states: States
    repairs: bool = False
    kept: dict[str, Path] = field(default_factory=dict)
    whole: Mapping[str, str] = field(default_factory=dict)
    _before: int = 0

    @property
    def words(self) -> Sequence[str]:
        tail = ("--repair",) if self.repairs else ("--python", sys.executable)
        return ("sync", "--venv", "env", *tail)

    @property
    def env(self) -> Path:
        return self.states.desk.project / "env"

    def before(self, chance: Random) -> None:
        if not self.kept:
            self._make_both()
        shutil.rmtree(self.env, ignore_errors=True)
        if self.repairs:
            shutil.copytree(self.kept[NEW], self.env, symlinks=True)
            self._damage(chance)
        elif chance.random() < 0.5:
            shutil.copytree(self.kept[OLD], self.env, symlinks=True)
        self.states.put(NEW)
        self._before = self._changed_at()

    def _make_both(self) -> None:
        """Each environment made once; copies of it to the same place are the same environment."""
        for version in (OLD, NEW):
            self.states.put(version)
            shutil.rmtree(self.env, ignore_errors=True)
            _must(self.states.desk, ("sync", "--venv", "env", "--python", sys.executable))
            self.kept[version] = (
                self.states.desk.root / f"env-{version}-{'repair' if self.repairs else 'sync'}"
            )
            shutil.copytree(self.env, self.kept[version], symlinks=True)
        self.whole = tree(self.kept[NEW])

    def _damage(self, chance: Random) -> None:
        modules = sorted(self.env.rglob("site-packages/demo/*"))
        for path in chance.sample(modules, 12):
            path.unlink()

    def writes(self) -> bool:
        return self._changed_at() != self._before

    def _changed_at(self) -> int:
        site = next(self.env.glob("lib/python*/site-packages"), None)
        return 0 if site is None else (site / "demo" if self.repairs else site).stat().st_mtime_ns

    def after_kill(self) -> Iterator[str]:
        if not self.env.exists():
            return
        status = self.states.desk.run(VERIFY).status
        if status == 0 and (absent := self._absent()):
            yield f"a half-made environment verifies: {absent}"
        if status not in (0, 1, 8):
            yield f"verify of what was left ended with {status}"

    def after_next(self) -> Iterator[str]:
        status = self.states.desk.run(VERIFY).status
        if status != 0:
            yield f"the next environment does not verify ({status})"
        if self._different():
            yield f"the next environment has other files: {self._different()}"

    def _absent(self) -> list[str]:
        """Files that are other than in a whole environment, but for what the installer writes of itself."""
        found, own = tree(self.env), (".dist-info/RECORD", ".dist-info/INSTALLER", ".dist-info/REQUESTED")
        return [path for path in self.whole if found.get(path) != self.whole[path] and not path.endswith(own)]

    def _different(self) -> list[str]:
        found = tree(self.env)
        return sorted(
            path for path in found.keys() | self.whole.keys() if found.get(path) != self.whole.get(path)
        )[:5]


@dataclass(kw_only=True, slots=True)
class Imaging:
    """`build oci`: the layout is absent, the old image or the new one, whole."""

    states: States
    words: Sequence[str] = ("build", "oci", "-o", "image")
    kept: dict[str, Path] = field(default_factory=dict)
    _had_one: bool = False

    @property
    def image(self) -> Path:
        return self.states.desk.project / "image"

    def before(self, chance: Random) -> None:
        if not self.kept:
            self._make_both()
        shutil.rmtree(self.image, ignore_errors=True)
        self._had_one = chance.random() < 0.5
        if self._had_one:
            shutil.copytree(self.kept[OLD], self.image)
        self.states.put(NEW)
        if chance.random() < 0.5:
            self.states.desk.forget_cache()

    def _make_both(self) -> None:
        for version in (OLD, NEW):
            self.states.put(version)
            shutil.rmtree(self.image, ignore_errors=True)
            _must(self.states.desk, self.words)
            self.kept[version] = self.states.desk.root / f"image-{version}"
            shutil.copytree(self.image, self.kept[version])

    def writes(self) -> bool:
        return any(self.states.desk.project.glob(".image.*"))

    def after_kill(self) -> Iterator[str]:
        if self.image.exists():
            yield from layout_faults(self.image)
            yield from self._other((OLD, NEW))
        elif self._had_one:
            yield "the old image is gone and the new one is not there"

    def after_next(self) -> Iterator[str]:
        yield from layout_faults(self.image)
        yield from self._other((NEW,))

    def _other(self, versions: Sequence[str]) -> Iterator[str]:
        if image_digest(self.image) not in [image_digest(self.kept[version]) for version in versions]:
            yield "the image is another one"


@dataclass(kw_only=True, slots=True)
class Bundling:
    """`bundle` into an archive: absent, the old one or the new one, byte for byte."""

    states: States
    words: Sequence[str] = ("bundle", "-o", "bundle.tar")
    kept: dict[str, Path] = field(default_factory=dict)
    _had_one: bool = False

    @property
    def archive(self) -> Path:
        return self.states.desk.project / "bundle.tar"

    def before(self, chance: Random) -> None:
        if not self.kept:
            self._make_both()
        self.archive.unlink(missing_ok=True)
        self._had_one = chance.random() < 0.5
        if self._had_one:
            shutil.copyfile(self.kept[OLD], self.archive)
        self.states.put(NEW)
        if chance.random() < 0.5:
            self.states.desk.forget_cache()

    def _make_both(self) -> None:
        for version in (OLD, NEW):
            self.states.put(version)
            self.archive.unlink(missing_ok=True)
            _must(self.states.desk, self.words)
            self.kept[version] = self.states.desk.root / f"bundle-{version}.tar"
            self.archive.rename(self.kept[version])

    def writes(self) -> bool:
        return any(self.states.desk.project.glob(".bundle.tar.*"))

    def after_kill(self) -> Iterator[str]:
        if self.archive.exists():
            yield from bundle_faults(self.archive)
            yield from self._other((OLD, NEW))
        elif self._had_one:
            yield "the old bundle is gone and the new one is not there"

    def after_next(self) -> Iterator[str]:
        yield from self._other((NEW,))

    def _other(self, versions: Sequence[str]) -> Iterator[str]:
        if sha256_of(self.archive) not in [sha256_of(self.kept[version]) for version in versions]:
            yield "the bundle is another one"


@dataclass(kw_only=True, slots=True)
class Caching:
    """`build oci --digest-only` with an empty cache: wheels and digests of layers are written to it."""

    states: States
    words: Sequence[str] = ("build", "oci", "--digest-only")
    whole: Mapping[str, str] = field(default_factory=dict)

    def before(self, chance: Random) -> None:
        if not self.whole:
            self._make()
        self.states.put(NEW)
        self.states.desk.forget_cache()

    def _make(self) -> None:
        self.states.put(NEW)
        self.states.desk.forget_cache()
        _must(self.states.desk, self.words)
        self.whole = tree(self.states.desk.cache)

    def writes(self) -> bool:
        return any(self.states.desk.cache.iterdir())

    def after_kill(self) -> Iterator[str]:
        found = _plain(tree(self.states.desk.cache))
        yield from (f"cache: {path} is another" for path in found if found[path] != self.whole.get(path))

    def after_next(self) -> Iterator[str]:
        if _plain(tree(self.states.desk.cache)) != self.whole:
            yield "the next cache is another one"


def _plain(files: Mapping[str, str]) -> dict[str, str]:
    return {path: found for path, found in files.items() if "/." not in f"/{path}"}
