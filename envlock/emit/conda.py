"""environment.yml for conda and mamba: Python from conda, exactly; the locked wheels by hash through pip."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header, index_options, pins
from envlock.emit.quoting import comment, yaml
from envlock.lock.model import Lock

CHANNEL = "conda-forge"


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    yield from map(comment, header(lock, options, "conda"))
    yield from map(comment, ("", "conda env create -f environment.yml"))
    yield f"name: {yaml(lock.project or 'envlock')}"
    yield "channels:"
    yield f"  - {yaml(CHANNEL)}"
    yield f"  - {yaml('nodefaults')}"
    yield "dependencies:"
    yield f"  - {yaml(f'python =={lock.python_exact}')}"
    yield f"  - {yaml('pip')}"
    yield "  - pip:"
    yield from (f"      - {yaml(line)}" for line in _pip_lines(lock, options))
    if lock.settings:
        yield "variables:"
        yield from (f"  {yaml(name)}: {yaml(lock.settings[name])}" for name in sorted(lock.settings))


def _pip_lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    """Lines of the requirements file that conda writes for pip."""
    yield "--require-hashes"
    yield "--only-binary :all:"
    for option, value in index_options(lock, options):
        yield f"{option} {value}".rstrip()
    yield from pins(lock, options)


EMITTER = Emitter(render=render, file="environment.yml")
