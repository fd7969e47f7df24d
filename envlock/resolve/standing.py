"""Is each locked file still to be had from where its lock says? "It is gone" and "could not look" are never
the same answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from envlock.errors import EnvlockError, RegistryFailed, SourceFailed, UsageFault
from envlock.lock.model import CondaPackage, Distribution, Lock, Wheel
from envlock.manifest.platforms import Platform
from envlock.resolve.conda.channels import channel_url
from envlock.resolve.exact import question_of
from envlock.resolve.locate import lookup
from envlock.resolve.model import DEFAULT_INDEX, Pin
from envlock.resolve.oci.base import broken
from envlock.resolve.oci.layout import Layout
from envlock.resolve.oci.media import BadImage, parse_manifest
from envlock.resolve.oci.store import ImageStore
from envlock.resolve.uv import Environment, failure
from envlock.resolve.uv_compile import ask

if TYPE_CHECKING:
    import requests

_YANKED: Final = re.compile(r"warning: `([a-z0-9-]+)==[^`]+` is yanked")
_UNKNOWN: Final = re.compile(r"was not found in the package registry")
_GONE: Final = (404, 410)
_TIMEOUT_SECONDS: Final = (10.0, 30.0)
_TRIES: Final = 3


class State(StrEnum):
    """`UNASKED`: could not look. A yanked file may still be fetched by whoever has its exact version."""

    THERE = "there"
    YANKED = "yanked"
    GONE = "gone"
    OTHER_BYTES = "other-bytes"
    UNASKED = "unasked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One locked file: the name of its index or channel, how it stands, and why where it does not."""

    file: str
    sha256: str
    index: str
    state: State
    reason: str = ""


def wheel_standings(
    lock: Lock, platform: Platform, sources: Mapping[str, str], environment: Environment
) -> Iterator[Standing]:
    """Every wheel of a platform, index by index: one that does not answer says nothing of the others."""
    for index in sorted({row.index for row, _ in lock.on(platform)}):
        part = replace(lock, distributions=tuple(row for row in lock.distributions if row.index == index))
        yield from _of_index(part, platform, sources, environment)


def _of_index(
    lock: Lock, platform: Platform, sources: Mapping[str, str], environment: Environment
) -> Iterator[Standing]:
    from envlock.resolve.wheels.ranges import open_session

    with closing(open_session(4)) as session:
        for row, wheel in lock.on(platform):
            alone = replace(lock, distributions=(row,))
            try:
                target, indexes, versions = lookup(alone, platform, sources)
                answer = ask(question_of(target, indexes, versions), environment)
                if answer.pins is None and not answer.outcome.is_unsolvable:
                    raise failure(answer.outcome, where=None)
            except EnvlockError as failed:
                yield _standing(row, wheel, State.UNASKED, failed.message)
                continue
            pin = (answer.pins or {}).get(next(iter(versions)))
            if pin is None and _UNKNOWN.search(answer.outcome.stderr):
                url = indexes.default if row.index == DEFAULT_INDEX else indexes.named[row.index]
                yield _absent(row, wheel, url, session)
                continue
            yield _listed(row, wheel, pin, row.name in _YANKED.findall(answer.outcome.stderr), session)


def _absent(row: Distribution, wheel: Wheel, url: str | None, session: requests.Session) -> Standing:
    """A project that is not there: deleted, or what was asked is no index. The index itself tells."""
    seen = _weighed(url, session) if url is not None else _Seen(status=200)
    if seen.status == 200:
        return _standing(row, wheel, State.GONE, f"the index has no `{row.name}`")
    return _standing(row, wheel, State.UNASKED, f"what is there is no index: {seen.reason}")


def _listed(
    row: Distribution, wheel: Wheel, pin: Pin | None, is_yanked: bool, session: requests.Session
) -> Standing:
    candidates = pin.candidates if pin is not None else ()
    found = next((each for each in candidates if each.sha256 == wheel.sha256), None)
    named = next((each for each in candidates if each.file == wheel.file), None)
    if found is None and named is not None and named.sha256 is not None:
        return _standing(row, wheel, State.OTHER_BYTES, f"the index has it with sha256 {named.sha256}")
    found = found or named
    if found is None:
        return _standing(row, wheel, State.GONE, f"the index does not list it under {row.version}")
    state, reason = _fetchable(found.url, wheel.size, wheel.sha256, session)
    if state is State.THERE and is_yanked:
        return _standing(row, wheel, State.YANKED, "it was withdrawn; who asks for exactly it still gets it")
    return _standing(row, wheel, state, reason)


