"""conda-lock.yml (version 1) for conda-lock and micromamba: all platforms, conda packages and wheels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envlock.emit.conda_pins import channel_places, conda_header, conda_located, wheel_urls
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.quoting import comment, yaml
from envlock.lock.conda.consistency import spec_name
from envlock.lock.model import CondaPackage, Lock


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    platforms = sorted(lock.platforms)
    packages = [row for platform in platforms for row in _packages(lock, options, platform)]
    yield from map(comment, conda_header(lock, "conda-lock", platforms))
    yield from map(comment, ("", "conda-lock install -n NAME conda-lock.yml"))
    yield "version: 1"
    yield "metadata:"
    yield "  content_hash:"
    yield from (f"    {platform}: {yaml(lock.manifest)}" for platform in platforms)
    yield "  channels:"
    for url in channel_places(lock, options).values():
        yield f"  - url: {yaml(url)}"
        yield "    used_env_vars: []"
    yield "  platforms:"
    yield from (f"  - {platform}" for platform in platforms)
    yield "  sources: []"
    yield "package:"
    yield from packages


def _packages(lock: Lock, options: EmitOptions, platform: str) -> Iterator[str]:
    wheels = wheel_urls(lock, options, platform)
    for each in conda_located(lock, options, platform):
        hashes = {"md5": each.package.md5, "sha256": each.package.sha256}
        yield from _package(each.package.name, each.package.version, "conda", platform)
        yield from _dependencies(_needed(each.package))
        yield from _rest(each.url, {name: value for name, value in hashes.items() if value})
    for row, wheel, url in wheels:
        yield from _package(row.name, row.version, "pip", platform)
        yield from _dependencies((name, "*") for name in row.requires)
        yield from _rest(url, {"sha256": wheel.sha256})


def _package(name: str, version: str, manager: str, platform: str) -> Iterator[str]:
    yield f"- name: {yaml(name)}"
    yield f"  version: {yaml(version)}"
    yield f"  manager: {manager}"
    yield f"  platform: {platform}"


def _needed(package: CondaPackage) -> Iterator[tuple[str, str]]:
    """Name and the rest of each specification; two about one name are joined."""
    found: dict[str, list[str]] = {}
    for spec in package.depends:
        name = spec_name(spec)
        found.setdefault(name, []).append(spec.partition(name)[2].strip())
    return ((name, ",".join(filter(None, rest))) for name, rest in sorted(found.items()))


def _dependencies(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    lines = [f"    {yaml(name)}: {yaml(spec)}" for name, spec in rows]
    yield "  dependencies:" if lines else "  dependencies: {}"
    yield from lines


def _rest(url: str, hashes: dict[str, str]) -> Iterator[str]:
    yield f"  url: {yaml(url)}"
    yield "  hash:"
    yield from (f"    {name}: {yaml(value)}" for name, value in hashes.items())
    yield "  category: main"
    yield "  optional: false"


EMITTER = Emitter(render=render, file="conda-lock.yml", needs_locations=True, every_platform=True)
