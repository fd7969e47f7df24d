"""A channel: folders of archives with their repodata, as files and over HTTP."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.conda.metadata import cuda_packages, prefix_notes
from tests.support.conda.package import CondaPackage, write_package
from tests.support.conda.platform import SUBDIR
from tests.support.conda.python import python_package
from tests.support.conda.wheels import wheel_package
from tests.support.index import FolderServer

NUMPY = "2.3.5"


@dataclass(frozen=True, slots=True)
class Channel:
    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def add(self, *packages: CondaPackage) -> tuple[Path, ...]:
        """Write the archives; `index` makes them known."""
        return tuple(write_package(package, self.folder) for package in packages)

    def index(self) -> None:
        from rattler.index import index_fs

        for subdir in (SUBDIR, "noarch"):
            (self.folder / subdir).mkdir(parents=True, exist_ok=True)
        asyncio.run(index_fs(self.folder, write_shards=False))
        time.sleep(0.2)  # a process that ends right after an await can crash: pyo3-async-runtimes#40

    @contextmanager
    def served(self) -> Iterator[FolderServer]:
        """The channel over loopback HTTP: `server.url`, `server.fault(…)`, `server.log`."""
        with FolderServer(self.folder, "conda") as server:
            yield server


def build_channel(folder: Path) -> Channel:
    """Python, NumPy, pip, packaging and attrs of this machine, CUDA by its metadata, `prefix-notes`."""
    channel = Channel(folder)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        channel.add(python_package(scratch))
        channel.add(wheel_package("numpy", NUMPY, scratch))
        channel.add(wheel_package("pip", "25.3", scratch))
        channel.add(wheel_package("packaging", "25.0", scratch))
        channel.add(wheel_package("attrs", "25.4.0", scratch))
    channel.add(*cuda_packages(), prefix_notes())
    channel.index()
    return channel
