"""The smallest set of changes that flips a result: a search of few steps, pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

Flips: TypeAlias = Callable[[frozenset[str]], bool]


def smallest_set(changes: Sequence[str], flips: Flips) -> tuple[str, ...]:
    """Changes that together flip the result, none of which can be left out, the last found first.

    All together must flip it, none must not. One culprit among n takes about log2(n) steps, k that are
    needed together k times that. Where single changes undo one another the set may not be the smallest
    there is; it flips the result all the same, since the set itself was tried.

    >>> tried = []
    >>> def flips(moved):
    ...     tried.append(moved)
    ...     return {"b", "g"} <= moved
    >>> smallest_set("abcdefgh", flips), len(tried)
    (('g', 'b'), 8)
    """
    found: tuple[str, ...] = ()
    left = tuple(changes)
    while not found or not flips(frozenset(found)):
        place = _first_that_flips(left, frozenset(found), flips)
        found, left = (*found, left[place]), left[:place]
    return found


def _first_that_flips(changes: Sequence[str], always: frozenset[str], flips: Flips) -> int:
    """The place of the change with which the result flips: with those before it too, and not without it."""
    low, high = 0, len(changes)  # with `low` of them it does not flip, with `high` it does
    while high - low > 1:
        middle = (low + high) // 2
        if flips(always | set(changes[:middle])):
            high = middle
        else:
            low = middle
    return high - 1
