"""A wheel to identify, and what it turned out to be, as values."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.lock.model import Fixup


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSource:
    """A wheel to identify: `sha256` and `size` as its index lists them, where it does."""

    file: str
    url: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelIdentity:
    """What a wheel is. Sizes in bytes.

    `entries` are the exact bytes whose sha256 is `digest`; `files` counts their rows. `version` is that
    of the dist-info folder's name. `proved`: every member was hashed. `fetched_bytes` and `requests` are
    what it cost; `downloaded_whole` says why the wheel had to be fetched whole (a clause: `the server …`),
    None when it was read in parts, was small enough for one request, or was at hand.
    """

    file: str
    name: str
    version: str
    sha256: str
    size: int
    unpacked: int
    files: int
    digest: str
    fixups: tuple[Fixup, ...]
    entries: bytes
    requires_dist: tuple[str, ...]
    requires_python: str | None
    proved: bool
    fetched_bytes: int = 0
    requests: int = 0
    downloaded_whole: str | None = None


@dataclass(kw_only=True, slots=True)
class Traffic:
    """Requests made for one wheel, failed ones included, and bytes received in bodies that came complete.

    `whole_because`: why it is fetched whole, where it is.
    """

    requests: int = 0
    received: int = 0
    whole_because: str | None = None
