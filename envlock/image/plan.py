"""Which wheels share a layer, and what each layer is called in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from envlock.errors import NoSolution
from envlock.image.place import PREFIX, Site
from envlock.image.splice import FORMAT
from envlock.lock.model import Lock, Wheel

ALONE_BYTES: Final = 8 << 20
# Measured: docker 20.10 takes 125 layers, podman 4.3 128.
MOST_LAYERS: Final = 125


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Wheels of one layer, by name; `what` is its line in the image's history."""

    what: str
    wheels: tuple[tuple[str, Wheel], ...]

    def key(self, site: Site) -> str:
        """The name of the layer in the cache: all that its bytes follow from."""
        parts = [f"format {FORMAT}", PREFIX, site.series, *(["conda"] if site.is_conda else [])]
        parts += [f"{name} {wheel.file} {wheel.sha256} {wheel.digest}" for name, wheel in self.wheels]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def grouped(lock: Lock, platform: str, base_layers: int) -> tuple[Group, ...]:
    """Wheels of 8 MiB and more alone, the rest together; fewer alone where the layers would be too many.

    Raises NoSolution where the base alone has too many.
    """
    rows = [(distribution.name, wheel) for distribution, wheel in lock.on(platform)]
    room = MOST_LAYERS - base_layers - 2  # the environment itself, and the rest
    if room < 0:
        raise NoSolution(
            f"the base image has {base_layers} layers, and no engine takes more than {MOST_LAYERS}",
            hint="name a base with fewer layers",
        )
    largest = sorted((row for row in rows if row[1].size >= ALONE_BYTES), key=lambda row: -row[1].size)
    alone = {name for name, _ in largest[:room]}
    return tuple(_groups(rows, alone))


def _groups(rows: Sequence[tuple[str, Wheel]], alone: set[str]) -> Iterator[Group]:
    for name, wheel in rows:
        if name in alone:
            yield Group(what=wheel.file, wheels=((name, wheel),))
    rest = tuple(row for row in rows if row[0] not in alone)
    if rest:
        yield Group(what=f"{len(rest)} small wheels" if len(rest) > 1 else rest[0][1].file, wheels=rest)
