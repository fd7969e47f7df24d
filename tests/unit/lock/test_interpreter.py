"""Which exact Python a lock names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envlock.errors import UsageFault
from envlock.lock.interpreter import exact_python
from tests.unit.lock.values import lock

OLD = replace(lock(), python_exact="3.11.2")


@pytest.mark.parametrize(
    ("python", "asked", "exact"),
    [("3.11", "3.11.7", "3.11.7"), ("3.11.5", None, "3.11.5"), ("3.11", None, "3.11.2")],
)
def test_what_is_asked_for_goes_first(python: str, asked: str | None, exact: str) -> None:
    assert exact_python(python, asked=asked, old=OLD, exclude_newer=None) == exact


@pytest.mark.parametrize(
    ("instant", "exact"), [("2023-12-05T00:00:00Z", "3.11.7"), ("2023-12-04T23:59:59Z", "3.11.6")]
)
def test_a_day_counts_once_it_is_over(instant: str, exact: str) -> None:
    """3.11.7 is of 4 December, of no known hour."""
    assert exact_python("3.11", asked=None, old=None, exclude_newer=instant) == exact


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ("3.11", "`3.11` is not an exact version of Python", "write it like `--python 3.11.7`"),
        (
            "3.12.1",
            "Python 3.12.1 is not a 3.11, which the manifest asks for",
            'ask for a patch of 3.11, or set `python = "3.12.1"` in the manifest',
        ),
    ],
)
def test_a_python_that_cannot_be_named(asked: str, message: str, hint: str) -> None:
    with pytest.raises(UsageFault) as caught:
        exact_python("3.11", asked=asked, old=OLD, exclude_newer=None)
    assert (caught.value.message, caught.value.hint) == (message, hint)
