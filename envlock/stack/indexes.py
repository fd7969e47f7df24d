"""Indexes with a name of their own, and what lives on them (`data/indexes.toml`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from envlock.stack.facts import document

if TYPE_CHECKING:
    from packaging.utils import NormalizedName


@cache
def pytorch_index_distributions() -> frozenset[NormalizedName]:
    """What the PyTorch index is the home of: torch, torchvision, triton and their like."""
    from packaging.utils import canonicalize_name  # late: it imports much

    return frozenset(canonicalize_name(name) for name in document("indexes")["distribution"])


def default_source(name: str) -> str | None:
    """Where the source `name` points unless the user says otherwise, with `{variant}` in it.

    None for `default`, which is the installer's own index, and for names that only the user knows.
    """
    found = document("indexes")["source"].get(name)
    return None if found is None else str(found["url"])
