"""How far samples lie apart."""

from __future__ import annotations

import base64
import struct

import pytest

from envlock.verify.distance import Distance, distance


def packed(kind: str, *values: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}{kind}", *values)).decode()


def test_equal_samples() -> None:
    one = packed("f", 1.0, -2.0, 3.5)
    assert distance("float32", one, one) == Distance(changed_percent=0, median_ulp=0, max_relative=0)


def test_one_step_of_a_float() -> None:
    after_one = struct.unpack("<f", struct.pack("<i", struct.unpack("<i", struct.pack("<f", 1.0))[0] + 1))[0]
    found = distance("float32", packed("f", 1.0, 4.0), packed("f", after_one, 4.0))
    assert (found.changed_percent, found.median_ulp) == (50.0, 1.0)
    assert found.max_relative == pytest.approx(2.0**-23 / 4.0)


def test_the_two_zeros_are_no_distance_apart() -> None:
    assert distance("float64", packed("d", 0.0), packed("d", -0.0)).median_ulp == 0


def test_across_zero_the_steps_are_counted_on_both_sides() -> None:
    smallest = struct.unpack("<f", struct.pack("<i", 1))[0]
    assert distance("float32", packed("f", smallest), packed("f", -smallest)).median_ulp == 2


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    one, next_one = packed("h", 0x3F80), packed("h", 0x3F81)
    assert distance("bfloat16", one, next_one) == Distance(
        changed_percent=100.0, median_ulp=1.0, max_relative=2.0**-7
    )


def test_bfloat16_below_zero() -> None:
    assert distance("bfloat16", packed("h", 0x3F80, 0), packed("h", 0x3F80, -0x8000)).median_ulp == 0
    below = distance("bfloat16", packed("h", -0x4080, 1), packed("h", -0x407F, 1))
    assert (below.changed_percent, below.median_ulp, below.max_relative) == (50.0, 1.0, 2.0**-7)


def test_whole_numbers_are_as_far_apart_as_they_are() -> None:
    assert distance("int8", packed("b", -1), packed("b", 1)).median_ulp == 2


@pytest.mark.parametrize(
    ("kind", "dtype"), [("e", "float16"), ("d", "float64"), ("q", "int64"), ("b", "int8")]
)
def test_other_types(kind: str, dtype: str) -> None:
    found = distance(dtype, packed(kind, 1, 2), packed(kind, 1, 4))
    assert found.changed_percent == 50.0
    assert found.max_relative == 1.0


def test_what_is_not_a_number_is_infinitely_far() -> None:
    assert distance("float32", packed("f", 1.0), packed("f", float("nan"))).max_relative == float("inf")
    nan = packed("f", float("nan"))
    assert distance("float32", nan, nan).max_relative == 0.0


@pytest.mark.parametrize(
    ("dtype", "one", "other"),
    [
        ("float32", "AAAA", packed("f", 1.0)),
        ("float32", "!", packed("f", 1.0)),
        ("float32", "AACA\nPw==", packed("f", 1.0)),
        ("complex64", packed("f", 1.0), packed("f", 1.0)),
        ("float32", packed("f", 1.0, 2.0), packed("f", 1.0)),
        ("float32", "", ""),
    ],
)
def test_samples_that_cannot_be_compared_are_changed(dtype: str, one: str, other: str) -> None:
    assert distance(dtype, one, other) == Distance(changed_percent=100.0, median_ulp=None, max_relative=None)


def test_in_words() -> None:
    assert str(Distance(changed_percent=100.0, median_ulp=None, max_relative=None)) == (
        "100 % of the values changed"
    )
    assert str(Distance(changed_percent=0.0, median_ulp=0.0, max_relative=0.0)) == (
        "none of the sampled values changed: the difference is among the others"
    )
