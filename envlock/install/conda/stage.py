"""Packages linked by py-rattler into a folder beside the prefix, with the prefix's own path in their files.

The folder is nobody's: whoever stops here has changed nothing. Archives are unpacked into a cache that is
made for this once, so no file of the prefix is shared with a cache or another prefix.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from envlock.errors import DiskFailed, ToolFailed
from envlock.install.conda.archives import Archive
from envlock.resolve.conda.waiting import wait_for
from envlock.resolve.model import Event, OnEvent

if TYPE_CHECKING:
    from rattler import InstallerReporter, NoArchLiteral, RepoDataRecord

STEP = "link the conda packages"
# Where rattler unpacked an archive, which is gone by now.
_FORGOTTEN = ("extracted_package_dir", "package_tarball_full_path", "link")
_NOARCH: Mapping[str, NoArchLiteral] = {"python": "python", "generic": "generic"}


def stage(archives: Sequence[Archive], folder: Path, prefix: Path, on_event: OnEvent) -> None:
    """Link `archives` into `folder` as they will stand in `prefix`. Raises ToolFailed, DiskFailed."""
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=folder.parent) as cache:
        reporter = cast("InstallerReporter", _Progress(on_event, len(archives)))
        try:
            wait_for(_install([_record(each) for each in archives], folder, prefix, Path(cache), reporter))
        except OSError as error:
            raise _disk_failed(folder, error) from error
        except Exception as error:
            raise _not_linked(error) from error
    for archive in archives:
        _tell_origin(archive, folder)


async def _install(
    records: list[RepoDataRecord], folder: Path, prefix: Path, cache: Path, reporter: InstallerReporter
) -> None:
    from rattler import install

    await install(
        records,
        target_prefix=folder,
        alternative_target_prefix=prefix,
        cache_dir=cache,
        installed_packages=[],
        execute_link_scripts=False,
        show_progress=False,
        reporter=reporter,
    )


def _record(archive: Archive) -> RepoDataRecord:
    from rattler import BuildString, PackageRecord, RepoDataRecord

    package = archive.package
    record = PackageRecord(
        name=package.name,
        version=package.version,
        build=BuildString(package.build),
        build_number=package.build_number,
        subdir=package.subdir,
        noarch=_NOARCH.get(package.noarch or ""),
        depends=list(package.depends),
        constrains=list(package.constrains),
        sha256=bytes.fromhex(package.sha256),
        md5=bytes.fromhex(package.md5) if package.md5 else None,
        size=package.size,
        python_site_packages_path=package.site_packages,
    )
    url = archive.path.absolute().as_uri()
    return RepoDataRecord(record, package.file, url, archive.channel)


def _tell_origin(archive: Archive, folder: Path) -> None:
    """The record says where the channel has the archive, not where it lay here, and no password or token."""
    package = archive.package
    path = folder / "conda-meta" / f"{package.name}-{package.version}-{package.build}.json"
    document = json.loads(path.read_bytes())
    kept = {key: value for key, value in document.items() if key not in _FORGOTTEN}
    origin = {"url": _bare(archive.url), "channel": _bare(archive.channel)}
    path.write_text(json.dumps({**kept, **origin}, indent=2) + "\n", encoding="utf-8")


def _bare(url: str) -> str:
    """`url` as conda and rattler record it.

    >>> _bare("https://me:secret@host/t/ab-12/channel/noarch/x.conda")
    'https://host/channel/noarch/x.conda'
    """
    return re.sub(r"/t/[^/]+(?=/)", "", re.sub(r"(?<=//)[^/]*@", "", url))


class _Progress:
    """What py-rattler reports while it links, as events: the one method of its `InstallerReporter` that is
    of interest; it calls those that are there."""

    def __init__(self, on_event: OnEvent, total: int) -> None:
        self._on_event, self._total, self._done = on_event, total, 0
        on_event(Event(step=STEP, total=total))

    def on_transaction_operation_complete(self, operation: int) -> None:
        self._done += 1
        self._on_event(Event(step=STEP, done=min(self._done, self._total), total=self._total))


def _disk_failed(folder: Path, error: OSError) -> DiskFailed:
    return DiskFailed(
        f"cannot write `{folder.parent}`: {error.strerror or error}",
        hint="free some space or make the directory writable, then run the command again",
    )


def _not_linked(error: Exception) -> ToolFailed:
    lines = [line.removeprefix("Caused by: ").strip() for line in str(error).splitlines() if line.strip()]
    return ToolFailed(
        f"py-rattler could not link the packages: {lines[0] if lines else error!r}",
        facts=[("cause", line) for line in lines[1:]],
    )
