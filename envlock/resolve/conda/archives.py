"""What the archives of conda packages hold, without installing them.

`info/paths.json` says it file by file. From a server that answers range requests that is a part of the
archive; a file is read whole, and so is everything else, and then its sha256 is proved. Where a link to a
folder leads, only the files themselves tell: packages that have such links are read until it is known.

    {cache}/conda-v1/{sha256[:2]}/{sha256}.json        paths.json, link.json, links to folders
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from envlock.agent.conda.links import NOTHING
from envlock.agent.conda.paths import path_rows
from envlock.errors import BadPackage, EnvlockError, HashMismatch, IndexFailed
from envlock.resolve.conda.channels import without_secrets
from envlock.resolve.conda.model import Archive, Record
from envlock.resolve.conda.waiting import wait_for
from envlock.resolve.wheels.entries import read_cached, write_cached

if TYPE_CHECKING:
    from rattler.networking import Client
    from rattler.package_streaming import PackageArchive

_PATHS, _LINK, _LINKS = "info/paths.json", "info/link.json", "links"
_AT_ONCE = 16
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Looking:
    """How archives are looked at. `whole`: every byte is fetched and hashed, whatever the cache knows."""

    cache: Path | None = None
    whole: bool = False
    on_progress: Callable[[Record], None] | None = None


def look_into(records: Iterable[Record], how: Looking) -> dict[str, Archive]:
    """sha256 -> what the archive holds. Raises HashMismatch, BadPackage, IndexFailed."""
    by_hash = {record.sha256: record for record in records}
    found = wait_for(_all(by_hash.values(), how))
    failed = next((each for each in found if isinstance(each, EnvlockError)), None)
    if failed is not None:
        raise failed
    archives = (each for each in found if isinstance(each, Archive))
    return dict(zip(by_hash, archives, strict=True))


async def _all(records: Iterable[Record], how: Looking) -> list[Archive | EnvlockError]:
    from rattler.networking import Client

    gate, client = asyncio.Semaphore(_AT_ONCE), Client.default_client()

    async def one(record: Record) -> Archive | EnvlockError:
        async with gate:
            try:
                found = await _look(record, how, client)
            except EnvlockError as failed:
                return failed
        if how.on_progress is not None:
            how.on_progress(record)
        return found

    return list(await asyncio.gather(*map(one, records)))


async def _look(record: Record, how: Looking, client: Client) -> Archive:
    kept = None if how.cache is None or how.whole else _cached(how.cache, record)
    if kept is not None:
        return kept
    documents = await _documents(record, how, client)
    archive = _archive(documents, record)
    if how.cache is not None:
        texts = {path: None if data is None else data.decode() for path, data in documents.items()}
        write_cached(_place(how.cache, record), json.dumps(texts, sort_keys=True).encode())
    return archive


def _cached(cache: Path, record: Record) -> Archive | None:
    try:
        texts = json.loads(read_cached(_place(cache, record)) or b"null")
        documents = {
            path: None if texts[path] is None else texts[path].encode() for path in (_PATHS, _LINK, _LINKS)
        }
        return _archive(documents, record)
    except (ValueError, KeyError, TypeError, AttributeError, BadPackage):
        return None


def _place(cache: Path, record: Record) -> Path:
    return cache / "conda-v1" / record.sha256[:2] / f"{record.sha256}.json"


async def _documents(record: Record, how: Looking, client: Client) -> dict[str, bytes | None]:
    if record.url.startswith("file:"):
        return await _local(record, Path(unquote(urlsplit(record.url).path)))
    if record.file.endswith(".conda") and not how.whole:
        part = await _part(record, client)
        if part is not None:
            return part
    with tempfile.TemporaryDirectory() as folder:
        return await _local(record, await _fetched(record, Path(folder) / record.file, client))


async def _part(record: Record, client: Client) -> dict[str, bytes | None] | None:
    """The two documents by range requests; None where the server knows none."""
    from rattler.package_streaming import PackageArchive

    try:
        return await _read(await PackageArchive.from_url(client, record.url, sparse="require"))
    except Exception:
        return None  # whatever it was: the download of the whole tells


async def _fetched(record: Record, path: Path, client: Client) -> Path:
    from rattler.package_streaming import download_to_path

    try:
        await download_to_path(client, record.url, path)
    except Exception as error:
        reason = without_secrets(str(error).splitlines()[-1].removeprefix("Caused by: ").strip())
        raise IndexFailed(
            f"`{record.file}` cannot be fetched from the channel `{record.channel}`: {reason}",
            where=without_secrets(record.url),
            hint="where the channel lies is said in [tool.envlock.sources]",
        ) from error
    return path


async def _local(record: Record, path: Path) -> dict[str, bytes | None]:
    """The two documents of a file whose hash is proved: py-rattler does not look at it here."""
    from rattler.package_streaming import PackageArchive

    try:
        observed = _sha256(path)
    except OSError as error:
        raise IndexFailed(
            f"`{record.file}` of the channel `{record.channel}` cannot be read: {error.strerror}",
            where=str(path),
        ) from error
    if observed != record.sha256:
        raise HashMismatch(
            f"`{record.file}` is not what the channel `{record.channel}` says it is",
            where=without_secrets(record.url),
            hint="index the channel again, or restore the archive",
            facts=[("channel says", record.sha256), ("archive is", observed)],
        )
    try:
        return await _read(await PackageArchive.from_path(path))
    except Exception as error:
        raise _bad(record, str(error).splitlines()[0]) from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


async def _read(archive: PackageArchive) -> dict[str, bytes | None]:
    documents = dict(await archive.read_files([_PATHS, _LINK]))
    found = await _targets(archive, _folder_links(documents[_PATHS]))
    return {**documents, _LINKS: json.dumps(found, sort_keys=True).encode()}


def _folder_links(paths: bytes | None) -> set[str]:
    """Links of which `info/paths.json` has not the hash of a file. None of a document that is none."""
    try:
        rows = path_rows(json.loads(paths or b"{}"))
    except (ValueError, KeyError, TypeError):
        return set()
    return {row.path for row in rows if row.path_type == "softlink" and row.sha256 in (None, NOTHING)}


async def _targets(archive: PackageArchive, wanted: set[str]) -> dict[str, str]:
    """Where links lead. One that is absolute leads out of any prefix, and is refused there as it is."""
    found: dict[str, str] = {}
    if not wanted:
        return found
    async for entry in archive.stream("pkg"):
        name = entry.name.removeprefix("./")
        if name in wanted and entry.link_target is not None:
            found[name] = entry.link_target
            if len(found) == len(wanted):
                break
    return {name: target for name, target in found.items() if not target.startswith("/")}


def _archive(documents: Mapping[str, bytes | None], record: Record) -> Archive:
    paths = documents[_PATHS]
    if paths is None:
        raise _bad(record, "it has no info/paths.json, which conda-build writes since 2017")
    try:
        rows = tuple(path_rows(json.loads(paths)))
        links = json.loads(documents[_LINKS] or b"{}")
        return Archive(
            rows=rows,
            entry_points=_entry_points(json.loads(documents[_LINK] or b"{}")),
            links=tuple(sorted(f"{path} -> {target}" for path, target in links.items())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(record, f"its info/paths.json or info/link.json: {error!r}") from error


def _entry_points(link: Mapping[str, Any]) -> tuple[str, ...]:
    """`name = module:attr` rows, each with one blank around the `=`."""
    rows = link.get("noarch", {}).get("entry_points") or ()
    return tuple(sorted({" = ".join(part.strip() for part in row.split("=", 1)) for row in rows}))


def _bad(record: Record, reason: str) -> BadPackage:
    return BadPackage(
        f"`{record.file}` of the channel `{record.channel}` cannot be locked: {reason}",
        hint=f"ask for another build of `{record.name}`",
    )
