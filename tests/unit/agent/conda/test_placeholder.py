"""Files that hold the prefix, put back to what was packaged."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.agent.conda.placeholder import first_guess, is_packaged

HOLD = "/opt/placehold" + "_placehold" * 24


def put_in(content: bytes, prefix: str, mode: str) -> bytes:
    """What conda and rattler do, written anew: replace; in binaries fill each text up to its old length."""
    old, new = HOLD.encode(), prefix.encode()
    if mode == "text":
        return content.replace(old, new)
    parts = content.split(b"\0")
    filled = [part.replace(old, new) + bytes(part.count(old) * (len(old) - len(new))) for part in parts]
    return b"\0".join(filled)


def holds(content: bytes, packaged: bytes, mode: str, *prefixes: str) -> bool:
    return is_packaged(content, hashlib.sha256(packaged).hexdigest(), HOLD, mode, prefixes)


PIECES = st.lists(
    st.sampled_from([HOLD.encode(), b"\0", b"/lib", b"/env", b"x", b"\n", b"=", b"/usr/bin/env", b"\0\0\0"]),
    max_size=12,
)


@given(pieces=PIECES, prefix=st.sampled_from(["/home/ada/env", "/opt/a b", "/" + "n" * 200, HOLD]))
def test_whatever_was_packaged_is_found_again(pieces: list[bytes], prefix: str) -> None:
    packaged = b"".join(pieces)
    assert holds(put_in(packaged, prefix, "text"), packaged, "text", prefix)
    ended = packaged + b"\0"  # conda and rattler replace only in texts that end
    assert holds(put_in(ended, prefix, "binary"), ended, "binary", prefix)


@given(pieces=PIECES, at=st.integers(min_value=0), mode=st.sampled_from(["text", "binary"]))
def test_a_changed_byte_is_none_of_it(pieces: list[bytes], at: int, mode: str) -> None:
    packaged = b"".join(pieces) + b"\0"
    placed = bytearray(put_in(packaged, "/home/ada/env", mode))
    placed[at % len(placed)] ^= 0x80
    assert not holds(bytes(placed), packaged, mode, "/home/ada/env")


def test_a_prefix_that_is_a_common_word() -> None:
    packaged = f"#!/usr/bin/env python\nhome={HOLD}\nother=/env\n".encode()
    assert holds(put_in(packaged, "/env", "text"), packaged, "text", "/env")


def test_the_second_name_of_the_prefix_counts() -> None:
    packaged = f"home={HOLD}\n".encode()
    assert holds(put_in(packaged, "/real/env", "text"), packaged, "text", "/link/env", "/real/env")
    assert not holds(put_in(packaged, "/third/env", "text"), packaged, "text", "/link/env", "/real/env")


LONG = "/" + "n" * 140


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (f"#!{HOLD}/bin/python\n", f"#!/bin/sh\n'''exec' \"{LONG}/bin/python\" \"$0\" \"$@\" #'''\n"),
        (f"#!{HOLD}/bin/python -u\n", f"#!/bin/sh\n'''exec' \"{LONG}/bin/python\" -u \"$0\" \"$@\" #'''\n"),
        (f"#! {HOLD}/bin/python\n", f"#!/bin/sh\n'''exec' \"{LONG}/bin/python\" \"$0\" \"$@\" #'''\n"),
        (f"#!{HOLD}/bin/python3.11\n", "#!/usr/bin/env python3.11\n"),
        (f"#!{HOLD}/bin/perl -w\n", "#!/usr/bin/env perl -w\n"),
    ],
)
def test_first_lines_that_were_too_long(line: str, written: str) -> None:
    body = f"print('{HOLD}')\n"
    packaged = (line + body).encode()
    assert holds((written + body.replace(HOLD, LONG)).encode(), packaged, "text", LONG)


def test_a_first_line_that_need_not_have_been_replaced() -> None:
    packaged = f"#!{HOLD}/bin/python\nprint()\n".encode()
    assert not holds(b"#!/usr/bin/env python\nprint()\n", packaged, "text", "/home/ada/env")


def test_a_first_line_that_was_packaged_so() -> None:
    packaged = f"#!/usr/bin/env perl\nhome={HOLD}\n".encode()
    assert holds(put_in(packaged, LONG, "text"), packaged, "text", LONG)


def test_more_places_than_every_choice_of_can_be_tried() -> None:
    """Then the prefix is put back wherever it is a whole path, or everywhere, and nowhere else."""
    packaged = f"{HOLD}/lib\n".encode() * 11
    assert holds(put_in(packaged, "/env", "text"), packaged, "text", "/env")
    kept = packaged + b"/env\n"
    assert not holds(put_in(kept, "/env", "text"), kept, "text", "/env")


def test_a_binary_has_no_room_for_a_longer_prefix() -> None:
    packaged = f"a={HOLD}/lib\0".encode()
    longer = HOLD + "x"
    assert not holds(packaged.replace(HOLD.encode(), longer.encode()), packaged, "binary", longer)


def test_bytes_hidden_in_the_filling() -> None:
    packaged = f"a={HOLD}/lib\0b\0".encode()
    placed = put_in(packaged, "/env", "binary")
    hidden = placed.replace(b"\0" * 8 + b"\0b", b"\0\0evil\0\0\0b")
    assert len(hidden) == len(placed)
    assert not holds(hidden, packaged, "binary", "/env")


def test_a_changed_file_is_named_by_what_it_would_have_been() -> None:
    packaged = f"home={HOLD}\n".encode()
    assert first_guess(b"home=/env\n", HOLD, "text", "/env") == packaged
