"""Trials of environments: made, changed, repaired, and looked at with a cache of what was seen."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.kills.desk import NEW, OLD
from benchmarks.kills.proof import differing, tree
from benchmarks.kills.trials import IS_NEITHER, IS_NEW, IS_OLD, States

VERIFY = ("verify", "--prefix", "env", "-l", "envlock.lock", "--level")
HALF_MADE = "half made, and verify says so"
MATCH, MISMATCH, INCOMPLETE = 0, 1, 8
# Written by the installer about itself: no part of what an environment is (IDENTITY 2).
_OWN = (".dist-info/RECORD", ".dist-info/INSTALLER", ".dist-info/REQUESTED")


@dataclass(kw_only=True, slots=True)
class Syncing:
    """`sync` of no environment, of the old one or of a damaged one: half-made, it is never a match."""

    states: States
    words: Sequence[str] = ("sync", "--venv", "env", "--python", sys.executable)
    repairs: bool = False
    kept: dict[str, Path] = field(default_factory=dict)
    whole: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def env(self) -> Path:
        return self.states.desk.project / "env"

    def before(self, chance: Random) -> str:
        if not self.kept:
            self._make_both()
        shutil.rmtree(self.env, ignore_errors=True)
        for left in self.env.parent.glob(".env.*"):  # notes of what was begun
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        self.states.put(NEW)
        if self.repairs:
            shutil.copytree(self.kept[NEW], self.env, symlinks=True)
            self._damage(chance)
            return "damaged"
        if chance.random() < 0.5:
            return "none before"
        shutil.copytree(self.kept[OLD], self.env, symlinks=True)
        return "the old one"

    def _make_both(self) -> None:
        """Each environment made once; copies of it to the same place are the same environment."""
        for version in (OLD, NEW):
            self.states.put(version)
            shutil.rmtree(self.env, ignore_errors=True)
            self.states.desk.must(*(word for word in self.words if word != "--repair"))
            self.kept[version] = self.states.desk.root / f"env-{version}"
            shutil.copytree(self.env, self.kept[version], symlinks=True)
            self.whole[version] = tree(self.kept[version])

    def _damage(self, chance: Random) -> None:
        """Twelve of forty modules lost: in the trial the damaged state is the old one."""
        modules = sorted(self.env.rglob("site-packages/demo/m*.py"))
        for path in chance.sample(modules, 12):
            path.unlink()

    def state(self) -> str:
        if not self.env.exists():
            return IS_OLD
        found = tree(self.env)
        if not self._absent(found):
            return IS_NEW
        return IS_OLD if not differing(found, self.whole[OLD]) else HALF_MADE

    def after_kill(self, state: str) -> Iterator[str]:
        if not self.env.exists():
            return
        status = self.states.desk.runner.run((*VERIFY, "content")).status
        if status == MATCH and state != IS_NEW:
            yield f"a half-made environment verifies: {self._absent(tree(self.env))}"
        if status not in (MATCH, MISMATCH, INCOMPLETE):
            yield f"verify of what was left ended with {status}"

    def after_next(self) -> Iterator[str]:
        status = self.states.desk.runner.run((*VERIFY, "content")).status
        if status != MATCH:
            yield f"the next environment does not verify ({status})"
        different = differing(tree(self.env), self.whole[NEW])
        if different:
            yield f"the next environment has other files: {different[:5]}"

    def _absent(self, found: Mapping[str, str]) -> list[str]:
        """Files that are other than in a whole environment, but for what the installer writes of itself."""
        whole = self.whole[NEW]
        return [path for path in whole if found.get(path) != whole[path] and not path.endswith(_OWN)]


@dataclass(kw_only=True, slots=True)
class Verifying:
    """`verify` with a cache of what was seen, cold or of before a change: whatever a kill leaves of it, the
    next look tells a changed file from an unchanged one, its size and mtime put back."""

    states: States
    words: Sequence[str] = (*VERIFY, "warm")
    _made: bool = False
    _before: bytes | None = None

    @property
    def module(self) -> Path:
        return next((self.states.desk.project / "env").rglob("site-packages/demo/m7.py"))

    def before(self, chance: Random) -> str:
        if not self._made:
            self._make()
        self.states.put(NEW)
        variant = self.states.forget_cache(chance)
        if variant == "warm cache":
            self.states.desk.must(*self.words)
            self.module.touch()
        rows = self._rows()
        self._before = rows.read_bytes() if rows is not None else None
        return variant

    def _make(self) -> None:
        self.states.put(NEW)
        shutil.rmtree(self.states.desk.project / "env", ignore_errors=True)
        self.states.desk.must("sync", "--venv", "env", "--python", sys.executable)
        self._made = True

    def _rows(self) -> Path | None:
        return next(self.states.desk.cache.glob("warm/*.rows"), None)

    def state(self) -> str:
        rows = self._rows()
        found = rows.read_bytes() if rows is not None else None
        if found == self._before:
            return IS_OLD
        return IS_NEW if found is not None and _holds(found) else IS_NEITHER

    def after_kill(self, state: str) -> Iterator[str]:
        if state == IS_NEITHER:
            yield "the cache of what was seen is neither the old nor the new one"
        content, status = self.module.read_bytes(), self.module.stat()
        self.module.write_bytes(content.replace(b"VALUE", b"VALVE"))
        os.utime(self.module, ns=(status.st_atime_ns, status.st_mtime_ns))
        if (found := self.states.desk.runner.run(self.words).status) != MISMATCH:
            yield f"a changed file is not seen: verify ended with {found}"
        self.module.write_bytes(content)
        os.utime(self.module, ns=(status.st_atime_ns, status.st_mtime_ns))

    def after_next(self) -> Iterator[str]:
        if self.state() == IS_NEITHER:
            yield "the next cache of what was seen is damaged"


def _holds(rows: bytes) -> bool:
    """A first line, the sha256 of the rest, the rest."""
    rest = rows[rows.index(b"\n") + 1 :]
    return hashlib.sha256(rest[32:]).digest() == rest[:32]
