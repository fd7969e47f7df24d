"""Undo what an installer did with a conda file that holds the prefix: back to the bytes as packaged.

Text: the placeholder became the prefix; a first line that the kernel would not take became a trampoline
(rattler) or `/usr/bin/env` (conda). Binary: within one NUL-terminated text the placeholder became the prefix,
and the text was filled up with NULs to its old length. What is tried here proves nothing by itself: the
sha256 of the result must be that of the package.
"""

import hashlib
import re
from itertools import product
from typing import Iterable, Iterator, List, Sequence

TEXT, BINARY = "text", "binary"
# Linux until 5.1 takes 127 bytes; conda and rattler go by that.
_LONGEST_SHEBANG = 127
_TRAMPOLINE = re.compile(rb"#!/bin/sh\n'''exec' \"([^\"\n]+)\"([^\n]*) \"\$0\" \"\$@\"(?: #'''|\n' ''')\n")
_BY_ENV = re.compile(rb"#!/usr/bin/env ([^\s/]+)([^\n]*)\n")
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_MOST_TRIED_BYTES = 64 << 20
_MOST_PLACES = 10


def is_packaged(content: bytes, sha256: str, placeholder: str, mode: str, prefixes: Iterable[str]) -> bool:
    """Is this the file of that sha256 with one of `prefixes` put in, and nothing else changed?

    >>> packaged = hashlib.sha256(b"root=/opt/placeholder/share").hexdigest()
    >>> is_packaged(b"root=/env/share", packaged, "/opt/placeholder", "text", ["/env"])
    True
    >>> is_packaged(b"root=/env/shared", packaged, "/opt/placeholder", "text", ["/env"])
    False
    """
    return any(
        hashlib.sha256(candidate).hexdigest() == sha256
        for prefix in prefixes
        for candidate in packaged_candidates(content, placeholder.encode(), mode, prefix.encode())
    )


def first_guess(content: bytes, placeholder: str, mode: str, prefix: str) -> bytes:
    """The file as packaged, as far as its bytes tell: what a changed file is named by."""
    candidates = packaged_candidates(content, placeholder.encode(), mode, prefix.encode())
    return next(candidates, content)


def packaged_candidates(content: bytes, placeholder: bytes, mode: str, prefix: bytes) -> Iterator[bytes]:
    """What the file may have been, the likeliest first."""
    if mode == BINARY:
        yield from _binary(content, placeholder, prefix)
        return
    for text in _first_lines(content, prefix):
        yield from _text(text, placeholder, prefix)


def _first_lines(content: bytes, prefix: bytes) -> Iterator[bytes]:
    """The text with its short first line. An installer writes another where it is too long or has a blank."""
    found, line = _TRAMPOLINE.match(content), b""
    if found is not None:
        line = found[1] + found[2]
    else:
        found = _BY_ENV.match(content)
        line = prefix + b"/bin/" + found[1] + found[2] if found is not None else b""
    if found is not None and (len(line) + 2 > _LONGEST_SHEBANG or b" " in prefix):
        for mark in (b"#!", b"#! "):
            yield mark + line + b"\n" + content[found.end() :]
    yield content


def _text(content: bytes, placeholder: bytes, prefix: bytes) -> Iterator[bytes]:
    """All places; then those where the prefix is a whole path; then, where they are few, every choice."""
    pieces = content.split(prefix)
    places = len(pieces) - 1
    yield placeholder.join(pieces)
    whole = [_is_whole(pieces[at], pieces[at + 1]) for at in range(places)]
    if not all(whole):
        yield _joined(pieces, whole, placeholder, prefix)
    if places <= _MOST_PLACES and len(content) << places <= _MOST_TRIED_BYTES:
        for choice in product((True, False), repeat=places):
            yield _joined(pieces, choice, placeholder, prefix)


def _is_whole(before: bytes, after: bytes) -> bool:
    starts = not before or (before[-1] not in _WORD and before[-1:] != b"/")
    return starts and (not after or after[0] not in _WORD)


def _joined(pieces: Sequence[bytes], choice: Sequence[bool], placeholder: bytes, prefix: bytes) -> bytes:
    joined = [pieces[0]]
    for put_back, piece in zip(choice, pieces[1:]):
        joined += [placeholder if put_back else prefix, piece]
    return b"".join(joined)


def _binary(content: bytes, placeholder: bytes, prefix: bytes) -> Iterator[bytes]:
    grow = len(placeholder) - len(prefix)
    if grow < 0:
        return
    parts: List[bytes] = []
    at = 0
    while True:
        start = content.find(prefix, at)
        end = content.find(b"\0", start) if start >= 0 else -1
        if end < 0:
            break
        text = content[start:end]
        fill = grow * text.count(prefix)
        filled = _is_filled(content, end, fill)
        parts += [content[at:start], text.replace(prefix, placeholder) if filled else text]
        at = end + fill if filled else end
    yield b"".join([*parts, content[at:]])


def _is_filled(content: bytes, end: int, fill: int) -> bool:
    """Is the text followed by the NULs that filled it up, and its own?"""
    return content[end : end + fill + 1] == bytes(fill + 1)
