"""Whatever bytes a reader gets: it reads them, or refuses with its own exception, and leaves nothing behind.

No exception of another kind, and no file elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.readers import BY_NAME, READERS, Reader
from tests.support.examples import examples

_NUMBERS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)
_PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([number.to_bytes(8, "little") for number in _NUMBERS]),
    st.sampled_from([number.to_bytes(4, "little")[:4] for number in _NUMBERS if number < 1 << 32]),
    st.sampled_from(
        [b"\0", b"\n", b"\r", b'"', b"'", b"../", b"/etc/passwd", b"$(x)", b"${X}", b"{", b"[", b"]" * 9,
         b"[" * 2000, b"{" * 2000, b'{"a":' * 2000, b"9" * 5000, b"1e999", b"NaN", b"-1", b"null", b"true",
         b"[]", b"{}", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc2\x85", b"&a [*a]", b"*a",
         b"!!python/object:os.system", b"<<: *a", b"\x1b[2J", b"#" * 99, b"sha256:", b"\\", b"\\\n",
         b"%s%s%n", b"file:///etc/passwd", b"https://[", b"://", b"-e ", b"-r "]
    ),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """One of the seeds with up to five slices replaced, repeated or cut off; or bytes of no such kind."""
    data = draw(st.sampled_from([*seeds, b""]))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 24)))
        match draw(st.sampled_from(["replace", "insert", "repeat", "cut"])):
            case "replace":
                data = data[:start] + draw(_PIECES) + data[end:]
            case "insert":
                data = data[:start] + draw(_PIECES) + data[start:]
            case "repeat":
                data = data[:end] + data[start:end] * draw(st.integers(1, 40)) + data[end:]
            case "cut":
                data = data[:start]
    return data


def attempt(reader: Reader, data: bytes) -> None:
    """Give the bytes to the reader. Whatever it raises beside its refusals is the failure."""
    with TemporaryDirectory() as outer:
        folder = Path(outer) / "in" / "here"
        folder.mkdir(parents=True)
        with contextlib.suppress(*reader.refuses):
            reader.read(data, folder)
        beside = {entry.name for entry in os.scandir(outer)} | {e.name for e in os.scandir(folder.parent)}
        assert beside == {"in", "here"}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_reader_reads_or_refuses(reader: Reader) -> None:
    @settings(
        max_examples=examples(60),
        deadline=None,
        database=None,
        derandomize=True,  # scripts/fuzz.py looks further
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(mutated(reader.seeds))
    def holds(data: bytes) -> None:
        attempt(reader, data)

    holds()


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_seeds_are_of_the_kind(reader: Reader) -> None:
    """A seed that is refused at its first byte would test nothing else."""
    for seed in reader.seeds[:1]:
        attempt(reader, seed)
        attempt(reader, seed[: len(seed) // 2])


FOUND = [  # what broke a reader once
    ("RECORD", b'\rdemo/__init__.py,,\n"a,b.py",,\n'),
    ("RECORD", b"[" * 5000),
    ("foreign explicit.txt", b"@EXPLICIT\nhttps://[]h/c/linux-64/zlib-1.3.1-hb9d3cd8_2.conda\n"),
    ("registry challenge", b'Bearer realm="https://[",service="x"'),
    ("the agent's lockfile", b"a = " + b"[" * 20_000),
    ("wheel", BY_NAME["wheel"].seeds[0][1:]),
]


@pytest.mark.parametrize(("name", "data"), FOUND, ids=[name for name, _ in FOUND])
def test_what_broke_a_reader_once(name: str, data: bytes) -> None:
    attempt(BY_NAME[name], data)


_BOMBS = {
    "deep lists": b"[" * 20_000,
    "deep tables": b'{"a":' * 20_000,
    "deep toml": b"a = " + b"[" * 20_000,
    "deep yaml": b"- " * 8_000,
    "a billion laughs": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
    "one long line": b"x" * 300_000,
    "many lines": b"a==1\n" * 8_000,
    "many keys": b"".join(b"k%d = 1\n" % n for n in range(4_000)),
    "a long number": b"version = " + b"9" * 20_000,
    "backslashes": b"\\\n" * 20_000,
    "quotes": b"'" * 100_001,
    "brackets of prose": b"[a](" * 8_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_bomb_is_read_or_refused(reader: Reader) -> None:
    for bomb in _BOMBS.values():
        attempt(reader, bomb)
