"""What a wheel says about itself: its members by place, the rows of its RECORD, its metadata.

Nothing here reads more of the wheel than its dist-info. What installers would not agree on, or what
leads out of the environment, is refused as `bad-wheel` (IDENTITY 2.6).
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from packaging.metadata import parse_email
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envlock.agent.identity import (
    LIB,
    SCRIPTS,
    RecordRow,
    UnsafePath,
    entry_point_scripts,
    is_cached_bytecode,
    is_installer_file,
    parse_record,
    place_wheel_member,
    safe_relative_path,
)
from envlock.agent.installed import split_info
from envlock.errors import BadWheel

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_RECORD_BYTES: Final = 64 << 20
MOST_TEXT_BYTES: Final = 16 << 20
GAP_BYTES: Final = 32 << 10  # a gap this small is read over: it costs less than one more request
SCRIPT_HEAD_BYTES: Final = 4096 + 512  # what zipfile reads at once, and a local header's extra field

Extent = tuple[int, int]
Key = tuple[str, str]

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|\A/|\A[A-Za-z]:|(?:\A|/)\.\.(?:/|\Z)")
_UNTIDY = re.compile(r"//|(?:\A|/)\.(?:/|\Z)")
_LOCAL_HEADER_BYTES = 30
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
# What zipfile raises on files that are no zip, or a broken one.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, struct.error)


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """An open wheel, and where its bytes are on a server, how to say which will be read.

    `stops` is where a member that starts at an offset ends.
    """

    file: str
    zip: zipfile.ZipFile
    prefetch: Callable[[Sequence[Extent]], None] | None
    read_up_to: Callable[[int], None] | None
    stops: Mapping[int, int]

    def extent(self, member: zipfile.ZipInfo) -> Extent:
        """Where a member lies in the file, header included."""
        return member.header_offset, self.stops[member.header_offset]

    def head_extent(self, member: zipfile.ZipInfo) -> Extent:
        """What has to be read for the first bytes of a member."""
        start, stop = self.extent(member)
        header = _LOCAL_HEADER_BYTES + len(member.orig_filename.encode()) + len(member.extra)
        return start, min(stop, start + header + SCRIPT_HEAD_BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file of the wheel that counts for the digest, and where it lands."""

    info: zipfile.ZipInfo
    place: str
    path: str
    script: bool  # a member of `.data/scripts`: installers rewrite its first line


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """A wheel, read as far as its dist-info says.

    `rows` are RECORD's, by place and path; `ghosts` those of them without a member. `unpacked` is in
    bytes, over all members.
    """

    name: str
    version: str
    members: tuple[Member, ...]
    rows: Mapping[Key, RecordRow]
    ghosts: tuple[Key, ...]
    unpacked: int
    requires_dist: tuple[str, ...]
    requires_python: str | None


def open_archive(
    file: str,
    stream: BinaryIO,
    *,
    prefetch: Callable[[Sequence[Extent]], None] | None = None,
    read_up_to: Callable[[int], None] | None = None,
) -> Archive:
    """Open a wheel. The two hooks are those of a file on a server (`RangedFile`)."""
    with broken_is_bad(file):
        archive = zipfile.ZipFile(stream)
    starts = sorted(member.header_offset for member in archive.infolist())
    stops = dict(zip(starts, [*starts[1:], archive.start_dir], strict=True)) if starts else {}
    if len(stops) != len(starts):
        raise _bad(file, "two members overlap")
    if starts and starts[0] < 0:
        raise _bad(file, "a member lies before its beginning")
    return Archive(file=file, zip=archive, prefetch=prefetch, read_up_to=read_up_to, stops=stops)


def read_contents(archive: Archive, python: tuple[int, int]) -> Contents:
    """Read the dist-info of a wheel and place its members for `python` (major, minor)."""
    named = _named_members(archive)
    return _Reader(archive, named, _info_of(archive.file, named), python).read()


@contextmanager
def broken_is_bad(file: str, member: str | None = None) -> Iterator[None]:
    """Turn what zipfile raises on a broken zip into BadWheel."""
    try:
        yield
    except _BROKEN as error:
        what = (
            "it is not a zip file that can be read"
            if member is None
            else f"{quoted(member)} cannot be unpacked"
        )
        raise BadWheel(f"`{file}` is broken: {what}", facts=(("reason", str(error)),)) from error


def coalesced(extents: Iterable[tuple[int, int]], gap: int = GAP_BYTES) -> Iterator[tuple[int, int]]:
    """Join extents that lie close together.

    >>> list(coalesced([(90, 95), (0, 10), (12, 20)], gap=5))
    [(0, 20), (90, 95)]
    """
    current: tuple[int, int] | None = None
    for start, stop in sorted(extents):
        if current is not None and start - current[1] <= gap:
            current = (current[0], max(current[1], stop))
            continue
        if current is not None:
            yield current
        current = (start, stop)
    if current is not None:
        yield current


