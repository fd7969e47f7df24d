"""The bit-identical image of a lock: its layers, configuration and manifest, without a daemon."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from envlock.errors import HashMismatch, LockfileInvalid, NoSuchImage
from envlock.image.conda_layers import CondaPrefix, history_item
from envlock.image.config import Purpose, config_bytes, manifest_of
from envlock.image.environment_items import environment_items, folder_items, user_items
from envlock.image.layer_cache import LayerCache
from envlock.image.place import Site
from envlock.image.plan import Group, grouped
from envlock.image.splice import FORMAT, Codec, Item, Measured, measured, packed
from envlock.image.wheel_files import WheelFiles
from envlock.image.wheel_items import wheel_items
from envlock.lock.model import BuiltImage, ImageLock, Lock, Wheel
from envlock.resolve.image import OpenImage
from envlock.resolve.model import Event, OnEvent, no_events
from envlock.resolve.oci.base import Base
from envlock.resolve.oci.media import Document
from envlock.resolve.oci.store import digest_of

_WORKERS: Final = 4
_ENVIRONMENT = "the virtual environment and the user"
_USER = "the user"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What is built: a lock on its base, which is open. `files` gives the wheels, when they are needed;
    `conda` the conda prefix that is made of the lock's conda packages, None for a virtual environment."""

    purpose: Purpose
    base: OpenImage
    found: Base
    files: WheelFiles
    cache: LayerCache | None = None
    conda: CondaPrefix | None = None

    @property
    def site(self) -> Site:
        return self.conda.site if self.conda is not None else Site(series=self.found.series or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One of our layers: its line in the history, its key in the cache, what it is made of. `is_linked`:
    of linked conda packages."""

    what: str
    key: str | None
    items: Callable[[], list[Item]]
    wheels: tuple[Wheel, ...] = ()
    is_linked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A whole image by its digests."""

    base: OpenImage
    config: bytes
    manifest: Document
    layers: tuple[tuple[Layer, Measured], ...]

    @property
    def built(self) -> BuiltImage:
        """As the lock holds it."""
        return BuiltImage(
            format=FORMAT,
            id=digest_of(self.config),
            manifest=self.manifest.digest,
            diff_ids=tuple(layer.diff_id for _, layer in self.layers),
        )


Sink = Callable[[bytes], object]
OpenSink = Callable[[int], "LayerSink"]


@dataclass(kw_only=True, slots=True)
class LayerSink:
    """Where the bytes of one layer go; `done` is told what it was, `close` comes last in any case."""

    write: Sink
    done: Callable[[Measured], object]
    close: Callable[[], object]


@dataclass(kw_only=True, slots=True)
class Builder:
    """Makes the layers of one request, several at once."""

    request: BuildRequest
    on_event: OnEvent = no_events
    _paths: Mapping[str, Path] = field(default_factory=dict)

    def layers(self) -> tuple[Layer, ...]:
        """In their order: the environment, conda packages, wheels; large ones by name, then the rest."""
        request, site = self.request, self.request.site
        first = Layer(what=_USER if request.conda else _ENVIRONMENT, key=None, items=self._environment)
        linked = tuple(_linked(request.conda)) if request.conda is not None else ()
        count = len(request.base.config.diff_ids) + len(linked)
        groups = grouped(request.purpose.lock, request.purpose.platform, count)
        return (first, *linked, *(self._layer(group, site) for group in groups))

    def image(
        self, codec: Codec = Codec.GZIP, open_sink: OpenSink | None = None, *, keep_wheels: bool = False
    ) -> Image:
        """Make or look up every layer, hand its bytes over where a sink is given, and check the lock.

        `keep_wheels`: have all wheels at hand, so that `packed` can make the layers again.

        Raises HashMismatch where the lock has other digests, and what fetching wheels raises.
        """
        layers = self.layers()
        self._prepare(layers, needs_bytes=keep_wheels or open_sink is not None)
        self.on_event(Event(step="layers", total=len(layers)))
        with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
            work = [
                pool.submit(self._made, layer, codec, partial(open_sink, number) if open_sink else None)
                for number, layer in enumerate(layers)
            ]
            found = []
            for number, done in enumerate(work, start=1):
                found.append(done.result())
                self.on_event(Event(step="layers", done=number, total=len(layers)))
        return self._image(tuple(zip(layers, found, strict=True)))

    def packed(self, layer: Layer) -> Iterator[bytes]:
        """The compressed bytes of a layer that was measured."""
        return packed(layer.items())

    def _layer(self, group: Group, site: Site) -> Layer:
        wheels = tuple(wheel for _, wheel in group.wheels)
        return Layer(what=group.what, key=group.key(site), items=partial(self._group, group), wheels=wheels)

    def _group(self, group: Group) -> list[Item]:
        """The members of all wheels of a group. One path is there once: a file that several own is the
        same in all, and of a script the last one counts, as with installers."""
        by_path: dict[str, Item] = {}
        for _, wheel in group.wheels:
            for item in wheel_items(self._paths[wheel.sha256], wheel, self.request.site):
                by_path[item.entry.path] = item
        return self._with_folders(list(by_path.values()))

    def _environment(self) -> list[Item]:
        request = self.request
        if request.conda is not None:
            mine = [history_item(request.site), *user_items(request.found, request.purpose.user)]
            return self._with_folders(mine)
        return self._with_folders(environment_items(request.found, request.site, request.purpose.user))

    def _with_folders(self, items: list[Item]) -> list[Item]:
        folders = folder_items([item.entry.path for item in items], self.request.site)
        return sorted([*folders, *items], key=lambda item: item.entry.path)

    def _prepare(self, layers: tuple[Layer, ...], *, needs_bytes: bool) -> None:
        """Have the wheels at hand that are to be read, and the conda packages linked."""
        wanted = [layer for layer in layers if needs_bytes or self._known(layer) is None]
        if self.request.conda is not None and any(layer.is_linked for layer in wanted):
            self.request.conda.link(self.on_event)
        wheels = [wheel for layer in wanted for wheel in layer.wheels]
        self.on_event(Event(step="fetch wheels", total=len(wheels)))
        self._paths = self.request.files.fetch(wheels, lambda: None)

    def _known(self, layer: Layer) -> Measured | None:
        cache = self.request.cache
        return cache.get(layer.key) if cache is not None and layer.key is not None else None

    def _made(self, layer: Layer, codec: Codec, open_sink: Callable[[], LayerSink] | None) -> Measured:
        known = self._known(layer)
        if known is not None and open_sink is None:
            return known
        if open_sink is None:
            found = measured(layer.items(), None, codec)
        else:
            found = _handed_over(layer, codec, known, open_sink())
        if self.request.cache is not None and layer.key is not None:
            self.request.cache.keep(layer.key, found)
        return found

    def _image(self, layers: tuple[tuple[Layer, Measured], ...]) -> Image:
        request = self.request
        config = config_bytes(
            request.purpose, request.base.config, ((layer.what, found) for layer, found in layers)
        )
        manifest = manifest_of(config, request.base.manifest, (found for _, found in layers))
        image = Image(base=request.base, config=config, manifest=manifest, layers=layers)
        check_built(request.purpose.lock, request.purpose.platform, image.built)
        return image


def _linked(conda: CondaPrefix) -> Iterator[Layer]:
    for group in conda.groups():
        items = partial(conda.items, group)
        yield Layer(what=group.what, key=conda.key(group), items=items, is_linked=True)


def _handed_over(layer: Layer, codec: Codec, known: Measured | None, sink: LayerSink) -> Measured:
    try:
        if known is not None and codec is Codec.GZIP:
            _copied(layer, known, sink)
            return known
        found = measured(layer.items(), sink.write, codec)
        sink.done(found)
        return found
    finally:
        sink.close()


def _copied(layer: Layer, known: Measured, sink: LayerSink) -> None:
    """Hand a known layer over, and hold it against its digest."""
    import hashlib

    digest = hashlib.sha256()
    for chunk in packed(layer.items()):
        digest.update(chunk)
        sink.write(chunk)
    if f"sha256:{digest.hexdigest()}" != known.digest:
        raise HashMismatch(
            f"the layer of {layer.what} is not what it was when it was made before",
            hint="remove envlock's cache (`layers-v1` and `wheel-files-v1`) and run the command again",
            facts=[("expected", known.digest), ("found", f"sha256:{digest.hexdigest()}")],
        )
    sink.done(known)


def check_built(lock: Lock, platform: str, found: BuiltImage) -> None:
    """Raise HashMismatch where the lock has the digests of another image, of this layer format."""
    locked = lock.image.platforms[platform].built if lock.image is not None else None
    if locked is None or locked == found or locked.format != found.format:
        return
    raise HashMismatch(
        "the image is not the one that the lock has",
        where=f"image.platforms.{platform}.built",
        hint="`envlock build oci --digest-only` notes the digests of this one, if the change is wanted",
        facts=[("locked", locked.manifest), ("built", found.manifest)],
    )


def check_base(lock: Lock, platform: str, base: OpenImage) -> None:
    """Raise HashMismatch where the base is not the one of the lock."""
    if image_of_lock(lock, platform).platforms[platform].diff_ids != base.config.diff_ids:
        raise HashMismatch(
            f"the base image `{base.store.name}` has other layers than the lock says",
            where=f"image.platforms.{platform}",
            hint="`envlock lock --upgrade` looks at the base anew",
        )


def image_of_lock(lock: Lock, platform: str) -> ImageLock:
    """The locked base. Raises NoSuchImage where the lock has none for the platform."""
    if lock.image is None or platform not in lock.image.platforms:
        raise NoSuchImage(
            "the lock has no base image",
            hint='name one in [tool.envlock.image]: `base = "docker.io/library/python:'
            f'{lock.python}-slim-bookworm"`, then run `envlock lock`',
        )
    return lock.image


def fits(lock: Lock, found: Base) -> None:
    """Raise LockfileInvalid where the base's Python is not the lock's."""
    if found.version != lock.python_exact:
        raise LockfileInvalid(
            f"the base image has Python {found.version}, the lock is for {lock.python_exact}",
            hint="`envlock lock` brings it up to date",
        )
