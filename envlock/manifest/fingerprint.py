"""What a manifest says, as one hash: a lock is fresh while it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from envlock.manifest.model import Asked, Manifest
from envlock.manifest.requirement import canonical

_FORM = "envlock-manifest-v1"


def fingerprint(manifest: Manifest) -> str:
    """The sha256 over the parsed values, the included files' among them.

    Comments, spelling, the order of requirements and the places they stand at do not count; nor do
    `sources`, which are this host's.
    """
    text = json.dumps(_values(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _values(manifest: Manifest) -> dict[str, object]:
    conda, image = manifest.conda, manifest.image
    return {
        "form": _FORM,
        "variant": manifest.variant,
        "project": manifest.project_name,
        "python": manifest.python,
        "cuda": manifest.cuda,
        "platforms": sorted(manifest.platforms),
        "glibc": manifest.glibc,
        "requirements": _rows(manifest.requirements),
        "constraints": _rows(manifest.constraints),
        "exclude-newer": manifest.exclude_newer,
        "settings": manifest.settings,
        "index-of": manifest.index_of,
        "allow-sdist": sorted(set(manifest.allow_sdist)),
        # channels in their order, because it is their priority
        "conda": conda and [conda.channels, sorted(conda.packages), conda.virtual_packages],
        "image": image and [image.base, image.user],
    }


def _rows(asked: Iterable[Asked]) -> list[list[object]]:
    return sorted([canonical(row.requirement), sorted(row.hashes)] for row in asked)
