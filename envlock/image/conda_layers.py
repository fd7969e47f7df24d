"""The conda packages of a lock as layers of an image: linked once for the place that they have there, then
written file by file.

Contents are stored as they are, so no compressor runs. What may differ from one machine to the next is
left out: times, modes but for the right to be started, where the archives were fetched, and what a later
py-rattler may have more to say. Scripts that conda would run after linking are not run.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from envlock.agent.conda.meta import CondaRecord, read_records
from envlock.image.environment_items import folder_items
from envlock.image.place import PREFIX, Site
from envlock.image.plan import ALONE_BYTES
from envlock.image.splice import CHUNK_BYTES, FORMAT, Item, Plain, Spliced
from envlock.image.tar import Entry, Kind
from envlock.install.conda.archives import fetch_archives
from envlock.install.conda.stage import stage
from envlock.install.model import Supply
from envlock.lock.model import CondaPackage, Lock
from envlock.resolve.conda.channels import public_url
from envlock.resolve.model import OnEvent

# Layers are few: what a channel splits into many packages is many times more than wheels are.
MOST_ALONE: Final = 40
HISTORY: Final = "conda-meta/history"
_SAID = (
    *("name", "version", "build", "build_number", "subdir", "noarch", "arch", "platform", "depends"),
    *("constrains", "license", "timestamp", "md5", "sha256", "size", "fn", "python_site_packages_path"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaGroup:
    """Packages of one layer, by name; `what` is its line in the image's history."""

    what: str
    packages: tuple[CondaPackage, ...]


@dataclass(kw_only=True, slots=True)
class CondaPrefix:
    """The prefix of one platform of a lock. `folder` is where it is linked when it is needed; whoever made
    that removes it. `archives` is where downloads are kept."""

    packages: tuple[CondaPackage, ...]
    supply: Supply
    archives: Path
    folder: Path
    _files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def python(self) -> str:
        return next(package.version for package in self.packages if package.name == "python")

    @property
    def site(self) -> Site:
        return Site(series=".".join(self.python.split(".")[:2]), is_conda=True)

    def groups(self) -> tuple[CondaGroup, ...]:
        """Packages of 8 MiB and more alone, by name, then the rest."""
        largest = sorted(self.packages, key=lambda package: (-package.size, package.name))[:MOST_ALONE]
        alone = {package.name for package in largest if package.size >= ALONE_BYTES}
        rest = tuple(package for package in self.packages if package.name not in alone)
        large = (package for package in self.packages if package.name in alone)
        single = tuple(CondaGroup(what=package.file, packages=(package,)) for package in large)
        what = f"{len(rest)} small conda packages" if len(rest) > 1 else "".join(each.file for each in rest)
        return (*single, CondaGroup(what=what, packages=rest)) if rest else single

    def key(self, group: CondaGroup) -> str:
        """The name of a layer in the cache. Whose file stands where several have one, and where noarch
        packages go, depends on all packages."""
        parts = [f"conda {FORMAT}", PREFIX, *(f"{each.channel} {each.sha256}" for each in self.packages)]
        parts += [each.name for each in group.packages]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def link(self, on_event: OnEvent) -> None:
        """Fetch, prove and link all packages, once. Raises SourceFailed, ToolFailed, DiskFailed."""
        if self._files:
            return
        archives = fetch_archives(self.packages, self.supply, self.archives, on_event)
        stage(archives, self.folder, Path(PREFIX), on_event)
        expected = {package.name: package.paths for package in self.packages}
        records = read_records(str(self.folder), expected).found
        self._files = {record.name: _files_of(record) for record in records}

    def items(self, group: CondaGroup) -> list[Item]:
        """The members of a layer, sorted by path. Of a file that several packages have, each has the one
        that counts."""
        channels = {package.name: package.channel for package in group.packages}
        names = {name for package in group.packages for name in self._files[package.name]}
        items = [self._item(name, channels) for name in sorted(names)]
        folders = folder_items([item.entry.path for item in items], self.site)
        return sorted([*folders, *items], key=lambda item: item.entry.path)

    def _item(self, name: str, channels: Mapping[str, str]) -> Item:
        path, inside = self.folder / name, f"{self.site.prefix}/{name}"
        if path.is_symlink():
            return Item(entry=Entry(path=inside, kind=Kind.LINK, mode=0o777, target=str(path.readlink())))
        if name.startswith("conda-meta/"):
            return _plain(inside, record_bytes(json.loads(path.read_bytes()), channels), 0o644)
        stat = path.stat()
        mode = 0o755 if stat.st_mode & 0o111 else 0o644
        if stat.st_size <= CHUNK_BYTES:
            return _plain(inside, path.read_bytes(), mode)
        entry = Entry(path=inside, kind=Kind.FILE, mode=mode, size=stat.st_size)
        return Item(entry=entry, body=_whole(path, stat.st_size))


def conda_packages(lock: Lock, platform: str) -> tuple[CondaPackage, ...]:
    """The packages that make an image of this lock a conda prefix: none where conda brings no Python."""
    packages = tuple(sorted(lock.conda_on(platform), key=lambda package: package.name))
    return packages if any(package.name == "python" for package in packages) else ()


def history_item(site: Site) -> Item:
    """The file by which conda knows a prefix."""
    return _plain(f"{site.prefix}/{HISTORY}", b"", 0o644)


def record_bytes(record: Mapping[str, Any], channels: Mapping[str, str]) -> bytes:
    """A record of conda-meta as it is the same everywhere: the channel where a name like its own is for
    everybody. conda and rattler take no record without a URL."""
    channel = public_url(channels[record["name"]])
    said = {key: record[key] for key in _SAID if record.get(key) is not None}
    paths = sorted(record["paths_data"]["paths"], key=lambda row: str(row["_path"]))
    more = {
        "channel": channel,
        "url": f"{channel}/{record['subdir']}/{record['fn']}",
        "files": sorted(record["files"]),
        "paths_data": {"paths_version": record["paths_data"]["paths_version"], "paths": paths},
        "requested_spec": "",
    }
    return (json.dumps({**said, **more}, indent=2, sort_keys=True) + "\n").encode()


def _files_of(record: CondaRecord) -> tuple[str, ...]:
    return (*(placed.file for placed in record.paths), *record.scripts, record.file)


def _plain(path: str, content: bytes, mode: int) -> Item:
    entry = Entry(path=path, kind=Kind.FILE, mode=mode, size=len(content))
    return Item(entry=entry, body=Plain(content=content))


def _whole(path: Path, size: int) -> Spliced:
    """A large file as it lies there: read when the layer is made, and then held against this."""
    digest, crc = hashlib.sha256(), 0
    for chunk in _chunks(path):
        digest.update(chunk)
        crc = zlib.crc32(chunk, crc)
    return Spliced(
        file=path,
        name=path.name,
        offset=0,
        length=size,
        size=size,
        crc=crc,
        deflated=False,
        algorithm="sha256",
        hex=digest.hexdigest(),
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
