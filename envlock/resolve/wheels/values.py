"""What each member of a wheel counts as: RECORD's hash where it can be believed, else that of the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from envlock.agent.identity import (
    SCRIPTS,
    Entry,
    RecordRow,
    needs_whole_script,
    normalize_wheel_script,
)
from envlock.errors import BadWheel, RecordLies
from envlock.lock.model import Fixup
from envlock.resolve.wheels.contents import (
    MOST_TEXT_BYTES,
    Archive,
    Contents,
    Extent,
    Member,
    broken_is_bad,
    coalesced,
    quoted,
)

CHUNK_BYTES: Final = 256 << 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """What a member counts as, and whether the lock must say so because RECORD does not."""

    entry: Entry
    fixup: bool


def fixups(values: Iterable[Value], contents: Contents) -> tuple[Fixup, ...]:
    mended = [
        Fixup(place=value.entry.place, path=value.entry.path, sha256=value.entry.hex)
        for value in values
        if value.fixup
    ]
    absent = [Fixup(place=place, path=path, sha256=None) for place, path in contents.ghosts]
    return tuple(sorted([*mended, *absent], key=lambda fixup: (fixup.place, fixup.path)))


class Valuer:
    """Finds the value of every member: from RECORD where it can be believed, else from the bytes.

    With `prove`, members whose value is RECORD's are hashed as well, and a difference is RecordLies.
    """

    def __init__(self, archive: Archive, contents: Contents, *, prove: bool) -> None:
        self.archive, self.contents, self.prove = archive, contents, prove
        self._runs: list[Extent] | None = None

    def values(self) -> list[Value]:
        """One for each member, in the order of the file, so that what is read is read forward."""
        members = sorted(self.contents.members, key=lambda member: member.info.header_offset)
        return [self._script(member) if member.script else self._plain(member) for member in members]

    def bytes_to_read(self) -> int:
        """How many bytes of the wheel must be read beyond its dist-info and the heads of scripts."""
        extents = [self.archive.extent(member.info) for member in self._unbelieved()]
        return sum(stop - start for start, stop in extents)

    def _unbelieved(self) -> Iterator[Member]:
        return (member for member in self.contents.members if self._believed(member) is None)

    def _believed(self, member: Member) -> RecordRow | None:
        """RECORD's row where it has a usable hash and the right size.

        Files placed in `scripts` are always hashed with sha256 (IDENTITY 2.3).
        """
        row = self.contents.rows.get((member.place, member.path))
        if row is None or not row.hex or row.size not in (None, member.info.file_size):
            return None
        return None if member.place == SCRIPTS and row.algorithm != "sha256" else row

    def _plain(self, member: Member) -> Value:
        row = self._believed(member)
        if row is None:
            return self._from_bytes(member)
        if self.prove:
            self._check(member, row)
        return Value(entry=Entry(member.place, member.path, row.algorithm, row.hex), fixup=False)

    def _from_bytes(self, member: Member) -> Value:
        """The sha256 of the member. The target's RECORD says nothing that counts about scripts, so for
        those the lock must name only the ones that have no row."""
        entry = Entry(member.place, member.path, "sha256", self._hash(member, "sha256"))
        listed = (member.place, member.path) in self.contents.rows
        return Value(entry=entry, fixup=not (member.place == SCRIPTS and listed))

    def _script(self, member: Member) -> Value:
        if not needs_whole_script(self._head(member)):
            return self._plain(member)
        content = normalize_wheel_script(self._content(member))
        entry = Entry(member.place, member.path, "sha256", hashlib.sha256(content).hexdigest())
        return Value(entry=entry, fixup=(member.place, member.path) not in self.contents.rows)

    def _check(self, member: Member, row: RecordRow) -> None:
        found = self._hash(member, row.algorithm)
        if found != row.hex:
            raise RecordLies(
                f"the RECORD of `{self.archive.file}` lies about {quoted(member.info.filename)}",
                facts=(("RECORD", f"{row.algorithm} {row.hex}"), ("member", f"{row.algorithm} {found}")),
                hint="pin another version, and tell the people who publish this one",
            )

    def _head(self, member: Member) -> bytes:
        with (
            broken_is_bad(self.archive.file, member.info.filename),
            self.archive.zip.open(member.info) as stream,
        ):
            return stream.read(8)

    def _content(self, member: Member) -> bytes:
        if member.info.file_size > MOST_TEXT_BYTES:
            raise BadWheel(
                f"the script {quoted(member.info.filename)} of `{self.archive.file}` is larger than"
                f" {MOST_TEXT_BYTES >> 20} MiB"
            )
        return b"".join(self._chunks(member))

    def _hash(self, member: Member, algorithm: str) -> str:
        digest = hashlib.new(algorithm)
        for chunk in self._chunks(member):
            digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self, member: Member) -> Iterator[bytes]:
        self._announce(member)
        with (
            broken_is_bad(self.archive.file, member.info.filename),
            self.archive.zip.open(member.info) as stream,
        ):
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    def _announce(self, member: Member) -> None:
        """Let a file on a server read ahead over the members that are read next anyway."""
        if self.archive.read_up_to is None:
            return
        start, stop = self.archive.extent(member.info)
        run = next((run for run in self._coalesced() if run[0] <= start < run[1]), (start, stop))
        self.archive.read_up_to(max(run[1], stop))

    def _coalesced(self) -> list[Extent]:
        if self._runs is None:
            self._runs = list(coalesced(self.archive.extent(member.info) for member in self._unbelieved()))
        return self._runs
