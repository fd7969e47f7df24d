"""Trials of what is built: an image as a layout, and a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.kills.desk import NEW, OLD
from benchmarks.kills.proof import bundle_faults, image_digest, layout_faults, sha256_of
from benchmarks.kills.trials import IS_NEITHER, IS_NEW, IS_OLD, States

NOTHING = "none before"


@dataclass(kw_only=True, slots=True)
class Imaging:
    """`build oci`: the layout is absent, the old image or the new one, whole."""

    states: States
    words: Sequence[str] = ("build", "oci", "-o", "image")
    kept: dict[str, Path] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    _had_one: bool = False

    @property
    def image(self) -> Path:
        return self.states.desk.project / "image"

    def before(self, chance: Random) -> str:
        if not self.kept:
            self._make_both()
        shutil.rmtree(self.image, ignore_errors=True)
        self._had_one = chance.random() < 0.5
        if self._had_one:
            shutil.copytree(self.kept[OLD], self.image)
        self.states.put(NEW)
        return f"{self.states.forget_cache(chance)}, {'the old one' if self._had_one else NOTHING}"

    def _make_both(self) -> None:
        for version, name in ((OLD, IS_OLD), (NEW, IS_NEW)):
            self.states.put(version)
            shutil.rmtree(self.image, ignore_errors=True)
            self.states.desk.must(*self.words)
            self.kept[version] = self.states.desk.root / f"image-{version}"
            shutil.copytree(self.image, self.kept[version])
            self.digests[image_digest(self.image)] = name

    def state(self) -> str:
        if not self.image.exists():
            return IS_NEITHER if self._had_one else IS_OLD
        faults = list(layout_faults(self.image))
        return IS_NEITHER if faults else self.digests.get(image_digest(self.image), IS_NEITHER)

    def after_kill(self, state: str) -> Iterator[str]:
        if state == IS_NEITHER:
            yield "the image is neither the old nor the new one"

    def after_next(self) -> Iterator[str]:
        if self.state() != IS_NEW:
            yield "the next image is another one"


@dataclass(kw_only=True, slots=True)
class Bundling:
    """`bundle` into an archive: absent, the old one or the new one, byte for byte."""

    states: States
    words: Sequence[str] = ("bundle", "-o", "bundle.tar")
    kept: dict[str, Path] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    _had_one: bool = False

    @property
    def archive(self) -> Path:
        return self.states.desk.project / "bundle.tar"

    def before(self, chance: Random) -> str:
        if not self.kept:
            self._make_both()
        self.archive.unlink(missing_ok=True)
        self._had_one = chance.random() < 0.5
        if self._had_one:
            shutil.copyfile(self.kept[OLD], self.archive)
        self.states.put(NEW)
        return f"{self.states.forget_cache(chance)}, {'the old one' if self._had_one else NOTHING}"

    def _make_both(self) -> None:
        for version, name in ((OLD, IS_OLD), (NEW, IS_NEW)):
            self.states.put(version)
            self.archive.unlink(missing_ok=True)
            self.states.desk.must(*self.words)
            self.kept[version] = self.states.desk.root / f"bundle-{version}.tar"
            self.archive.rename(self.kept[version])
            self.hashes[sha256_of(self.kept[version])] = name

    def state(self) -> str:
        if not self.archive.exists():
            return IS_NEITHER if self._had_one else IS_OLD
        return self.hashes.get(sha256_of(self.archive), IS_NEITHER)

    def after_kill(self, state: str) -> Iterator[str]:
        if state == IS_NEITHER:
            yield "the bundle is neither the old nor the new one"
        if self.archive.exists():
            yield from bundle_faults(self.archive)

    def after_next(self) -> Iterator[str]:
        if self.state() != IS_NEW:
            yield "the next bundle is another one"
