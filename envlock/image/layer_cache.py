"""Digests of layers that were made before, shared by all projects.

    {directory}/layers-v1/{key[:2]}/{key}.json

A layer of a wheel is the same in every image. Known digests save unpacking and hashing; the bytes that
are handed over are held against them all the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from envlock.image.splice import Measured
from envlock.resolve.oci.reference import is_digest
from envlock.resolve.wheels.entries import write_cached


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCache:
    directory: Path

    def get(self, key: str) -> Measured | None:
        try:
            document = json.loads(self._path(key).read_bytes())
            found = Measured(**document)
        except (OSError, ValueError, TypeError):
            return None
        is_whole = is_digest(found.diff_id) and is_digest(found.digest) and type(found.size) is int
        return found if is_whole else None

    def keep(self, key: str, layer: Measured) -> None:
        """A cache that cannot be written to is a slower one, never a failure."""
        write_cached(self._path(key), json.dumps(asdict(layer), sort_keys=True).encode())

    def _path(self, key: str) -> Path:
        return self.directory / "layers-v1" / key[:2] / f"{key}.json"
