"""The lock of solved conda packages, straight from their archives: what the resolver must come to, too."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from envlock.agent.conda.paths import path_rows, paths_digest
from envlock.lock.model import CondaLock, CondaPackage
from tests.support.conda.platform import SUBDIR
from tests.support.environments import Subject, entry_lists, lock_of
from tests.support.wheels import Wheel

if TYPE_CHECKING:
    from rattler import RepoDataRecord

_DIST_INFO = re.compile(r"site-packages/([^/]+)-([^/]+)\.dist-info/METADATA$")


def solve(urls: Sequence[str], *specs: str) -> list[RepoDataRecord]:
    """What rattler chooses, without virtual packages."""
    import rattler

    async def work() -> list[RepoDataRecord]:
        return await rattler.solve(
            sources=[rattler.Channel(url) for url in urls],
            specs=[rattler.MatchSpec(spec) for spec in specs],
            platforms=[rattler.Subdir(SUBDIR), rattler.Subdir("noarch")],
            virtual_packages=[],
        )

    found = asyncio.run(work())
    time.sleep(0.2)  # pyo3-async-runtimes#40
    return found


def install(records: Sequence[RepoDataRecord], prefix: Path, cache: Path) -> None:
    """As pixi would, with copies: nothing that a test does to the prefix reaches the cache."""
    import rattler

    config = rattler.Config.from_toml("[link]\nallow-hard-links = false\n") if False else None

    async def work() -> None:
        await rattler.install(
            list(records), target_prefix=prefix, cache_dir=cache, show_progress=False, config=config
        )

    asyncio.run(work())
    time.sleep(0.2)


def conda_subject(
    prefix: Path, folder: Path, archives: Sequence[Path], wheels: Sequence[Wheel | Path] = ()
) -> Subject:
    """A conda prefix and the lock of exactly these archives and wheels."""
    lock = lock_of(wheels, folder)
    packages = tuple(sorted(map(package_of, archives), key=lambda package: package.name))
    conda = CondaLock(channels=("local",), virtual_packages={})
    return Subject(
        prefix=prefix,
        lock=replace(lock, conda=conda, conda_packages=packages),
        entries=entry_lists(wheels, folder),
    )


def archive_of(record: RepoDataRecord) -> Path:
    from urllib.parse import unquote, urlsplit

    return Path(unquote(urlsplit(record.url).path))


def package_of(archive: Path) -> CondaPackage:
    """Read a `.conda` archive, with nothing but its own bytes."""
    content = archive.read_bytes()
    info = _info(archive)
    index, paths = info["info/index.json"], info["info/paths.json"]
    link = info.get("info/link.json", {})
    found = (_DIST_INFO.search(row["_path"]) for row in paths["paths"])
    return CondaPackage(
        name=index["name"],
        version=index["version"],
        build=index["build"],
        build_number=index["build_number"],
        subdir=index["subdir"],
        noarch=index.get("noarch"),
        platforms=("linux-64",),
        channel="local",
        file=archive.name,
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content).hexdigest(),
        size=len(content),
        timestamp=index.get("timestamp"),
        depends=tuple(sorted(index["depends"])),
        constrains=tuple(sorted(index["constrains"])),
        paths=paths_digest(path_rows(paths)),
        distributions=tuple(sorted((match[1], match[2]) for match in found if match)),
        entry_points=tuple(sorted(link.get("noarch", {}).get("entry_points", ()))),
        site_packages=index.get("python_site_packages_path"),
        links=tuple(sorted(_folder_links(archive, paths["paths"]))),
    )


def _folder_links(archive: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    nothing = hashlib.sha256(b"").hexdigest()
    wanted = {row["_path"] for row in rows if row["path_type"] == "softlink" and row["sha256"] == nothing}
    if wanted:
        with _opened(archive, "pkg-") as members:
            yield from (f"{each.name} -> {each.linkname}" for each in members if each.name in wanted)


def _info(archive: Path) -> dict[str, Any]:
    with _opened(archive, "info-") as members:
        return {
            member.name: json.load(file)
            for member in members
            if (file := members.extractfile(member)) is not None and member.name.endswith(".json")
        }


@contextmanager
def _opened(archive: Path, section: str) -> Iterator[tarfile.TarFile]:
    """One of the two tar archives inside, to be read once from its beginning."""
    with zipfile.ZipFile(archive) as opened:
        name = next(name for name in opened.namelist() if name.startswith(section))
        unpacked = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(opened.read(name)))
        with tarfile.open(fileobj=unpacked, mode="r|") as members:
            yield members


PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
