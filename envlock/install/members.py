"""Single members of a locked wheel: by ranges from its index, or from a file at hand."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar, cast
from urllib.parse import unquote, urlsplit

import requests

from envlock.agent.identity import Entry, parse_entry_list
from envlock.errors import HashMismatch
from envlock.lock.model import Wheel
from envlock.resolve.wheels.contents import Archive, Key, Member, broken_is_bad, open_archive, read_contents
from envlock.resolve.wheels.entries import EntryCache
from envlock.resolve.wheels.identity import identify
from envlock.resolve.wheels.ranges import Downloader, Part, RangedFile, RangesRefused, Whole
from envlock.resolve.wheels.wheel import Traffic, WheelSource

_CHUNK_BYTES = 1 << 20
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenWheel:
    """An open wheel: the members that count, by place and path."""

    archive: Archive
    members: Mapping[Key, Member]

    def chunks(self, member: Member) -> Iterator[bytes]:
        if self.archive.read_up_to is not None:
            self.archive.read_up_to(self.archive.extent(member.info)[1])
        name = member.info.filename
        with broken_is_bad(self.archive.file, name), self.archive.zip.open(member.info) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelReader:
    """Reads wheels for one Python over one session; `cache` knows entry lists."""

    session: requests.Session
    python: tuple[int, int]
    cache: EntryCache

    def entries(self, wheel: Wheel, source: Callable[[], WheelSource]) -> tuple[Entry, ...]:
        """The entry list whose sha256 is the lock's digest: of the cache, else read from the wheel.

        Raises HashMismatch where the wheel is not the locked one, SourceFailed.
        """
        known = self.cache.entries(wheel.digest)
        if known is None:
            identity = identify(source(), python=self.python, session=self.session)
            if identity.digest != wheel.digest:
                raise _other_wheel(wheel, identity.digest)
            known = identity.entries
            self.cache.keep_entries(known)
        return tuple(parse_entry_list(known)[2])

    def use(self, source: WheelSource, work: Callable[[OpenWheel], _T]) -> _T:
        """`work` on the open wheel; done again, from the whole file, where the server refuses ranges."""
        if urlsplit(source.url).scheme == "file":
            return self._local(source, work)
        downloader, traffic = Downloader(self.session), Traffic()
        try:
            tail = downloader.tail(source, traffic)
            if isinstance(tail, Whole):
                with tail.file:
                    return work(self._opened(source.file, tail.file))
            return work(self._ranged(source, downloader, tail, traffic))
        except RangesRefused:
            with downloader.whole(source, traffic).file as stream:
                return work(self._opened(source.file, stream))

    def _ranged(self, source: WheelSource, downloader: Downloader, tail: Part, traffic: Traffic) -> OpenWheel:
        if tail.start == 0:
            return self._opened(source.file, io.BytesIO(tail.data))
        remote = RangedFile(downloader, source, tail, traffic)
        stream = cast("BinaryIO", remote)
        archive = open_archive(source.file, stream, prefetch=remote.prefetch, read_up_to=remote.read_up_to)
        return self._members(archive)

    def _local(self, source: WheelSource, work: Callable[[OpenWheel], _T]) -> _T:
        with Path(unquote(urlsplit(source.url).path)).open("rb") as stream:
            return work(self._opened(source.file, stream))

    def _opened(self, file: str, stream: BinaryIO) -> OpenWheel:
        return self._members(open_archive(file, stream))

    def _members(self, archive: Archive) -> OpenWheel:
        contents = read_contents(archive, self.python)
        return OpenWheel(
            archive=archive, members={(member.place, member.path): member for member in contents.members}
        )


def _other_wheel(wheel: Wheel, found: str) -> HashMismatch:
    return HashMismatch(
        f"`{wheel.file}` on its index is not the wheel that was locked",
        hint="the index, or a mirror before it, is at fault: name another one in `sources`",
        facts=[("locked", f"digest {wheel.digest}"), ("found", f"digest {found}")],
    )
