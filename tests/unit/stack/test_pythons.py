"""Releases of CPython, by date, and the series to take where none is asked for."""

from __future__ import annotations

from datetime import date

import pytest

from envlock import stack
from envlock.errors import NoSolution


@pytest.mark.parametrize(
    ("series", "not_after", "exact"),
    [
        ("3.11", None, "3.11.18"),
        ("3.11", date(2025, 3, 1), "3.11.11"),
        ("3.11", date(2023, 12, 4), "3.11.7"),  # the day of the release counts
        ("3.11", date(2023, 12, 3), "3.11.6"),
        ("3.8", None, "3.8.20"),
        ("3.10", date(2022, 1, 1), "3.10.1"),
        ("3.15", date(2026, 10, 9), "3.15.0"),
        (None, None, "3.14.10"),
        (None, date(2025, 10, 1), "3.13.7"),
        (None, date(2019, 10, 14), "3.8.0"),
    ],
)
def test_the_newest_release(series: str | None, not_after: date | None, exact: str) -> None:
    assert stack.newest_python(series, not_after) == exact


def test_a_release_whose_day_is_not_known_is_not_taken_early() -> None:
    assert stack.newest_python("3.14", date(2026, 10, 20)) == "3.14.8"
    assert stack.newest_python("3.14", date(2026, 10, 21)) == "3.14.9"


def test_a_series_before_its_first_release() -> None:
    with pytest.raises(NoSolution) as caught:
        stack.newest_python("3.13", date(2024, 10, 6))
    assert caught.value.message == "no release of Python 3.13 is known by 2024-10-06"
    assert caught.value.facts == (("first", "3.13.0 came out on 2024-10-07"),)
    assert caught.value.hint == "name the release with `--python X.Y.Z`"


@pytest.mark.parametrize("series", ["3.16", "3.7", "3", "2.7", "3.11.7"])
def test_a_series_that_is_not_known(series: str) -> None:
    with pytest.raises(NoSolution) as caught:
        stack.newest_python(series)
    assert caught.value.message == f"no release of Python {series} is known"
    assert caught.value.facts == ()


def test_no_python_at_all() -> None:
    with pytest.raises(NoSolution) as caught:
        stack.newest_python(not_after=date(2010, 1, 1))
    assert caught.value.message == "no release of Python is known by 2010-01-01"


def test_the_default_series_is_one_that_pytorch_has_supported_for_a_release() -> None:
    assert stack.default_python() == "3.14"  # 2.15.0 is made for 3.15 too, 2.14 was not
    assert stack.default_python("2.6.0") == "3.13"
    assert stack.default_python("2.5.1") == "3.12"  # 3.13 is new with 2.5
    assert stack.default_python("2.0.0") == "3.11"  # there is none before
    assert stack.default_python("2.99.0") == "3.14"


def test_the_releases_of_a_series() -> None:
    assert stack.pythons("3.8")[:3] == ("3.8.0", "3.8.1", "3.8.2")
    assert stack.pythons("3.10")[-1] == "3.10.22"
    assert stack.pythons("3.16") == ()
    assert stack.pythons()[0] == "3.8.0"
    assert stack.pythons()[-1] == "3.15.2"


@pytest.mark.parametrize(
    ("exact", "known"), [("3.11.7", True), ("3.11.99", False), ("3.11", False), ("3.14.0rc1", False)]
)
def test_an_exact_release_is_known_or_not(exact: str, known: bool) -> None:
    assert stack.is_known_python(exact) is known
