"""pixi.lock (version 6) for pixi and rattler: all platforms, conda packages and wheels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envlock.emit.conda_pins import Located, channel_places, conda_header, conda_located, wheel_urls
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.quoting import comment, yaml
from envlock.lock.model import CondaPackage, Distribution, Lock, Wheel


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    platforms = sorted(lock.platforms)
    wheels = {platform: wheel_urls(lock, options, platform) for platform in platforms}
    conda = {platform: conda_located(lock, options, platform) for platform in platforms}
    yield from map(comment, conda_header(lock, "pixi", platforms))
    yield "version: 6"
    yield "environments:"
    yield "  default:"
    yield "    channels:"
    yield from (f"    - url: {yaml(f'{url}/')}" for url in channel_places(lock, options).values())
    yield "    packages:"
    for platform in platforms:
        yield f"      {platform}:"
        yield from (f"      - conda: {yaml(each.url)}" for each in conda[platform])
        yield from (f"      - pypi: {yaml(url)}" for _, _, url in wheels[platform])
    yield "packages:"
    for each in {each.url: each for rows in conda.values() for each in rows}.values():
        yield from _conda(each)
    for row, wheel, url in {row[2]: row for rows in wheels.values() for row in rows}.values():
        yield from _wheel(row, wheel, url)


def _conda(each: Located) -> Iterator[str]:
    package = each.package
    yield f"- conda: {yaml(each.url)}"
    yield from _texts(("name", package.name), ("version", package.version), ("build", package.build))
    yield f"  build_number: {package.build_number}"
    yield from _texts(("subdir", package.subdir), ("noarch", package.noarch))
    yield from _texts(("sha256", package.sha256), ("md5", package.md5))
    yield from _lists(("depends", package.depends), ("constrains", package.constrains))
    yield from _texts(("python_site_packages_path", package.site_packages))
    yield from _numbers(package)


def _numbers(package: CondaPackage) -> Iterator[str]:
    yield f"  size: {package.size}"
    if package.timestamp is not None:
        yield f"  timestamp: {package.timestamp}"


def _wheel(row: Distribution, wheel: Wheel, url: str) -> Iterator[str]:
    yield f"- pypi: {yaml(url)}"
    yield from _texts(("name", row.name), ("version", row.version), ("sha256", wheel.sha256))
    yield from _lists(("requires_dist", row.requires))


def _texts(*rows: tuple[str, str | None]) -> Iterator[str]:
    yield from (f"  {key}: {yaml(value)}" for key, value in rows if value is not None)


def _lists(*rows: tuple[str, Iterable[str]]) -> Iterator[str]:
    for key, values in rows:
        lines = [f"  - {yaml(value)}" for value in values]
        if lines:
            yield f"  {key}:"
            yield from lines


EMITTER = Emitter(render=render, file="pixi.lock", needs_locations=True, every_platform=True)