def conda_standing(package: CondaPackage, sources: Mapping[str, str], session: requests.Session) -> Standing:
    """One conda archive, by its place on its channel."""
    try:
        channel = channel_url(package.channel, sources)
    except UsageFault as fault:
        state, reason = State.UNASKED, fault.message
    else:
        url = f"{channel}/{package.subdir}/{package.file}"
        state, reason = _fetchable(url, package.size, package.sha256, session)
        if state is State.GONE:
            seen = _weighed(f"{channel}/{package.subdir}/repodata.json", session)
            if seen.status != 200:
                state, reason = State.UNASKED, f"what is there is no channel: {seen.reason}"
    return Standing(
        file=package.file, sha256=package.sha256, index=package.channel, state=state, reason=reason
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """An answer: `status` None where there was none, `size` of the file in bytes where it was told."""

    status: int | None
    size: int | None = None
    reason: str = ""


def _fetchable(url: str, size: int, sha256: str, session: requests.Session) -> tuple[State, str]:
    seen = _weighed(url, session)
    if seen.status in _GONE:
        return State.GONE, seen.reason
    if seen.status != 200:
        return State.UNASKED, seen.reason
    if seen.size is not None and seen.size != size:
        return State.OTHER_BYTES, f"it has {seen.size} bytes there, {size} are locked"
    path = _path(url)
    if path is not None and (found := _sha256(path)) != sha256:
        return State.OTHER_BYTES, f"it has sha256 {found} there"
    return State.THERE, ""


def _weighed(url: str, session: requests.Session) -> _Seen:
    """Status and size of what is at a URL, without its content; 206 counts as 200."""
    path = _path(url)
    if path is not None:
        there = path.exists()
        return _Seen(
            status=200 if there else 404 if path.parent.is_dir() else None,
            size=path.stat().st_size if there and path.is_file() else None,
            reason="" if there else "it is not there" if path.parent.is_dir() else "the folder is not there",
        )
    seen = _Seen(status=None)
    for _ in range(_TRIES):
        seen = _asked(url, session)
        if seen.status is not None and seen.status < 500:
            break
    return seen


def _asked(url: str, session: requests.Session) -> _Seen:
    import requests
    import urllib3

    headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
    try:
        with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            length = total if answer.status_code == 206 else answer.headers.get("Content-Length", "")
            status = 200 if answer.status_code in (200, 206, 416) else answer.status_code
            return _Seen(
                status=status,
                size=int(length) if length.isdecimal() else None,
                reason="" if status == 200 else f"the server answers {status}",
            )
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        return _Seen(status=None, reason="the server does not answer")


def _path(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _standing(row: Distribution, wheel: Wheel, state: State, reason: str) -> Standing:
    return Standing(file=wheel.file, sha256=wheel.sha256, index=row.index, state=state, reason=reason)


def image_standing(base: str, digest: str, store: ImageStore) -> Standing:
    """The locked base on its registry, or in its layout: manifest, configuration and layers, by digest."""
    try:
        missing = next(_missing(digest, store), None)
        state, reason = (State.THERE, "") if missing is None else (State.GONE, f"it no longer has {missing}")
    except SourceFailed as failed:
        state, reason = State.UNASKED, failed.message
    sha256 = digest.removeprefix("sha256:")
    return Standing(file=f"{base}@{digest}", sha256=sha256, index=base, state=state, reason=reason)


def _missing(digest: str, store: ImageStore) -> Iterator[str]:
    if not _holds(store, "manifests", digest):
        yield f"manifest {digest}"
        return
    try:
        manifest = parse_manifest(store.document(digest))
    except BadImage as error:
        raise broken(store.name, error) from error
    for blob in (manifest.config, *manifest.layers):
        if not _holds(store, "blobs", blob.digest):
            yield f"blob {blob.digest}"


def _holds(store: ImageStore, kind: str, digest: str) -> bool:
    from envlock.resolve.oci.registry import Registry

    if isinstance(store, Registry):
        return store.holds(f"{kind}/{digest}")
    if isinstance(store, Layout) and not store.path.is_dir():
        raise RegistryFailed(f"there is no layout at `{store.path}`")
    return not isinstance(store, Layout) or store.file(digest).is_file()
