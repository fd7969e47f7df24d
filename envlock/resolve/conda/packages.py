"""Records and archives -> packages of a lock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from envlock.agent.conda.paths import paths_digest
from envlock.agent.identity import normalized_name
from envlock.errors import BadPackage
from envlock.lock.model import CondaPackage
from envlock.manifest import locked_patterns as patterns
from envlock.resolve.conda.model import Archive, Record

_INFO = re.compile(
    r"(?:(?:lib/python3\.\d+t?/|Lib/)?site-packages)/(?P<stem>[^/]+)\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)"
)
_PYTHON_TAG = re.compile(r"-py3(?:\.\d+)?$")
_SITE = re.compile(r"(?:lib/python3\.\d+t?|Lib)/site-packages/")


def locked_packages(
    records: Iterable[Record], archives: Mapping[str, Archive], platform: str
) -> tuple[CondaPackage, ...]:
    """The packages of one platform, by name. Raises BadPackage for a value that no lock may hold."""
    records = tuple(records)
    clobbers = _clobbers(records, archives)
    return tuple(
        _package(record, archives[record.sha256], platform, clobbers.get(record.name, ()))
        for record in sorted(records, key=lambda record: record.name)
    )


def _package(record: Record, archive: Archive, platform: str, clobbers: tuple[str, ...]) -> CondaPackage:
    for value, rule in (
        *((entry, patterns.ENTRY_POINT) for entry in archive.entry_points),
        *((link, patterns.CONDA_LINK) for link in archive.links),
        *((path, patterns.FIXUP_PATH) for path in clobbers),
        (record.file, patterns.CONDA_FILE),
        (record.build, patterns.CONDA_BUILD),
        (record.version, patterns.CONDA_VERSION),
    ):
        if not rule.admits(value):
            raise BadPackage(f"`{record.file}` has {value!a}, which is not {rule.says}")
    return CondaPackage(
        name=record.name,
        version=record.version,
        build=record.build,
        build_number=record.build_number,
        subdir=record.subdir,
        noarch=record.noarch,
        platforms=(platform,),
        channel=record.channel,
        file=record.file,
        sha256=record.sha256,
        md5=record.md5,
        size=record.size,
        timestamp=record.timestamp,
        depends=tuple(sorted(set(record.depends))),
        constrains=tuple(sorted(set(record.constrains))),
        paths=paths_digest(archive.rows),
        distributions=distributions_of(archive),
        entry_points=archive.entry_points,
        site_packages=record.site_packages,
        link_scripts=_link_scripts(record.name, archive),
        clobbers=clobbers,
        links=archive.links,
    )


def distributions_of(archive: Archive) -> tuple[tuple[str, str], ...]:
    """The Python distributions whose metadata the archive brings, as (normalised name, version)."""
    found = {}
    for row in archive.rows:
        match = _INFO.fullmatch(row.path)
        if match:
            name, _, version = _PYTHON_TAG.sub("", match["stem"]).partition("-")
            pair = f"{normalized_name(name)}=={version}"
            if patterns.CONDA_DISTRIBUTION.admits(pair):
                found[normalized_name(name)] = version
    return tuple(sorted(found.items()))


def _link_scripts(name: str, archive: Archive) -> tuple[str, ...]:
    script = re.compile(rf"(?:bin/|Scripts/)\.{re.escape(name)}-((?:pre|post)-(?:link|unlink))\.(?:sh|bat)")
    return tuple(sorted({match[1] for row in archive.rows if (match := script.fullmatch(row.path))}))


def _clobbers(records: Iterable[Record], archives: Mapping[str, Archive]) -> dict[str, tuple[str, ...]]:
    """Package -> its paths that another package has, too, with other content. Case counts."""
    owners: dict[str, list[tuple[str, str | None]]] = {}
    for record in records:
        for row in archives[record.sha256].rows:
            if row.path_type != "directory":
                place = f"site-packages/{_SITE.sub('', row.path)}" if _SITE.match(row.path) else row.path
                owners.setdefault(place, []).append((record.name, row.sha256))
    found: dict[str, set[str]] = {}
    for path, rows in owners.items():
        if len({sha256 for _, sha256 in rows}) > 1:
            for name, _ in rows:
                found.setdefault(name, set()).add(path)
    return {name: tuple(sorted(paths)) for name, paths in found.items()}
