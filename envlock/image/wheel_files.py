"""The files of locked wheels: from a wheelhouse, from envlock's cache, or fetched into it.

{cache}/wheel-files-v1/{sha256[:2]}/{sha256}.whl, and beside it `.{sha256}.whl.part`: what had come when a
download broke off
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from envlock.errors import DiskFailed, HashMismatch
from envlock.install.held import held
from envlock.install.model import Supply
from envlock.install.uv_pip import locations_of
from envlock.lock.model import Lock, Wheel
from envlock.manifest.platforms import Platform
from envlock.resolve.wheels.entries import sweep
from envlock.resolve.wheels.wheel import Traffic, WheelSource

if TYPE_CHECKING:
    from envlock.resolve.wheels.ranges import Downloader

_SIDE_BY_SIDE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelFiles:
    """Where whole wheels come from, and where those that are fetched are kept."""

    lock: Lock
    platform: Platform
    supply: Supply
    cache: Path

    def fetch(self, wheels: Iterable[Wheel], on_each: Callable[[], object]) -> Mapping[str, Path]:
        """sha256 -> file, each proved by its hash when it came. Raises HashMismatch, SourceFailed."""
        wanted = {wheel.sha256: wheel for wheel in wheels}
        if self.supply.wheelhouse is not None:
            return self._in_house(wanted.values())
        missing = [wheel for wheel in wanted.values() if not self._has(wheel)]
        if missing:
            self._fetch(missing, on_each)
        return {sha256: self._path(sha256) for sha256 in wanted}

    def _in_house(self, wheels: Iterable[Wheel]) -> Mapping[str, Path]:
        """Wheels of a wheelhouse stay where they are."""
        locations = locations_of(self.lock, self.platform, self.supply)
        found = {wheel: Path(unquote(urlsplit(locations[wheel.sha256].url).path)) for wheel in wheels}
        for wheel, path in found.items():
            with path.open("rb") as stream:
                _refuse_other(wheel, hashlib.file_digest(stream, "sha256").hexdigest())
        return {wheel.sha256: path for wheel, path in found.items()}

    def _has(self, wheel: Wheel) -> bool:
        path = self._path(wheel.sha256)
        return path.is_file() and path.stat().st_size == wheel.size

    def _path(self, sha256: str) -> Path:
        return self.cache / "wheel-files-v1" / sha256[:2] / f"{sha256}.whl"

    def _fetch(self, missing: list[Wheel], on_each: Callable[[], object]) -> None:
        from envlock.resolve.wheels.ranges import Downloader, open_session

        locations = locations_of(self.lock, self.platform, self.supply)
        with closing(open_session(_SIDE_BY_SIDE)) as session, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            downloader = Downloader(session)
            ordered = sorted(missing, key=lambda wheel: -wheel.size)
            work = [
                pool.submit(self._one, wheel, locations[wheel.sha256].url, downloader) for wheel in ordered
            ]
            for done in work:
                done.result()
                on_each()

    def _one(self, wheel: Wheel, url: str, downloader: Downloader) -> None:
        if urlsplit(url).scheme == "file":
            with Path(unquote(urlsplit(url).path)).open("rb") as stream:
                self._keep(wheel, stream, hashlib.file_digest(stream, "sha256").hexdigest())
            return
        try:
            self._path(wheel.sha256).parent.mkdir(parents=True, exist_ok=True)
            with alone(self._part(wheel).with_suffix(".lock")):
                if not self._has(wheel):  # whoever was here before brought it
                    self._download(wheel, url, downloader)
        except OSError as error:
            raise self._disk_failed(wheel, error) from error

    def _download(self, wheel: Wheel, url: str, downloader: Downloader) -> None:
        """Go on where an earlier run broke off; what that left may be of another file, so start anew once."""
        part = self._part(wheel)
        source = WheelSource(file=wheel.file, url=url, sha256=wheel.sha256, size=wheel.size)
        was_begun = part.exists()
        downloader.resumed(source, part, Traffic())
        if was_begun and _sha256(part) != wheel.sha256:
            part.unlink()
            downloader.resumed(source, part, Traffic())
        found = _sha256(part)
        if found != wheel.sha256:
            part.unlink()
            _refuse_other(wheel, found)
        part.replace(self._path(wheel.sha256))

    def _part(self, wheel: Wheel) -> Path:
        path = self._path(wheel.sha256)
        return path.with_name(f".{path.name}.part")

    def _keep(self, wheel: Wheel, stream: BinaryIO, sha256: str) -> None:
        _refuse_other(wheel, sha256)
        stream.seek(0)
        path = self._path(sha256)
        temporary = path.with_name(f".new-{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep(path.parent, ".new-")
            with temporary.open("xb") as target:
                shutil.copyfileobj(stream, target, 1 << 20)
            temporary.replace(path)
        except OSError as error:
            raise self._disk_failed(wheel, error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _disk_failed(self, wheel: Wheel, error: OSError) -> DiskFailed:
        return DiskFailed(
            f"cannot keep `{wheel.file}`: {(error.strerror or str(error)).lower()}",
            where=str(self._path(wheel.sha256).parent),
            hint="free some space, or let ENVLOCK_CACHE_DIR name another folder",
        )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the file at `path` as a lock; it is gone afterwards. Others wait, threads as well as processes."""
    with held(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _refuse_other(wheel: Wheel, found: str) -> None:
    if found != wheel.sha256:
        raise HashMismatch(
            f"`{wheel.file}` is not the file that was locked",
            hint="run the command again; if it stays so, the index or a mirror before it is at fault",
            facts=[("locked", wheel.sha256), ("found", found)],
        )
