"""The conda packages of another tool's lock, as a manifest asks for them and as a solver is told of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from envlock import stack
from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign import Adopted
from envlock.lock.model import Lock
from envlock.manifest import Manifest, Platform
from envlock.manifest.model import CondaRequest
from envlock.manifest.patterns import CHANNEL
from envlock.resolve.conda.channels import ALIAS, channel_of
from envlock.resolve.conda.model import AdoptedPackage


def adopted_packages(
    found: Mapping[Platform, Adopted], manifest: Manifest, source: Path
) -> dict[str, tuple[AdoptedPackage, ...]] | None:
    """The packages by platform; None where the lock has none. Raises ForeignLockInvalid."""
    rows = {str(platform): adopted.conda for platform, adopted in found.items()}
    if not any(rows.values()):
        return None
    if manifest.conda is None:
        raise ForeignLockInvalid(
            f"`{source.name}` has conda packages, and the manifest asks for none",
            where=str(source),
            hint="add `[conda]` to the manifest (`[tool.envlock.conda]` in pyproject.toml)",
        )
    return rows


def with_conda(manifest: Manifest, adopted: Adopted) -> Manifest:
    """A manifest that was made up for a lock, with its conda packages and where their channels lie."""
    if not adopted.conda:
        return manifest
    sources = dict(manifest.sources)
    channels = tuple(dict.fromkeys(_named(channel, sources) for channel in adopted.channels))
    request = CondaRequest(
        channels=channels or ("conda-forge",),
        packages=tuple(each.spec for each in adopted.conda),
        virtual_packages={},
    )
    return replace(manifest, conda=request, sources=sources)


def _named(channel: str, sources: dict[str, str]) -> str:
    """The name of a channel that a file gives by URL; a new one is added to `sources`."""
    if "://" not in channel:
        return channel
    known = channel_of(channel, sources) or channel_of(channel, _well_known())
    if known is not None:
        return known
    name = channel.removeprefix(ALIAS) if channel.startswith(ALIAS) else channel.rpartition("/")[2].lower()
    name = name if CHANNEL.admits(name) else re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "channel"
    sources[name] = channel
    return name


def _well_known() -> dict[str, str]:
    url = stack.default_source("conda-forge")
    return {"conda-forge": url} if url else {}


def conda_differences(lock: Lock, platform: str, adopted: Adopted) -> Iterator[str]:
    """Where a lock has other conda packages than the one that it was adopted from."""
    locked = {row.name: f"{row.version} {row.build}" for row in lock.conda_on(platform)}
    builds = {each.name: each.build for each in adopted.conda}
    pinned = {each.name: f"{each.version} {each.build or ''}".strip() for each in adopted.conda}
    for name in sorted({*locked, *pinned}):
        here = locked.get(name)
        told = here if here is None or builds.get(name, "") else here.partition(" ")[0]
        if adopted.conda and told != pinned.get(name):
            yield f"conda package {name}: {pinned.get(name) or 'none'} there, {here or 'none'} in the lock"
