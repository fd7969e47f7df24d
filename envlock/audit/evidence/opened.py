"""A folder of evidence, or an archive of one, as names and bytes. It is untrusted: nothing is unpacked."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from envlock.audit.evidence.statement import SIGNED, UNSIGNED
from envlock.errors import EvidenceInvalid, Fault

_MOST_FILES = 10_000
_MOST_BYTES = 1 << 30
_UNREADABLE = (
    *(OSError, EOFError, RuntimeError, ValueError),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
_HINT = "`envlock audit --lock -o DIR` writes such a folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """Name relative to the folder -> bytes."""

    place: str
    files: dict[str, bytes]

    @property
    def statement(self) -> str:
        """The name of the statement: the signed one where both lie there."""
        return SIGNED if SIGNED in self.files else UNSIGNED


def open_evidence(path: Path) -> Opened:
    """Read a folder, a .zip or a .tar (also compressed). Raises EvidenceInvalid."""
    members = _members(path)
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    left = _MOST_BYTES
    try:
        for name, data in members:
            if data is None or not _is_safe(name) or name in files:
                faults.append(Fault(where=name, message="no regular file of its own in the folder"))
                continue
            left -= len(data)
            if left < 0 or len(files) >= _MOST_FILES:
                raise EvidenceInvalid("this is larger than any evidence", where=str(path))
            files[name] = data
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EvidenceInvalid(
            f"the evidence cannot be read: {reason[:1].lower()}{reason[1:]}", where=str(path), hint=_HINT
        ) from error
    if faults:
        raise EvidenceInvalid("the evidence has what no evidence has", where=str(path), faults=faults)
    return Opened(place=str(path), files=_below(path, files))


def _below(path: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files, without the one folder that an archive may put around them."""
    tops = {name.partition("/")[0] for name in files}
    if not {SIGNED, UNSIGNED} & tops and len(tops) == 1:
        around = f"{tops.pop()}/"
        files = {name.removeprefix(around): data for name, data in files.items()}
    if not {SIGNED, UNSIGNED} & files.keys():
        raise EvidenceInvalid(
            f"there is no statement here: neither `{SIGNED}` nor `{UNSIGNED}`", where=str(path), hint=_HINT
        )
    return files


def _is_safe(name: str) -> bool:
    return not name.startswith("/") and not {"", ".", ".."} & set(name.split("/")) and "\\" not in name


def _members(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """(name, bytes) of every file, by name; None for a link or a device."""
    if path.is_dir():
        yield from _of_folder(path)
    elif not path.is_file():
        raise EvidenceInvalid("there is no evidence here", where=str(path), hint=_HINT)
    elif zipfile.is_zipfile(path):
        yield from _of_zip(path)
    elif tarfile.is_tarfile(path):
        yield from _of_tar(path)
    else:
        raise EvidenceInvalid("this is no folder, no .zip and no .tar", where=str(path), hint=_HINT)


def _of_folder(path: Path) -> Iterator[tuple[str, bytes | None]]:
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_symlink() or not (file.is_dir() or file.is_file()):
            yield name, None
        elif file.is_file():
            _refuse_large(file.stat().st_size)
            yield name, file.read_bytes()


def _of_zip(path: Path) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(path) as archive:
        for row in sorted(archive.infolist(), key=lambda row: row.filename):
            if not row.is_dir():
                _refuse_large(row.file_size)
                yield row.filename, archive.read(row)


def _of_tar(path: Path) -> Iterator[tuple[str, bytes | None]]:
    with tarfile.open(path) as archive:
        for row in archive:
            name = PurePosixPath(row.name).as_posix()
            content = archive.extractfile(row) if row.isfile() else None
            if not row.isdir():
                _refuse_large(row.size)
                yield name, content.read() if content is not None else None


def _refuse_large(size: int) -> None:
    """Raise before a member is read that could fill the memory."""
    if size > _MOST_BYTES:
        raise EvidenceInvalid("this is larger than any evidence")
