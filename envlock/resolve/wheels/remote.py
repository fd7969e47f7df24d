"""Wheels on servers: identified by ranges where they will do, else from the whole file.

Import late: what it stands on costs 0.1 s.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

import requests

from envlock.errors import EnvlockError, IndexFailed
from envlock.resolve.wheels.contents import open_archive, read_contents
from envlock.resolve.wheels.identity import assembled, hash_mismatch, identify_archive, identity_of_whole
from envlock.resolve.wheels.ranges import Downloader, Part, RangedFile, RangesRefused, Whole, open_session
from envlock.resolve.wheels.values import Valuer
from envlock.resolve.wheels.wheel import Traffic, WheelIdentity, WheelSource


def identify_side_by_side(
    sources: Sequence[WheelSource], python: tuple[int, int], session: requests.Session | None, jobs: int
) -> Iterator[WheelIdentity]:
    """Yield identities as they come. The first failure cancels the rest."""
    if session is None:
        with closing(open_session(jobs)) as own:
            yield from identify_side_by_side(sources, python, own, jobs)
        return
    cancelled = threading.Event()
    identifier = Identifier(Downloader(session, cancelled), python)
    pool = ThreadPoolExecutor(max_workers=min(jobs, len(sources)), thread_name_prefix="identify")
    try:
        futures = [pool.submit(identifier.identify, source) for source in sources]
        for future in as_completed(futures):
            if future.exception() is not None:
                cancelled.set()
                raise _first_failure(futures)
            yield future.result()
    finally:
        cancelled.set()
        pool.shutdown(wait=False, cancel_futures=True)


class Identifier:
    """Identifies wheels for one Python, over one downloader. Threads may share it."""

    def __init__(self, downloader: Downloader, python: tuple[int, int]) -> None:
        self._downloader, self._python = downloader, python

    def identify(self, source: WheelSource) -> WheelIdentity:
        if urlsplit(source.url).scheme == "file":
            return self._local(source)
        traffic = Traffic()
        if source.sha256 is None:
            return self._download(source, traffic, "the index gives no hash")
        try:
            return self._from_tail(source, source.sha256, traffic)
        except RangesRefused as refused:
            return self._download(source, traffic, str(refused))

    def _from_tail(self, source: WheelSource, sha256: str, traffic: Traffic) -> WheelIdentity:
        """Go on from the end of the wheel, or from the whole where that is small or all was sent."""
        tail = self._downloader.tail(source, traffic)
        if isinstance(tail, Whole):
            traffic.whole_because = "the server does not send parts of files"
            return self._from_whole(source, tail, traffic)
        if tail.start == 0:
            return self._from_whole(source, _whole_in_memory(tail), traffic)
        if source.size is not None and source.size != tail.total:
            raise hash_mismatch(source.file, f"{source.size} bytes", f"{tail.total} bytes")
        return self._from_ranges(source, sha256, tail, traffic)

    def _from_ranges(self, source: WheelSource, sha256: str, tail: Part, traffic: Traffic) -> WheelIdentity:
        remote = RangedFile(self._downloader, source, tail, traffic)
        archive = open_archive(
            source.file,
            cast("BinaryIO", remote),
            prefetch=remote.prefetch,
            read_up_to=remote.read_up_to,
        )
        valuer = Valuer(archive, read_contents(archive, self._python), prove=False)
        if valuer.bytes_to_read() * 2 > tail.total:
            raise RangesRefused("its RECORD has no hash for most of its files")
        return assembled(source.file, sha256, tail.total, valuer, traffic)

    def _download(self, source: WheelSource, traffic: Traffic, why: str) -> WheelIdentity:
        traffic.whole_because = why
        return self._from_whole(source, self._downloader.whole(source, traffic), traffic)

    def _from_whole(self, source: WheelSource, whole: Whole, traffic: Traffic) -> WheelIdentity:
        with whole.file:
            if source.sha256 is not None and whole.sha256 != source.sha256:
                raise hash_mismatch(source.file, source.sha256, whole.sha256)
            return identity_of_whole(source.file, whole.file, whole.sha256, self._python, traffic)

    def _local(self, source: WheelSource) -> WheelIdentity:
        path = Path(unquote(urlsplit(source.url).path))
        try:
            return identify_archive(path, python=self._python, file=source.file, sha256=source.sha256)
        except OSError as error:
            raise IndexFailed(f"cannot read `{source.file}`: {error.strerror}") from error


def _whole_in_memory(part: Part) -> Whole:
    return Whole(file=io.BytesIO(part.data), sha256=hashlib.sha256(part.data).hexdigest(), size=part.total)


def _first_failure(futures: Sequence[Future[WheelIdentity]]) -> BaseException:
    """The failure to report: the first in the order asked, with the others that are known by now."""
    done = [future for future in futures if future.done() and not future.cancelled()]
    failures = [error for error in (future.exception() for future in done) if error is not None]
    ours = [error for error in failures if isinstance(error, EnvlockError)]
    if not ours:
        return failures[0]
    first, others = ours[0], ours[1:]
    first.facts = (*first.facts, *(("also", error.message) for error in others))
    return first