def quoted(name: str) -> str:
    """A member's name for a message, with what a terminal would obey escaped.

    >>> quoted("a\\nb")
    "'a\\\\nb'"
    """
    return repr(name)


def _named_members(archive: Archive) -> dict[str, zipfile.ZipInfo]:
    """The files of the wheel by checked, tidy name. Folders are left out."""
    named: dict[str, zipfile.ZipInfo] = {}
    for member in archive.zip.infolist():
        # zipfile cuts `filename` at a NUL and may take another name from an extra field.
        name = member.orig_filename
        _check_name(archive.file, name, member)
        start, stop = archive.extent(member)
        if stop - start < _LOCAL_HEADER_BYTES + member.compress_size:
            raise _bad(archive.file, f"the member {quoted(name)} overlaps another")
        tidy = safe_relative_path(name) if _UNTIDY.search(name) else name
        if name.endswith("/"):
            continue
        if tidy in named:
            raise _bad(archive.file, f"two members are named {quoted(tidy)}")
        named[tidy] = member
    return named


def _check_name(file: str, name: str, member: zipfile.ZipInfo) -> None:
    if _UNSAFE.search(name):
        raise _bad(file, f"a member is named {quoted(name)}")
    if not member.flag_bits & _UTF8_FLAG and not name.isascii():
        raise _bad(file, f"the name of the member {quoted(name)} is not UTF-8")
    if member.filename != name:
        raise _bad(file, f"a member is named both {quoted(name)} and {quoted(member.filename)}")
    if member.flag_bits & _ENCRYPTED_FLAG:
        raise _bad(file, f"the member {quoted(name)} is encrypted")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Info:
    folder: str
    name: str
    version: str


def _info_of(file: str, named: Iterable[str]) -> _Info:
    """The one dist-info folder. Its name must say what the file's name says."""
    tops = {name.partition("/")[0] for name in named if ".dist-info/" in name}
    folders = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(folders) != 1:
        raise _bad(file, f"it has {len(folders)} dist-info folders instead of one")
    identity = split_info(folders[0])
    if identity is None or not _agrees(file, *identity):
        raise _bad(file, f"its dist-info folder is named {quoted(folders[0])}")
    return _Info(folder=folders[0], name=identity[0], version=identity[1])


def _agrees(file: str, name: str, version: str) -> bool:
    try:
        file_name, file_version, _, _ = parse_wheel_filename(file)
        return (name, Version(version)) == (file_name, file_version)
    except (InvalidWheelFilename, InvalidVersion):
        return False


