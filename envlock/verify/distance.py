"""How far two samples of a probe lie apart.

Never the largest distance in units in the last place alone: near zero it means nothing (8.8e8 was seen
between two results that nobody would tell apart). So: how many values changed, the median distance in
ulp, and the largest difference beside the largest value.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_FORMATS = {
    "float64": ("d", "q"),
    "float32": ("f", "i"),
    "float16": ("e", "h"),
    "int64": ("q", "q"),
    "int32": ("i", "i"),
    "int16": ("h", "h"),
    "int8": ("b", "b"),
    "uint8": ("B", "B"),
    "bool": ("B", "B"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """Of sampled values: the share that changed in percent, the median distance of those in ulp, and
    max |difference| / max |value|. None where the values are no numbers, or of two types."""

    changed_percent: float
    median_ulp: float | None
    max_relative: float | None

    def __str__(self) -> str:
        """
        >>> print(Distance(changed_percent=94, median_ulp=2, max_relative=3.1e-7))  # doctest: +ELLIPSIS
        94 % of the values changed, typically by 2 units in the last place and at most by 3.1e-07 of the ...
        """
        if self.median_ulp is None or self.max_relative is None:
            return f"{self.changed_percent:.0f} % of the values changed"
        if not self.changed_percent:
            return "none of the sampled values changed: the difference is among the others"
        units = "1 unit" if self.median_ulp == 1 else f"{self.median_ulp:g} units"
        return (
            f"{self.changed_percent:.0f} % of the values changed, typically by {units} in the last place "
            f"and at most by {self.max_relative:.2g} of the largest value"
        )


def distance(dtype: str, expected: str, observed: str) -> Distance:
    """The distance of two samples in base64, both of `dtype` and little-endian. Samples that cannot be
    read, or of two lengths, are changed altogether."""
    try:
        left, right = _values(dtype, expected), _values(dtype, observed)
    except (ValueError, binascii.Error, struct.error, KeyError):
        return Distance(changed_percent=100.0, median_ulp=None, max_relative=None)
    if len(left.numbers) != len(right.numbers) or not left.numbers:
        return Distance(changed_percent=100.0, median_ulp=None, max_relative=None)
    apart = [abs(a - b) for a, b in zip(left.steps, right.steps, strict=True) if a != b]
    return Distance(
        changed_percent=100.0 * len(apart) / len(left.steps),
        median_ulp=float(median(apart)) if apart else 0.0,
        max_relative=_relative(left.numbers, right.numbers),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Values:
    """`numbers`, and `steps`: whole numbers that grow by one from a float to the next."""

    numbers: tuple[float, ...]
    steps: tuple[int, ...]


def _values(dtype: str, sample: str) -> _Values:
    data = base64.b64decode(sample, validate=True)
    if dtype == "bfloat16":  # the upper half of a float32
        words = struct.unpack(f"<{len(data) // 2}h", data)
        wide = b"".join(b"\0\0" + struct.pack("<h", word) for word in words)
        return _Values(
            numbers=struct.unpack(f"<{len(words)}f", wide), steps=tuple(map(_Order(bits=16), words))
        )
    kind, whole = _FORMATS[dtype]
    count = len(data) // struct.calcsize(kind)
    numbers, words = struct.unpack(f"<{count}{kind}", data), struct.unpack(f"<{count}{whole}", data)
    is_float = dtype.startswith("float")
    order = _Order(bits=8 * struct.calcsize(kind)) if is_float else int
    return _Values(numbers=numbers, steps=tuple(map(order, words)))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """Bits of a float, read as a signed number, to its place among all floats: -0.0 and 0.0 are both 0."""

    bits: int

    def __call__(self, word: int) -> int:
        return word if word >= 0 else -(word + (1 << (self.bits - 1)))


def _relative(expected: Sequence[float], observed: Sequence[float]) -> float:
    largest = max((abs(value) for value in expected if math.isfinite(value)), default=0.0)
    apart = [_apart(a, b) for a, b in zip(expected, observed, strict=True)]
    return max(apart) / largest if largest else max(apart)


def _apart(one: float, other: float) -> float:
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    return abs(one - other) if math.isfinite(one) and math.isfinite(other) else math.inf
