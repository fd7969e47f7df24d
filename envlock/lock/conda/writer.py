"""The conda part of the lockfile's text."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.lock.model import CondaLock, CondaPackage
from envlock.lock.spelling import array, texts


def conda_order(package: CondaPackage) -> tuple[str, ...]:
    """By name, then by what tells two packages of one name apart; all as text."""
    return package.name, package.version, package.build, package.subdir, package.channel, package.file


def conda_tables(conda: CondaLock | None) -> Iterator[Iterator[str]]:
    """`[conda]`, then the virtual packages by platform."""
    if conda is None:
        return
    yield iter(["[conda]", f"channels = {array(conda.channels)}"])
    for platform in sorted(conda.virtual_packages):
        rows = texts(*sorted(conda.virtual_packages[platform].items()))
        yield iter([f"[conda.virtual-packages.{platform}]", *rows])


def conda_package(package: CondaPackage) -> Iterator[str]:
    yield "[[conda-package]]"
    yield from texts(("name", package.name), ("version", package.version), ("build", package.build))
    yield f"build-number = {package.build_number}"
    yield from texts(("subdir", package.subdir), ("noarch", package.noarch))
    yield f"platforms = {array(sorted(package.platforms))}"
    yield from _archive(package)
    yield f"depends = {array(sorted(package.depends))}"
    yield from _arrays(
        ("constrains", package.constrains),
        ("distributions", tuple(f"{name}=={version}" for name, version in package.distributions)),
        ("entry-points", package.entry_points),
    )
    yield from texts(("site-packages", package.site_packages))
    yield from _arrays(
        ("link-scripts", package.link_scripts), ("clobbers", package.clobbers), ("links", package.links)
    )
    yield from texts(("paths", package.paths))


def _archive(package: CondaPackage) -> Iterator[str]:
    yield from texts(
        ("channel", package.channel),
        ("file", package.file),
        ("sha256", package.sha256),
        ("md5", package.md5),
    )
    yield f"size = {package.size}"
    if package.timestamp is not None:
        yield f"timestamp = {package.timestamp}"


def _arrays(*rows: tuple[str, tuple[str, ...]]) -> Iterator[str]:
    yield from (f"{key} = {array(sorted(values))}" for key, values in rows if values)
