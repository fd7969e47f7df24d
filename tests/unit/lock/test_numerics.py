"""Numeric references in the lockfile: written, read, refused, carried over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envlock.errors import LockfileInvalid
from envlock.lock import dumps, loads
from envlock.lock.assemble import carried
from envlock.lock.numerics import recorded
from envlock.lock.runtime import runtime_hash
from tests.unit.lock.values import lock, reference, six

BASE = replace(lock(six()), numerics=(reference(),))


def test_a_reference_is_written_and_read() -> None:
    text = dumps(BASE)
    assert text.endswith(
        "[[numerics]]\n"
        'class = "nc1:0123456789abcdef"\n'
        'platform = "linux-64"\n'
        f'runtime = "rt1:{"a" * 64}"\n'
        'host = { aten = "AVX2", cpu-vendor = "GenuineIntel", threads = "4" }\n'
        "probes = [\n"
        '    { name = "matmul-f32", dtype = "float32", '
        f'sha256 = "{"1" * 64}", sample = "AACAPwAAAEA=" }},\n'
        f'    {{ name = "sort", dtype = "int64", sha256 = "{"2" * 64}", sample = "AQAAAAAAAAA=" }},\n'
        "]\n"
    )
    assert loads(text, where="envlock.lock") == BASE


def test_numbers_are_outside_the_runtime_hash() -> None:
    assert runtime_hash(BASE, "linux-64") == runtime_hash(lock(six()), "linux-64")


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("nc1:0123456789abcdef", "x", "numerics[0].class",
         '`class` must be `nc1:` and 16 hexadecimal digits in lower case, found "x"'),
        ('"matmul-f32"', '"a; rm"', "numerics[0].probes[0].name",
         '`name` must be the name of a probe like `matmul-f32`, found "a; rm"'),
        ('"sort"', '"matmul-f32"', "numerics[0].probes", "`matmul-f32` is there twice"),
        ('"AACAPwAAAEA="', '"\\u0000"', "numerics[0].probes[0].sample",
         '`sample` must be values in base64, found "\\x00"'),
        ('aten = "AVX2"', '"A b" = "AVX2"', 'numerics[0].host."A b"',
         "`A b` must be the name of a value of the numerics class like `aten`"),
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(old: str, new: str, where: str, message: str) -> None:
    text = dumps(BASE)
    assert text.count(old) == 1
    with pytest.raises(LockfileInvalid) as failed:
        loads(text.replace(old, new), where="envlock.lock")
    assert [(f.where, f.message) for f in failed.value.faults] == [(f"envlock.lock, {where}", message)]


def test_two_references_of_a_class_are_refused() -> None:
    text = dumps(replace(BASE, numerics=(reference(), reference())))
    with pytest.raises(LockfileInvalid) as failed:
        loads(text, where="envlock.lock")
    assert [f.message for f in failed.value.faults] == [
        "two references of the class `nc1:0123456789abcdef` for linux-64"
    ]


def test_a_new_record_takes_the_place_of_the_old_one_of_its_class() -> None:
    again = reference(runtime="rt1:" + "b" * 64)
    other = reference(class_name="nc1:ffffffffffffffff")
    assert recorded(recorded(BASE, again), other).numerics == (again, other)


def test_a_lock_of_other_bytes_loses_its_references() -> None:
    here = reference(runtime=runtime_hash(lock(six()), "linux-64"))
    old = replace(BASE, numerics=(here, reference(class_name="nc1:ffffffffffffffff")))
    assert carried(old, lock(six())).numerics == (here,)
    assert carried(old, replace(lock(six()), settings={"A": "1"})).numerics == ()
    assert carried(None, lock(six())).numerics == ()
