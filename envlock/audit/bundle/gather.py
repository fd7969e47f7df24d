"""Everything that goes into a bundle: what the lock names, fetched and hashed, and the papers about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envlock.audit.bundle import papers
from envlock.audit.bundle.blobs import image_items
from envlock.audit.bundle.model import Item, Kind
from envlock.audit.bundle.wanted import (
    AGENT,
    PROJECT,
    README,
    conda_of,
    conda_row,
    wheel_row,
    wheels_of,
)
from envlock.image.wheel_files import WheelFiles
from envlock.install.conda.archives import fetch_archives
from envlock.install.model import Supply
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.observe.zipapp import agent_bytes
from envlock.resolve.image import OpenImage
from envlock.resolve.model import Event, OnEvent

STEP = "fetch wheels"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathering:
    """What is bundled: `lock_name` and `lock_bytes` are the lockfile's, `manifest` its files by name,
    `images` the base of each platform (none: it stays out), `sbom` its documents by name."""

    lock: Lock
    lock_name: str
    lock_bytes: bytes
    platforms: tuple[str, ...]
    supply: Supply
    cache: Path
    manifest: Mapping[str, bytes] = field(default_factory=dict)
    images: Mapping[str, OpenImage] = field(default_factory=dict)
    sbom: Mapping[str, bytes] = field(default_factory=dict)


def gather(asked: Gathering, on_event: OnEvent) -> list[Item]:
    """Every file of the bundle. What was fetched before, and is whole, is not fetched again.

    Raises GoneFromIndex, HashMismatch, SourceFailed, DiskFailed, UsageFault, BadWheel.
    """
    lock, platforms = asked.lock, asked.platforms
    items = [
        *_wheels(asked, on_event),
        *_conda(asked, on_event),
        *image_items(asked.images, asked.cache, on_event),
        *papers.requirements(lock, platforms),
        *papers.channel_papers(lock, platforms),
        *(papers.paper(f"{PROJECT}/{name}", Kind.MANIFEST, text) for name, text in asked.manifest.items()),
        *(papers.paper(f"sbom/{name}", Kind.SBOM, text) for name, text in asked.sbom.items()),
        papers.paper(f"{PROJECT}/{asked.lock_name}", Kind.LOCK, asked.lock_bytes),
        papers.paper(AGENT, Kind.AGENT, agent_bytes()),
    ]
    if asked.images:
        manifests = {platform: image.manifest for platform, image in asked.images.items()}
        items += papers.layout_papers(lock, manifests)
    lock_path = f"{PROJECT}/{asked.lock_name}"
    text = papers.readme(lock, platforms, items, lock_path)
    items.append(papers.paper(README, Kind.README, text.encode()))
    return [papers.index_item(lock_path, lock, platforms, items), *items]


def _wheels(asked: Gathering, on_event: OnEvent) -> Iterator[Item]:
    wheels = wheels_of(asked.lock, asked.platforms)
    done = 0

    def one() -> None:
        nonlocal done
        done += 1
        on_event(Event(step=STEP, done=done, total=len(wheels)))

    files: dict[str, Path] = {}
    for platform in asked.platforms:
        mine = [wheel for _, wheel in asked.lock.on(platform) if wheel.sha256 not in files]
        source = WheelFiles(
            lock=asked.lock, platform=Platform(platform), supply=asked.supply, cache=asked.cache
        )
        files.update(source.fetch(mine, one) if mine else {})
    for sha256, wheel in wheels.items():
        yield Item(row=wheel_row(wheel), content=files[sha256])
        with files[sha256].open("rb") as stream:
            yield papers.record_of(stream, wheel)


def _conda(asked: Gathering, on_event: OnEvent) -> Iterator[Item]:
    packages = tuple(conda_of(asked.lock, asked.platforms).values())
    if packages:
        for archive in fetch_archives(packages, asked.supply, asked.cache, on_event):
            yield Item(row=conda_row(archive.package), content=archive.path)
