"""The archives of locked packages, each proved by its sha256 before anybody opens it.

py-rattler hashes what it downloads and not what lies on a disk; conda does not either. So they are fetched
and hashed here, whatever the scheme, and handed over as files.

    {cache}/conda-archives-v1/{sha256[:2]}/{sha256}/{file}
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envlock.errors import DiskFailed, EnvlockError, GoneFromIndex, HashMismatch, IndexFailed
from envlock.install.model import Supply
from envlock.lock.model import CondaPackage
from envlock.resolve.conda.channels import channel_urls, without_secrets
from envlock.resolve.conda.waiting import wait_for
from envlock.resolve.model import Event, OnEvent

if TYPE_CHECKING:
    from rattler.networking import Client

STEP = "fetch the conda packages"
_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A locked package, where its channel has it, and the proved file."""

    package: CondaPackage
    url: str
    channel: str
    path: Path


def fetch_archives(
    packages: Sequence[CondaPackage], supply: Supply, cache: Path, on_event: OnEvent
) -> tuple[Archive, ...]:
    """Every archive, fetched where it is not at hand, and hashed. Raises UsageFault for a channel that points
    nowhere, GoneFromIndex, HashMismatch, IndexFailed, DiskFailed."""
    channels = channels_of(packages, supply)
    found = wait_for(_Fetching(supply, cache, channels, on_event).all(packages))
    for each in found:
        if isinstance(each, EnvlockError):
            raise each
    return tuple(each for each in found if isinstance(each, Archive))


def channels_of(packages: Iterable[CondaPackage], supply: Supply) -> Mapping[str, str]:
    """Name -> URL of every channel that these packages come from. With a wheelhouse a channel need not point
    anywhere. Raises UsageFault."""
    names = sorted({package.channel for package in packages})
    house = supply.wheelhouse
    known = {} if house is None else dict.fromkeys(names, house.absolute().as_uri())
    return channel_urls(names, {**known, **supply.sources})


class _Fetching:
    def __init__(self, supply: Supply, cache: Path, channels: Mapping[str, str], on_event: OnEvent) -> None:
        self.supply, self.cache, self.channels, self.on_event = supply, cache, channels, on_event
        self._done = 0

    async def all(self, packages: Sequence[CondaPackage]) -> list[Archive | EnvlockError]:
        from rattler.networking import Client

        gate, client, total = asyncio.Semaphore(_AT_ONCE), Client.default_client(), len(packages)
        self.on_event(Event(step=STEP, total=total))

        async def one(package: CondaPackage) -> Archive | EnvlockError:
            async with gate:
                try:
                    found = await self._one(package, client)
                except EnvlockError as failed:
                    return failed
            self._done += 1
            self.on_event(Event(step=STEP, done=self._done, total=total))
            return found

        return list(await asyncio.gather(*map(one, packages)))

    async def _one(self, package: CondaPackage, client: Client) -> Archive:
        channel = self.channels[package.channel]
        url = f"{channel}/{package.subdir}/{package.file}"
        path = self._at_hand(package, url)
        if path is None:
            path = self._kept(package)
            if not await asyncio.to_thread(_is_proved, path, package):
                await self._download(package, url, path, client)
        elif not await asyncio.to_thread(_is_proved, path, package):
            raise _mismatch(package, await asyncio.to_thread(_sha256, path))
        return Archive(package=package, url=url, channel=channel, path=path)

    def _at_hand(self, package: CondaPackage, url: str) -> Path | None:
        """The file in the wheelhouse or in a channel on this disk; None where it must be downloaded."""
        if self.supply.wheelhouse is not None:
            path = self.supply.wheelhouse.absolute() / package.file
        elif url.startswith("file:"):
            path = Path(unquote(urlsplit(url).path))
        else:
            return None
        if not path.is_file():
            raise _gone(package, str(path.parent))
        return path

    def _kept(self, package: CondaPackage) -> Path:
        return self.cache / "conda-archives-v1" / package.sha256[:2] / package.sha256 / package.file

    async def _download(self, package: CondaPackage, url: str, path: Path, client: Client) -> None:
        from rattler.package_streaming import download_to_path

        part = path.with_name(f"{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            await download_to_path(client, url, part)
            observed = await asyncio.to_thread(_sha256, part)
            if observed != package.sha256:
                raise _mismatch(package, observed)
            part.replace(path)
        except OSError as error:
            raise DiskFailed(
                f"cannot write `{path}`: {error.strerror}", hint="free some space, then run the command again"
            ) from error
        except EnvlockError:
            raise
        except Exception as error:
            raise _failed(package, str(error)) from error
        finally:
            part.unlink(missing_ok=True)


def _is_proved(path: Path, package: CondaPackage) -> bool:
    try:
        return path.stat().st_size == package.size and _sha256(path) == package.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _gone(package: CondaPackage, where: str) -> GoneFromIndex:
    return GoneFromIndex(
        f"`{package.file}` is not in `{where}`",
        hint=f"`envlock lock --upgrade-package {package.name}` takes another build",
        facts=[("channel", package.channel)],
    )


def _failed(package: CondaPackage, said: str) -> EnvlockError:
    last = without_secrets(said.strip() or "no reason").splitlines()[-1]
    reason = last.removeprefix("Caused by: ").strip()
    if "404" in said:
        return _gone(package, f"{package.channel}/{package.subdir}")
    return IndexFailed(
        f"`{package.file}` cannot be fetched from the channel `{package.channel}`: {reason}",
        hint="check the network, then try again; where the channel lies is said in [tool.envlock.sources]",
    )


def _mismatch(package: CondaPackage, observed: str) -> HashMismatch:
    return HashMismatch(
        f"`{package.file}` on the channel `{package.channel}` is not the file that was locked",
        hint="the channel, or a mirror before it, is at fault: name another one in `sources`",
        facts=[("locked", package.sha256), ("found", observed)],
    )
