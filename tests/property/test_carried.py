"""What the zipapp carries in place of libraries, held against those libraries."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from hypothesis import assume, example, given
from hypothesis import strategies as st
from packaging import utils, version

from envlock.agent.lockfile import parse_subset
from envlock.agent.older import packaging as older
from tests.property.mutations import mutated

LOCK = (Path(__file__).resolve().parents[2] / "examples" / "quickstart" / "envlock.lock").read_text()
_number = st.integers(0, 30).map(str)
_phase = st.sampled_from(["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "A", "RC"])
_between = st.sampled_from(["", ".", "-", "_"])
_local = st.lists(st.one_of(_number, st.sampled_from(["cu124", "cpu", "a", "ubuntu", "01"])), max_size=3)


@st.composite
def versions(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", "", "v", "1!"])) + ".".join(
        draw(st.lists(_number, min_size=1, max_size=4))
    )
    if draw(st.booleans()):
        text += draw(_between) + draw(_phase) + draw(_between) + draw(st.one_of(st.just(""), _number))
    if draw(st.booleans()):
        text += draw(st.sampled_from([".post", "-", "post", "-r", ".rev"])) + draw(
            st.one_of(_number, st.just(""))
        )
    if draw(st.booleans()):
        text += draw(_between) + "dev" + draw(st.one_of(st.just(""), _number))
    local = draw(_local)
    return text + ("+" + draw(st.sampled_from([".", "-", "_"])).join(local) if local else "")


def _both(text: str) -> tuple[older.Version | None, version.Version | None]:
    try:
        mine: older.Version | None = older.Version(text)
    except older.InvalidVersion:
        mine = None
    try:
        theirs: version.Version | None = version.Version(text)
    except version.InvalidVersion:
        theirs = None
    return mine, theirs


@given(st.one_of(versions(), mutated("1!2.0rc1.post2.dev3+cu124")))
def test_a_version_is_read_alike(text: str) -> None:
    assume(len(text) <= 128)  # as a lockfile has them
    mine, theirs = _both(text)
    assert (mine is None) == (theirs is None)
    if mine is not None and theirs is not None:
        assert (str(mine), mine.public, mine.release) == (str(theirs), theirs.public, theirs.release)


@given(versions(), versions())
def test_two_versions_compare_alike(one: str, other: str) -> None:
    (a, x), (b, y) = _both(one), _both(other)
    if a is not None and b is not None and x is not None and y is not None:
        assert ((a < b), (a == b), (a > b)) == ((x < y), (x == y), (x > y))
        assert hash(a) == hash(older.Version(str(a)))


@example("Some.Name-1.0-2b\n-py3-none-any.whl")
@given(mutated("Some.Name-1.0+cu124-2b-cp311.py3-none-manylinux_2_28_x86_64.any.whl"))
def test_the_name_of_a_wheel_is_read_alike(file: str) -> None:
    assume(len(file) <= 254)
    try:
        theirs = utils.parse_wheel_filename(file)
    except utils.InvalidWheelFilename:
        with pytest.raises(older.InvalidWheelFilename):
            older.parse_wheel_filename(file)
        return
    mine = older.parse_wheel_filename(file)
    assert (mine[0], str(mine[1]), bool(mine[2])) == (theirs[0], str(theirs[1]), bool(theirs[2]))


@given(mutated(LOCK))
def test_what_the_small_reader_takes_it_reads_as_a_whole_one(text: str) -> None:
    """It may refuse what is TOML; never the other way round, and never with another meaning."""
    try:
        mine = parse_subset(text)
    except (ValueError, RecursionError):
        return
    assert mine == tomli.loads(text)
