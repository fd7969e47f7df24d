"""The conda part of a lockfile: tables -> values, each matched in full."""

from __future__ import annotations

from dataclasses import replace

from envlock.lock import patterns
from envlock.lock.model import CondaLock, CondaPackage
from envlock.lock.reading import per_platform, sorted_texts, text
from envlock.manifest import patterns as manifest_patterns
from envlock.manifest.tables import Table, code

_ALWAYS = (
    *("name", "version", "build", "build-number", "subdir", "platforms"),
    *("channel", "file", "sha256", "size", "depends", "paths"),
)
_OPTIONAL = (
    *("noarch", "md5", "timestamp", "constrains", "distributions"),
    *("entry-points", "site-packages", "link-scripts", "clobbers", "links"),
)


def read_conda(table: Table) -> CondaLock | None:
    conda = table.table("conda")
    if conda is None:
        return None
    conda.only(("channels", "virtual-packages"))
    conda.require(("channels",))
    virtual = per_platform(conda, "virtual-packages")
    return CondaLock(
        channels=_channels(conda),
        virtual_packages={platform: _virtual_packages(row) for platform, row in virtual.items()},
    )


def _channels(conda: Table) -> tuple[str, ...]:
    """In their order: it is their priority."""
    channels = conda.texts("channels", manifest_patterns.CHANNEL) or ()
    for channel in {channel for channel in channels if channels.count(channel) > 1}:
        conda.fault("channels", f"{code(channel)} is there twice")
    return channels


def _virtual_packages(row: Table) -> dict[str, str]:
    names = (name for name in sorted(row.data) if row.admits_key(name, manifest_patterns.VIRTUAL_PACKAGE))
    found = {name: row.text(name, manifest_patterns.VIRTUAL_VERSION) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def read_conda_packages(table: Table) -> tuple[CondaPackage, ...]:
    return tuple(map(_package, table.tables("conda-package")))


def _package(table: Table) -> CondaPackage:
    name = text(table, "name", patterns.CONDA_NAME)
    row = replace(table, path=f"conda-package.{name}") if name else table
    row.only((*_ALWAYS, *_OPTIONAL))
    row.require(_ALWAYS)
    return CondaPackage(
        name=name,
        version=text(row, "version", patterns.CONDA_VERSION),
        build=text(row, "build", patterns.CONDA_BUILD),
        build_number=row.integer("build-number") or 0,
        subdir=text(row, "subdir", patterns.CONDA_SUBDIR),
        noarch=row.text("noarch", patterns.CONDA_NOARCH),
        platforms=_platforms(row),
        channel=text(row, "channel", manifest_patterns.CHANNEL),
        file=text(row, "file", patterns.CONDA_FILE),
        sha256=text(row, "sha256", patterns.SHA256),
        md5=row.text("md5", patterns.MD5),
        size=row.integer("size") or 0,
        timestamp=row.integer("timestamp"),
        depends=sorted_texts(row, "depends", patterns.CONDA_SPEC),
        constrains=sorted_texts(row, "constrains", patterns.CONDA_SPEC),
        paths=text(row, "paths", patterns.SHA256),
        distributions=_distributions(row),
        entry_points=sorted_texts(row, "entry-points", patterns.ENTRY_POINT),
        site_packages=row.text("site-packages", patterns.FIXUP_PATH),
        link_scripts=sorted_texts(row, "link-scripts", patterns.LINK_SCRIPT),
        clobbers=sorted_texts(row, "clobbers", patterns.FIXUP_PATH),
        links=sorted_texts(row, "links", patterns.CONDA_LINK),
    )


def _platforms(row: Table) -> tuple[str, ...]:
    if row.data.get("platforms") == []:
        row.fault("platforms", "names no platform")
    return sorted_texts(row, "platforms", manifest_patterns.PLATFORM)


def _distributions(row: Table) -> tuple[tuple[str, str], ...]:
    pairs = (each.partition("==") for each in sorted_texts(row, "distributions", patterns.CONDA_DISTRIBUTION))
    return tuple((name, version) for name, _, version in pairs)
