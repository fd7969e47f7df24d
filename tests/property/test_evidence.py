"""Evidence that somebody spoilt: it is refused or found to differ, and never breaks the one who checks."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.audit.evidence.check import Checked, check_folder
from envlock.audit.evidence.folder import render_folder
from envlock.audit.evidence.opened import Opened
from envlock.errors import EvidenceInvalid
from tests.property.mutations import mutated
from tests.support.evidence import evidence

STATEMENT = "statement.json"
DOCUMENTS = (STATEMENT, "sbom.cdx.json", "ro-crate-metadata.json", "reports/1-a.json", "receipts/1-r.json")
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", [], [1], {}, {"a": None}, [[]], "rt1:" + "9" * 64]
)


@cache
def files() -> dict[str, bytes]:
    return render_folder(evidence())


def checked(name: str, data: bytes) -> Checked | None:
    """What comes of the folder with one file replaced; None: it was refused."""
    try:
        return check_folder(Opened(place="evidence", files={**files(), name: data}), None)
    except EvidenceInvalid:
        return None


def is_found(name: str, data: bytes) -> bool:
    found = checked(name, data)
    if found is None:
        return name == STATEMENT
    codes = {each.code for each in found.findings}
    return name == STATEMENT or "file-differs" in codes or data == files()[name]


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, as the keys that lead there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, each in inner for place in places(each, (*here, key)))]


@pytest.mark.slow
@settings(max_examples=60)
@given(data=st.data())
def test_a_value_that_is_another(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(DOCUMENTS))
    document = json.loads(files()[name])
    place = data.draw(st.sampled_from(places(document)[1:]))
    target = document
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = data.draw(VALUES)
    assert is_found(name, json.dumps(document).encode())


@pytest.mark.slow
@settings(max_examples=60)
@given(data=st.data())
def test_a_text_that_is_nearly_right(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from((*DOCUMENTS, "envlock.lock")))
    text = data.draw(mutated(files()[name].decode()))
    assert is_found(name, text.encode(errors="surrogatepass"))


def test_a_crate_whose_file_has_no_name() -> None:
    name = "ro-crate-metadata.json"
    spoilt = files()[name].replace(b'"@id": "envlock.lock",', b'"@id": null,')
    assert spoilt != files()[name]
    found = checked(name, spoilt)
    assert found is not None
    told = [each.message for each in found.findings if each.code == "crate-differs"]
    assert told == ["`None` is in the crate alone", "`envlock.lock` is in the folder alone"]


def test_what_was_not_spoilt_is_as_it_was() -> None:
    found = checked(STATEMENT, files()[STATEMENT])
    assert found is not None
    assert [each.code for each in found.findings] == ["unsigned"]
