"""pylock.toml (PEP 751): every wheel with its hash, and where it is: a URL, or a path in a wheelhouse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import folder, header, locked
from envlock.emit.quoting import comment, toml
from envlock.errors import UsageFault
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.lock.runtime import runtime_hash

# platform -> the marker of the environments that it stands for
_MARKERS = {
    "linux-64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux-aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "osx-arm64": "sys_platform == 'darwin' and platform_machine == 'arm64'",
    "win-64": "sys_platform == 'win32' and platform_machine == 'AMD64'",
}


def render(lock: Lock, options: EmitOptions) -> str:
    """The public document: what URLs hold of credentials is left out."""
    return "".join(f"{line}\n" for line in _lines(lock, options, private=False))


def render_private(lock: Lock, options: EmitOptions, shelves: Mapping[str, str]) -> str:
    """The document with URLs as they are, for a folder that nobody else reads. `shelves` has, by sha256, the
    index under which uv's cache keeps a wheel."""
    return "".join(f"{line}\n" for line in _lines(lock, options, private=True, shelves=shelves))


def _lines(
    lock: Lock, options: EmitOptions, *, private: bool, shelves: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    yield from map(comment, header(lock, options, "pylock"))
    yield from map(comment, ("", "uv pip sync pylock.toml"))
    yield 'lock-version = "1.0"'
    yield f"environments = [{toml(_MARKERS[options.platform])}]"
    yield f"requires-python = {toml(_requires_python(lock.python))}"
    yield 'created-by = "envlock"'
    rows = locked(lock, options)
    if not rows:
        yield "packages = []"
    for distribution, wheel in rows:
        yield from ("", "[[packages]]")
        yield f"name = {toml(distribution.name)}"
        yield f"version = {toml(distribution.version)}"
        if shelf := shelves.get(wheel.sha256):
            yield f"index = {toml(shelf)}"
        yield f"wheels = [{_wheel(distribution, wheel, options, private=private)}]"
    yield from ("", "[tool.envlock]")
    yield f"manifest = {toml(lock.manifest)}"
    yield f"runtime = {toml(runtime_hash(lock, options.platform))}"


def _requires_python(python: str) -> str:
    return f"=={python}" if python.count(".") == 2 else f"=={python}.*"


def _wheel(distribution: Distribution, wheel: Wheel, options: EmitOptions, *, private: bool) -> str:
    place = _place(distribution, wheel, options, private=private)
    hashes = f"{{ sha256 = {toml(wheel.sha256)} }}"
    return f"{{ name = {toml(wheel.file)}, {place}, size = {wheel.size}, hashes = {hashes} }}"


def _place(distribution: Distribution, wheel: Wheel, options: EmitOptions, *, private: bool) -> str:
    if options.wheelhouse is not None:
        return f"path = {toml(f'{folder(options.wheelhouse)}/{wheel.file}')}"
    url = (options.locations or {}).get(wheel.sha256)
    if url is None:
        raise UsageFault(
            f"a pylock.toml must say where `{wheel.file}` of `{distribution.name}` is, and that is not known",
            hint="name a folder with the wheels: `--wheelhouse DIR`",
        )
    return f"url = {toml(url if private else public(url))}"


def public(url: str) -> str:
    """A URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=re.sub(r".*@", "", parts.netloc)))


EMITTER = Emitter(render=render, file="pylock.toml", needs_locations=True)
