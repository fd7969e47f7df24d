"""Why a lock holds what it holds, over what the command's own tests do not reach."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from packaging.requirements import Requirement

from envlock.lock import Distribution, Lock
from envlock.lock.needs import Asking, Need
from envlock.lock.why import Hold, PlatformWhy, Why, explain_platform, fixed_by
from envlock.manifest.model import Asked
from tests.unit.lock.values import lock, wheel

MB = 10**6


def distribution(
    name: str, *requires: str, size: int = MB, platforms: tuple[str, ...] = ("linux-64",)
) -> Distribution:
    """One with a hash of its own, which its METADATA is found by; twice its size when installed."""
    built = wheel(f"{name}-1.0-py3-none-any.whl", platforms=platforms)
    built = replace(built, sha256=sha256(name), size=size, unpacked=2 * size)
    return Distribution(name=name, version="1.0", index="default", requires=requires, wheels=(built,))


def sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def asking(*requirements: str, words: dict[str, list[str]] | None = None) -> Asking:
    asked = tuple(Asked(requirement=Requirement(text), origin="envlock.toml") for text in requirements)
    known = {sha256(name): texts for name, texts in (words or {}).items()}
    return Asking(requirements=asked, requires_dist=known)


def shares(found: PlatformWhy) -> dict[str, tuple[int, int]]:
    """Root -> megabytes of all it needs, and of what nothing else needs."""
    return {share.root: (share.whole.download // MB, share.alone.download // MB) for share in found.shares}


def why(found: PlatformWhy, name: str) -> Why:
    return next(each for each in found.distributions if each.name == name)


def need(specifier: str | None, *, by: str | None = "a") -> Need:
    return Need(by=by, origin=None, specifier=specifier)


@pytest.mark.parametrize(
    ("specifiers", "hold", "by"),
    [
        (["==2.0", "<3"], Hold.PINNED, ["==2.0"]),
        (["===2.0"], Hold.PINNED, ["===2.0"]),
        (["==2.0", None], Hold.PINNED, ["==2.0"]),
        (["==2.*"], Hold.HELD, ["==2.*"]),
        (["~=2.0", ">=1"], Hold.HELD, ["~=2.0"]),
        (["<3", ">=1", "<=2.0"], Hold.HELD, ["<3", "<=2.0"]),
        (["!=2.1"], Hold.HELD, ["!=2.1"]),
        (["!=2.1.*"], Hold.HELD, ["!=2.1.*"]),
        (["!=1.9"], Hold.FREE, []),
        (["!=4.0.0a0"], Hold.FREE, []),  # no resolver takes a preview unasked
        ([">=1", ""], Hold.FREE, []),
        ([">=1", None], Hold.UNKNOWN, []),
        (["<3", None], Hold.UNKNOWN, ["<3"]),
        ([], Hold.UNKNOWN, []),
    ],
)
def test_what_fixed_a_version(specifiers: list[str | None], hold: Hold, by: list[str]) -> None:
    found = fixed_by("2.0", [need(each) for each in specifiers])
    assert (found[0], [each.specifier for each in found[1]]) == (hold, by)


def test_a_root_that_another_root_needs_owns_nothing_alone() -> None:
    locked = lock(distribution("accelerator", "torch"), distribution("torch", "sympy"), distribution("sympy"))
    found = explain_platform(locked, "linux-64", asking("torch", "accelerator"))
    assert shares(found) == {"accelerator": (3, 1), "torch": (2, 0)}
    assert found.shared.download == 2 * MB
    assert why(found, "torch").roots == ("accelerator", "torch")
    assert why(found, "sympy").path == ("torch", "sympy")


def test_shares_and_what_is_shared_make_the_whole() -> None:
    locked = lock(
        distribution("a", "c", "d"), distribution("b", "c"), distribution("c", "e"), *map(distribution, "de")
    )
    found = explain_platform(locked, "linux-64", asking("a", "b"))
    alone = sum(share.alone.download for share in found.shares)
    assert alone + found.shared.download == found.whole.download == 5 * MB


def test_without_a_manifest_the_roots_are_what_nothing_needs() -> None:
    locked = lock(distribution("a", "b"), distribution("b"), distribution("x", "y"), distribution("y", "x"))
    found = explain_platform(locked, "linux-64", Asking())
    assert shares(found) == {"a": (2, 2), "x": (2, 0), "y": (2, 0)}  # a ring: either is a root
    assert why(found, "b").needs == (need(None),)


def test_what_a_manifest_does_not_reach_is_a_root_of_its_own() -> None:
    """As pins of another tool may be that nothing needs."""
    locked = lock(distribution("a"), distribution("stray", "b"), distribution("b"))
    found = explain_platform(locked, "linux-64", asking("a"))
    assert shares(found) == {"a": (1, 1), "stray": (2, 2)}


def test_what_only_an_extra_needs_is_owned_by_who_asks_for_the_extra() -> None:
    locked = lock(
        distribution("torch", "fsspec"),
        distribution("datasets", "fsspec"),
        distribution("fsspec", "aiohttp"),
        distribution("aiohttp"),
    )
    words = {
        "torch": ["fsspec"],
        "datasets": ["fsspec[HTTP]<=2"],
        "fsspec": ['aiohttp!=4; extra == "http"', 'other; extra == "s3"'],
        "aiohttp": [],
    }
    found = explain_platform(locked, "linux-64", asking("torch", "datasets", words=words))
    assert shares(found) == {"datasets": (3, 2), "torch": (2, 1)}
    assert why(found, "aiohttp").path == ("datasets", "fsspec[http]", "aiohttp")
    assert why(found, "aiohttp").needs == (need("!=4", by="fsspec"),)
    assert why(found, "fsspec").needs == (
        Need(by="datasets", origin=None, specifier="<=2", extras=("HTTP",)),
        need("", by="torch"),
    )


def test_an_extra_that_the_manifest_asks_for_is_followed() -> None:
    locked = lock(distribution("fsspec", "aiohttp"), distribution("aiohttp"))
    words = {"fsspec": ['aiohttp; extra == "http"'], "aiohttp": []}
    found = explain_platform(locked, "linux-64", asking("fsspec[http]", words=words))
    assert shares(found) == {"fsspec": (2, 2)}
    assert why(found, "aiohttp").hold is Hold.FREE


def test_a_requirement_of_another_platform_is_not_told() -> None:
    both = ("linux-64", "win-64")
    locked: Lock = replace(
        lock(
            distribution("a", "b", platforms=both),
            distribution("b", platforms=both),
            distribution("c", platforms=("win-64",)),
        ),
        platforms=both,
    )
    words = {"a": ["b<2; sys_platform == 'win32'", "b>=1", "c; sys_platform == 'win32'"], "b": [], "c": []}
    questions = asking("a", words=words)
    linux, windows = (explain_platform(locked, platform, questions) for platform in both)
    assert [each.name for each in linux.distributions] == ["a", "b"]
    assert why(linux, "b").hold is Hold.FREE
    assert why(windows, "b").hold is Hold.HELD
    assert shares(windows) == {"a": (3, 3)}


def test_words_that_are_no_requirement_are_passed_over() -> None:
    locked = lock(distribution("a", "b"), distribution("b"))
    found = explain_platform(locked, "linux-64", asking("a", words={"a": ["b (1.0", "b==1.0"], "b": []}))
    assert why(found, "b").hold is Hold.PINNED
