"""The fast way through a plain RECORD reads what the careful way reads."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from envlock.agent import identity

PARTS = st.sampled_from(["a", "b.py", ".", "..", "", ".x", "x.", "a b", "é", "\\", "\t", '"', "c,d"])
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
HASHES = st.sampled_from(["", "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "md5=x", "sha256=short"])
ROWS = st.tuples(PATHS, HASHES, st.sampled_from(["", "0", "12", "x"])).map(",".join)
RECORDS = st.lists(ROWS, max_size=6).map("\n".join)


def outcome(text: str) -> object:
    try:
        return identity.parse_record(text)
    except ValueError as error:
        return type(error), str(error)


@given(RECORDS)
def test_both_ways_agree(text: str) -> None:
    fast = outcome(text)
    with patch.object(identity, "_is_plain", lambda text: False):
        assert outcome(text) == fast
