"""The page of the rules is what the rules say."""

from __future__ import annotations

from pathlib import Path

from envlock.api.auditing import rules_page

PAGE = Path(__file__).resolve().parents[4] / "docs" / "audit-rules.md"


def test_the_page_is_written_from_the_rules() -> None:
    """`envlock audit --rules > docs/audit-rules.md` writes it."""
    assert PAGE.read_text(encoding="utf-8") == rules_page()
