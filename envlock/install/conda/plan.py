"""Which packages of a lock a prefix lacks, has in another way, or has besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envlock.agent.conda.meta import CondaRecord, read_records
from envlock.agent.facts import CondaFacts
from envlock.lock.model import CondaPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPlan:
    """`place` are packages to be put there, `staged` these and all that must be linked with them, `discard`
    the names of those that are not locked."""

    place: tuple[CondaPackage, ...]
    staged: tuple[CondaPackage, ...]
    discard: frozenset[str]


def plan_sync(prefix: str, packages: Mapping[str, CondaPackage]) -> CondaPlan:
    """By the records alone: no file is hashed."""
    records = read_records(prefix, {name: package.paths for name, package in packages.items()}).found
    good = {record.name for record in records if _is_locked(record, packages)}
    twice = {each.name for each in records if sum(other.name == each.name for other in records) > 1}
    place = [package for name, package in packages.items() if name not in good or name in twice]
    return _plan(place, packages, {record.name for record in records} - packages.keys())


def plan_repair(facts: CondaFacts, packages: Mapping[str, CondaPackage]) -> CondaPlan:
    """By every byte that was looked at. Packages that are not locked are left alone."""
    found = {item["name"]: item for item in facts["packages"]}
    due = {c["due"] for c in facts["clobbers"] if c["found"] != c["due"]}
    records = {file for file, _ in facts["problems"]}
    place = []
    for name, package in packages.items():
        item = found.get(name)
        is_sound = item is not None and (
            (item["version"], item["build"], item["subdir"])
            == (package.version, package.build, package.subdir)
            and item["sha256"] in (None, package.sha256)
            and item["claimed"] == package.paths
            and not (item["changed"] or item["problems"] or any(s["reason"] for s in item["scripts"]))
        )
        record = f"conda-meta/{package.name}-{package.version}-{package.build}.json"
        if not is_sound or name in due or record in records:
            place.append(package)
    return _plan(place, packages, set())


def _is_locked(record: CondaRecord, packages: Mapping[str, CondaPackage]) -> bool:
    package = packages.get(record.name)
    return (
        package is not None
        and (record.version, record.build, record.subdir) == (package.version, package.build, package.subdir)
        and record.build_number == package.build_number
        and record.sha256 in (None, package.sha256)
        and record.digest == package.paths
        and record.file == f"conda-meta/{package.name}-{package.version}-{package.build}.json"
    )


def _plan(
    place: Iterable[CondaPackage], packages: Mapping[str, CondaPackage], discard: set[str]
) -> CondaPlan:
    """Python tells where noarch packages go; who has a file of another decides together whose it is."""
    wanted = {package.name: package for package in place}
    contested = {path for package in wanted.values() for path in package.clobbers}
    more = [package for package in packages.values() if contested.intersection(package.clobbers)]
    if any(package.noarch == "python" for package in (*wanted.values(), *more)) and "python" in packages:
        more.append(packages["python"])
    staged = {**{package.name: package for package in more}, **wanted} if wanted else {}
    return CondaPlan(
        place=tuple(wanted.values()),
        staged=tuple(package for name, package in packages.items() if name in staged),
        discard=frozenset(discard),
    )
