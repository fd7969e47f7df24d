"""What was current on a day."""

from __future__ import annotations

from datetime import date

import pytest
from packaging.specifiers import SpecifierSet

from envlock.stack import torch_versions
from envlock.stack.dates import pythons_on, torch_on, torch_published


@pytest.mark.parametrize(
    ("day", "asked", "torch"),
    [
        (date(2023, 6, 15), "", "2.0.1"),
        (date(2023, 6, 15), "<2", "1.13.1"),
        (date(2023, 5, 8), "", "2.0.0"),  # 2.0.1 came out in the course of that day
        (date(2018, 1, 1), "", None),
        (date(2023, 6, 15), ">=2.1", None),
    ],
)
def test_the_torch_of_a_day(day: date, asked: str, torch: str | None) -> None:
    assert torch_on(day, SpecifierSet(asked)) == torch


def test_every_release_that_the_facts_know_has_its_day() -> None:
    assert [str(each) for each in torch_versions() if torch_published(str(each)) is None] == []


def test_the_pythons_of_a_day() -> None:
    assert pythons_on(date(2023, 6, 15), "2.0.1")[:2] == ("3.11", "3.10")
    assert pythons_on(date(2021, 4, 1), "1.8.1") == ("3.8", "3.9")
    assert pythons_on(date(2019, 1, 1), "1.0.0") == ()
