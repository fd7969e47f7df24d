"""requirements.txt for pip and uv: every wheel by its hash, nothing built."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import has_extra_index, header, index_options, pins
from envlock.emit.quoting import comment
from envlock.lock.model import Lock


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options))


def _lines(lock: Lock, options: EmitOptions) -> Iterator[str]:
    yield from map(comment, header(lock, options, "requirements"))
    yield from map(comment, _usage(lock, options))
    yield ""
    yield "--only-binary :all:"
    for option, value in index_options(lock, options):
        yield f"{option} {value}".rstrip()
    yield ""
    yield from pins(lock, options)


def _usage(lock: Lock, options: EmitOptions) -> Iterator[str]:
    yield ""
    # uv takes a name from the first index that has it, unless told otherwise; the hash tells what is meant.
    strategy = "--index-strategy unsafe-best-match " if has_extra_index(lock, options) else ""
    yield "pip install --require-hashes --no-deps -r requirements.txt"
    yield f"uv pip install --require-hashes --no-deps {strategy}-r requirements.txt"


EMITTER = Emitter(render=render, file="requirements.txt")
