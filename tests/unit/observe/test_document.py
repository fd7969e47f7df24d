"""Facts from elsewhere are refused unless every value has its type."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from envlock.agent.expect import NOTHING
from envlock.agent.survey import Request, survey
from envlock.errors import CouldNotTell
from envlock.observe import parse_facts, read_facts


@pytest.fixture(scope="module")
def document() -> str:
    """Real facts: of the environment that runs the tests, by its dist-info alone."""
    return json.dumps(survey(Request(sys.prefix, "roots", NOTHING, {})))


def test_real_facts_are_read(document: str) -> None:
    assert parse_facts(document.encode())["distributions"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("schema", "other/1"), "its schema is not `envlock.facts/1`"),
        (("prefix", 5), "`prefix` is no str"),
        (("is_venv", 1), "`is_venv` is no bool"),
        (("counts", {"files": "many"}), "`counts.files` is no int"),
        (("counts", {"files": True}), "`counts.files` is no int"),
        (("distributions", [{}]), "`distributions[0].name` is missing"),
        (("unreadable", [[1]]), "`unreadable[0][0]` is no str"),
    ],
)
def test_a_value_of_another_kind_is_named(document: str, change: tuple[str, object], message: str) -> None:
    changed = {**json.loads(document), change[0]: change[1]}
    with pytest.raises(ValueError, match=r".") as caught:
        parse_facts(json.dumps(changed).encode())
    assert str(caught.value) == message


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, '"x"', "{}"])
def test_what_is_no_document_cannot_be_judged(tmp_path: Path, content: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(content)
    with pytest.raises(CouldNotTell, match=r"is no facts document"):
        read_facts(path)
