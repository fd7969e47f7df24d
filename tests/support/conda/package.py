"""Write `.conda` archives: what conda-build does with a folder, in one page.

The format (CEP 35): a zip with stored members `metadata.json`, `pkg-<stem>.tar.zst` (the files) and
`info-<stem>.tar.zst` (`info/index.json`, `info/paths.json`, for noarch Python `info/link.json`).
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import zstandard

from tests.support.conda.platform import SUBDIR

PLACEHOLDER = "/opt/envlock_channel_placehold" + "_placehold" * 22 + "_plac"
assert len(PLACEHOLDER) == 255  # what conda-build uses on Linux
TIMESTAMP = 1_735_689_600_000  # 2025-01-01, in milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """`mode` says how `PLACEHOLDER` in the content becomes the prefix; None where it does not stand."""

    path: str
    content: bytes
    executable: bool = False
    mode: Literal["text", "binary"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A symbolic link; `sha256` None: that of the file of the package that it leads to, else of nothing, as
    conda-build and rattler-build have it."""

    path: str
    target: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackage:
    """`entry_points` (`name = module:attr`) are for noarch Python packages, which say `noarch="python"`."""

    name: str
    version: str
    build: str = "h0_0"
    build_number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: Literal["python", "generic"] | None = None
    entry_points: tuple[str, ...] = ()
    files: tuple[File | Link, ...] = ()
    subdir: str = SUBDIR
    more: tuple[tuple[str, Any], ...] = ()
    timestamp: int = TIMESTAMP

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def folder(self) -> str:
        """The subdir that the archive lies in."""
        return "noarch" if self.noarch else self.subdir


def write_package(package: CondaPackage, channel: Path) -> Path:
    """Write the archive into its subdir of `channel`. The same package gives the same bytes."""
    path = channel / package.folder / f"{package.stem}.conda"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive_of(package))
    return path


def archive_of(package: CondaPackage) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _store(archive, "metadata.json", _json({"conda_pkg_format_version": 2}))
        _store(archive, f"pkg-{package.stem}.tar.zst", _tar(package.files))
        _store(archive, f"info-{package.stem}.tar.zst", _tar(_info(package)))
    return buffer.getvalue()


def _info(package: CondaPackage) -> list[File]:
    documents = {"info/index.json": _index(package), "info/paths.json": _paths(package.files)}
    if package.noarch == "python":
        entry_points = {"type": "python", "entry_points": list(package.entry_points)}
        documents["info/link.json"] = {"noarch": entry_points, "package_metadata_version": 1}
    documents["info/about.json"] = {}
    return [File(path=path, content=_json(document)) for path, document in documents.items()]


def _index(package: CondaPackage) -> dict[str, Any]:
    index: dict[str, Any] = {
        "arch": None if package.noarch else "x86_64",
        "build": package.build,
        "build_number": package.build_number,
        "constrains": list(package.constrains),
        "depends": list(package.depends),
        "name": package.name,
        "platform": None if package.noarch else "linux",
        "subdir": package.folder,
        "timestamp": package.timestamp,
        "version": package.version,
    }
    noarch = {"noarch": package.noarch} if package.noarch else {}
    return {**index, **noarch, **dict(package.more)}


def _paths(files: Iterable[File | Link]) -> dict[str, Any]:
    by_path = {file.path: file for file in files}
    rows = sorted((_row(file, by_path) for file in by_path.values()), key=lambda row: str(row["_path"]))
    return {"paths": rows, "paths_version": 1}


def _row(file: File | Link, files: Mapping[str, File | Link]) -> Mapping[str, Any]:
    if isinstance(file, Link):
        content = _led_to(file, files)
        sha256 = file.sha256 or hashlib.sha256(content).hexdigest()
        return {
            "_path": file.path,
            "path_type": "softlink",
            "sha256": sha256,
            "size_in_bytes": len(content),
        }
    row = {
        "_path": file.path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "size_in_bytes": len(file.content),
    }
    if file.mode is None:
        return row
    return {**row, "file_mode": file.mode, "prefix_placeholder": PLACEHOLDER}


def _led_to(link: Link, files: Mapping[str, File | Link]) -> bytes:
    target = files.get(posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target)))
    if isinstance(target, Link):
        return _led_to(target, files)
    return target.content if target is not None else b""


def _tar(files: Iterable[File | Link]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.mtime = TIMESTAMP // 1000
            if isinstance(file, Link):
                member.type, member.linkname = tarfile.SYMTYPE, file.target
                archive.addfile(member)
                continue
            member.size, member.mode = len(file.content), 0o755 if file.executable else 0o644
            archive.addfile(member, io.BytesIO(file.content))
    return zstandard.ZstdCompressor(level=1, threads=2).compress(buffer.getvalue())


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True).encode()


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, date_time=(2025, 1, 1, 0, 0, 0)), content)