class _Reader:
    """Reads one wheel; the state is what several steps need."""

    def __init__(
        self, archive: Archive, named: Mapping[str, zipfile.ZipInfo], info: _Info, python: tuple[int, int]
    ) -> None:
        self.archive, self.named, self.python = archive, named, python
        self.file = archive.file
        self.info, self.name, self.version = info.folder, info.name, info.version
        self.data = self.info.removesuffix(".dist-info") + ".data"

    def read(self) -> Contents:
        self._prefetch()
        self._check_wheel_version()
        placed = self._placed()
        scripts = self._entry_point_scripts()
        rows = self._rows()
        requires_dist, requires_python = self._requires()
        return Contents(
            name=self.name,
            version=self.version,
            members=tuple(self._counted(placed, scripts)),
            rows=rows,
            ghosts=tuple(self._ghosts(rows, placed, scripts)),
            unpacked=sum(member.file_size for member in self.named.values()),
            requires_dist=requires_dist,
            requires_python=requires_python,
        )

    def _prefetch(self) -> None:
        texts = [self.named.get(f"{self.info}/{name}") for name in ("METADATA", "WHEEL", "entry_points.txt")]
        record = self.named.get(f"{self.info}/RECORD")
        for member, most in [(record, MOST_RECORD_BYTES), *((text, MOST_TEXT_BYTES) for text in texts)]:
            self._check_size(member, most)
        if self.archive.prefetch is None:
            return
        scripts = f"{self.data}/scripts/"
        heads = [member for name, member in self.named.items() if name.startswith(scripts)]
        extents = [self.archive.extent(member) for member in (record, *texts) if member is not None]
        self.archive.prefetch([*extents, *(self.archive.head_extent(member) for member in heads)])

    def _check_size(self, member: zipfile.ZipInfo | None, most: int) -> None:
        if member is None:
            return
        start, stop = self.archive.extent(member)
        if max(member.file_size, stop - start) > most:
            raise _bad(self.file, f"{quoted(member.filename)} is larger than {most >> 20} MiB")

    def _check_wheel_version(self) -> None:
        """PyPA: "A wheel installer should warn if minor version is greater than the version it
        supports, and must fail if major version is greater than the version it supports."
        """
        match = re.search(r"^Wheel-Version:\s*(\d+)\.", self._text("WHEEL"), re.MULTILINE)
        if match is None or int(match[1]) != 1:
            raise _bad(self.file, "it is no wheel of version 1")

    def _text(self, name: str) -> str:
        member = self.named.get(f"{self.info}/{name}")
        if member is None:
            raise _bad(self.file, f"it has no {name} in {quoted(self.info)}")
        with broken_is_bad(self.file, member.filename):
            return self.archive.zip.read(member).decode()

    def _placed(self) -> dict[Key, zipfile.ZipInfo]:
        placed: dict[Key, zipfile.ZipInfo] = {}
        for name, member in self.named.items():
            key = self._place(name)
            other = placed.setdefault(key, member)
            if other is not member:
                names = f"{quoted(other.filename)} and {quoted(name)}"
                raise _bad(self.file, f"the members {names} land on one place")
        return placed

    def _place(self, name: str) -> Key:
        if not name.startswith(self.data + "/"):
            return LIB, name
        try:
            return place_wheel_member(name, self.name, self.python, self.data)
        except UnsafePath as error:
            raise _bad(self.file, f"the member {quoted(name)} cannot be placed: {error}") from error

    def _entry_point_scripts(self) -> Mapping[str, str]:
        if f"{self.info}/entry_points.txt" not in self.named:
            return {}
        scripts = entry_point_scripts(self._text("entry_points.txt"), self.name, self.python)
        for script in scripts:
            if "/" in script or script in ("", ".", "..") or _UNSAFE.search(script):
                raise _bad(self.file, f"an entry point is named {quoted(script)}")
        return scripts

    def _counted(self, placed: Mapping[Key, zipfile.ZipInfo], scripts: Mapping[str, str]) -> Iterator[Member]:
        for (place, path), member in placed.items():
            if self._is_left_out(place, path):
                continue
            if place == SCRIPTS and path in scripts:
                raise _bad(self.file, f"the script {quoted(member.filename)} has the name of an entry point")
            script = place == SCRIPTS and member.filename.startswith(f"{self.data}/scripts/")
            yield Member(info=member, place=place, path=path, script=script)

    def _is_left_out(self, place: str, path: str) -> bool:
        return (place == LIB and is_installer_file(path, self.info)) or is_cached_bytecode(path)

    def _rows(self) -> dict[Key, RecordRow]:
        """RECORD's rows by where they land; of two rows for one file the one with a hash counts."""
        try:
            parsed = parse_record(self._text("RECORD"))
        except (UnsafePath, ValueError) as error:
            raise _bad(self.file, f"its RECORD cannot be read: {error}") from error
        rows: dict[Key, RecordRow] = {}
        for row in parsed:
            key = self._place_row(row.path)
            known = rows.get(key)
            if known is None or (not known.hex and row.hex):
                rows[key] = row
        return rows

    def _place_row(self, path: str) -> Key:
        """Where a row of RECORD points. Relative to the site directory, three folders below the prefix."""
        if not path.startswith(".."):
            return self._place(path)
        below = path.removeprefix("../../../")
        if below == path or below.startswith(".."):
            raise _bad(self.file, f"its RECORD names {quoted(path)}, outside of the environment")
        return self._place(f"{self.data}/data/{below}")

    def _ghosts(
        self, rows: Iterable[Key], placed: Mapping[Key, zipfile.ZipInfo], scripts: Mapping[str, str]
    ) -> Iterator[Key]:
        """Rows without a member, as far as verify looks at such paths. Rows for folders mean nothing."""
        ghosts = [key for key in rows if key not in placed and not self._is_left_out(*key)]
        folders = _folders(placed) if ghosts else frozenset()
        for place, path in sorted(ghosts):
            if not (place == SCRIPTS and path in scripts) and (place, path) not in folders:
                yield place, path

    def _requires(self) -> tuple[tuple[str, ...], str | None]:
        headers = re.split(r"\r?\n\r?\n", self._text("METADATA"), maxsplit=1)[0]
        raw, _ = parse_email(headers)
        return tuple(raw.get("requires_dist", ())), raw.get("requires_python")


def _folders(placed: Iterable[Key]) -> frozenset[Key]:
    return frozenset(
        (place, path[: match.start()]) for place, path in placed for match in re.finditer("/", path)
    )


def _bad(file: str, reason: str) -> BadWheel:
    return BadWheel(
        f"`{file}` cannot be installed safely: {reason}",
        hint="pin another version, and tell the people who publish this one",
    )
