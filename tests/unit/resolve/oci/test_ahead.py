"""Work ahead: the same items, the same failure, and no thread that stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from envlock.resolve.oci.ahead import ahead


def numbers(upto: int, error: Exception | None = None) -> Iterator[bytes]:
    for number in range(upto):
        yield str(number).encode()
    if error is not None:
        raise error


def threads() -> int:
    return threading.active_count()


def test_all_items_in_their_order() -> None:
    before = threads()
    assert list(ahead(numbers(1000))) == list(numbers(1000))
    assert threads() == before


def test_a_failure_comes_in_its_turn() -> None:
    failure = ValueError("broken")
    got: list[bytes] = []
    with pytest.raises(ValueError, match="broken") as caught:
        got.extend(ahead(numbers(5, failure)))
    assert caught.value is failure
    assert got == list(numbers(5))


def test_who_takes_no_more_can_close_it_and_read_on() -> None:
    before, source = threads(), numbers(1000)
    items = ahead(source)
    assert next(items) == b"0"
    items.close()
    assert threads() == before
    assert 0 < len(list(source)) < 1000
