"""Texts that are nearly right: what a slip of the hand, a bad merge or an attacker makes of a file."""

from __future__ import annotations

from hypothesis import strategies as st

_PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["\n", '"', "'", "[", "]", "{", "}", "=", ",", "#", "\\", "\x00", "\x1b[2J", "\u2028", "../", "-r ",
         "${X}", "[[", "]]", "=== x", " @ https://h/x", "1e999", "9" * 5000, "0x" + "f" * 5000, "2025-13-01",
         "0001-01-01T00:00:00+23:00", "[" * 300, "\ufeff", "nan", "true", "<<<<<<< a\n", "-e .",
         "1979-05-27T07:32:00", "é", "\U0001f600", "\x85"]
    ),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """`text` with one to four slices replaced."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(_PIECES) + text[end:]
    return text
