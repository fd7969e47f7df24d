"""environment.yml for conda and mamba: the conda packages of the lock by version and build, or else Python
alone, exactly; the locked wheels by hash through pip."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.conda_pins import channel_places, conda_located
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header, index_options, pins
from envlock.emit.quoting import comment, yaml
from envlock.lock.model import Lock

CHANNEL = "conda-forge"


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    wheels = tuple(_pip_lines(lock, options))
    yield from map(comment, header(lock, options, "conda"))
    yield from map(comment, ("", "conda env create -f environment.yml"))
    yield f"name: {yaml(lock.project or 'envlock')}"
    yield "channels:"
    yield from (f"  - {yaml(channel)}" for channel in (*_channels(lock, options), "nodefaults"))
    yield "dependencies:"
    yield from (f"  - {yaml(spec)}" for spec in _specs(lock, options))
    if any(lock.on(options.platform)) or not lock.conda_packages:
        yield "  - pip:"
        yield from (f"      - {yaml(line)}" for line in wheels)
    if lock.settings:
        yield "variables:"
        yield from (f"  {yaml(name)}: {yaml(lock.settings[name])}" for name in sorted(lock.settings))


def _channels(lock: Lock, options: EmitOptions) -> Iterator[str]:
    """By name where conda knows it, and by the URL that the user gives it."""
    if lock.conda is None:
        yield CHANNEL
        return
    places = channel_places(lock, options)
    yield from (places[name] if name in options.sources else name for name in lock.conda.channels)


def _specs(lock: Lock, options: EmitOptions) -> Iterator[str]:
    if not any(lock.conda_on(options.platform)):
        yield f"python =={lock.python_exact}"
        yield "pip"
        return
    packages = [each.package for each in conda_located(lock, options, options.platform)]
    yield from (f"{each.name}={each.version}={each.build}" for each in packages)
    if any(lock.on(options.platform)) and all(each.name != "pip" for each in packages):
        yield "pip"  # conda hands the wheels to it


def _pip_lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    """Lines of the requirements file that conda writes for pip."""
    yield "--require-hashes"
    yield "--only-binary :all:"
    for option, value in index_options(lock, options):
        yield f"{option} {value}".rstrip()
    yield from pins(lock, options)


EMITTER = Emitter(render=render, file="environment.yml")
