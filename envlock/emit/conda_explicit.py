"""`@EXPLICIT`: the archives of one platform by URL and hash, for `conda create --file`.

conda reads `#sha256:…` since 24.9.0; before it knows `#md5` alone, and so there are two formats.
"""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.conda_pins import Located, conda_header, conda_located
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import locked
from envlock.emit.quoting import comment
from envlock.errors import UsageFault
from envlock.lock.model import Lock


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options, "conda-explicit"))


def render_md5(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options, "conda-explicit-md5"))


def _lines(lock: Lock, options: EmitOptions, format: str) -> Iterator[str]:
    wheels = locked(lock, options)
    packages = conda_located(lock, options, options.platform)
    yield from map(comment, conda_header(lock, format, [options.platform]))
    yield from map(comment, _usage(format, bool(wheels)))
    yield f"# platform: {options.platform}"
    yield "@EXPLICIT"
    yield from (_line(each, format) for each in packages)


def _usage(format: str, wheels: bool) -> Iterator[str]:
    yield ""
    since = "24.9 or newer" if format == "conda-explicit" else "any version"
    yield f"conda create -n NAME --file explicit.txt    (conda {since})"
    if wheels:
        yield "the locked wheels are not in it: `envlock emit requirements` has them"


def _line(each: Located, format: str) -> str:
    if format == "conda-explicit":
        return f"{each.url}#sha256:{each.package.sha256}"
    if each.package.md5 is None:
        raise UsageFault(
            f"the channel gives no MD5 of `{each.package.file}`",
            hint="`envlock emit conda-explicit` goes by sha256",
        )
    return f"{each.url}#{each.package.md5}"


EMITTER = Emitter(render=render, file="explicit.txt")
EMITTER_MD5 = Emitter(render=render_md5, file="explicit.txt")
