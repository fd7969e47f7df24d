"""Why a combination exists, as text."""

from __future__ import annotations

import pytest

from envlock.report.explanation import ExplanationLook, render
from tests.unit.stack.combination.asking import answer


@pytest.mark.parametrize(
    ("torch", "pythons"),
    [("2.6.0", "  Python    3.9 to 3.13, 3.13t\n"), ("2.11.0", "")],
    ids=["known", "not"],
)
def test_a_build_for_the_cpu_needs_no_driver(torch: str, pythons: str) -> None:
    """For which Pythons there are wheels is told where it is known."""
    text = render(answer(f"torch=={torch} --cuda cpu"), ExplanationLook())
    assert text.split("\n\n")[1] + "\n" == (
        f'PyTorch {torch}, CPU\n  manifest  requirements = ["torch=={torch}"], cuda = "cpu"\n{pythons}'
    )
