"""A conda prefix from a lock.

1  fetch    every archive by its name on its channel, and hash it, wherever it comes from
2  stage    py-rattler links the packages into a folder beside the prefix, for the prefix's own path
3  place    what differs is moved into the prefix, package by package, each record last; a new prefix is the
            staged folder, renamed
4  wheels   uv adds them, without a word about what conda brought
"""

from envlock.install.conda.repair import repair_conda
from envlock.install.conda.sync import sync_conda

__all__ = ["repair_conda", "sync_conda"]
