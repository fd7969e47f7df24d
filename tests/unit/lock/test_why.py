"""Why a lock holds what it holds, over what the command's own tests do not reach."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from packaging.requirements import Requirement

from envlock.lock import Distribution, Lock
from envlock.lock.holding import Hold, conda_fixed_by, fixed_by
from envlock.lock.needs import Asking, Need
from envlock.lock.why import Part, Why, explain_platform
from envlock.manifest.model import Asked
from tests.unit.lock.values import conda_package, lock, wheel, with_conda

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


def explained(locked: Lock, questions: Asking) -> Part:
    return explain_platform(locked, "linux-64", questions).wheels


def shares(found: Part) -> dict[str, tuple[int, int]]:
    """Root -> megabytes of all it needs, and of what nothing else needs."""
    return {share.root: (share.whole.download // MB, share.alone.download // MB) for share in found.shares}


def why(found: Part, name: str) -> Why:
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
    found = explained(locked, asking("torch", "accelerator"))
    assert shares(found) == {"accelerator": (3, 1), "torch": (2, 0)}
    assert found.shared.download == 2 * MB
    assert why(found, "torch").roots == ("accelerator", "torch")
    assert why(found, "sympy").path == ("torch", "sympy")


def test_shares_and_what_is_shared_make_the_whole() -> None:
    locked = lock(
        distribution("a", "c", "d"), distribution("b", "c"), distribution("c", "e"), *map(distribution, "de")
    )
    found = explained(locked, asking("a", "b"))
    alone = sum(share.alone.download for share in found.shares)
    assert alone + found.shared.download == found.whole.download == 5 * MB


def test_without_a_manifest_the_roots_are_what_nothing_needs() -> None:
    locked = lock(distribution("a", "b"), distribution("b"), distribution("x", "y"), distribution("y", "x"))
    found = explained(locked, Asking())
    assert shares(found) == {"a": (2, 2), "x": (2, 0), "y": (2, 0)}  # a ring: either is a root
    assert why(found, "b").needs == (need(None),)


def test_what_a_manifest_does_not_reach_is_a_root_of_its_own() -> None:
    """As pins of another tool may be that nothing needs."""
    locked = lock(distribution("a"), distribution("stray", "b"), distribution("b"))
    found = explained(locked, asking("a"))
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
    found = explained(locked, asking("torch", "datasets", words=words))
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
    found = explained(locked, asking("fsspec[http]", words=words))
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
    linux, windows = (explain_platform(locked, platform, questions).wheels for platform in both)
    assert [each.name for each in linux.distributions] == ["a", "b"]
    assert why(linux, "b").hold is Hold.FREE
    assert why(windows, "b").hold is Hold.HELD
    assert shares(windows) == {"a": (3, 3)}


def test_what_the_manifest_asks_for_elsewhere_or_twice_is_told_once() -> None:
    """A manifest may be newer than the lock: what it asks for beyond that has no line."""
    locked = lock(distribution("a"), distribution("b"))
    questions = asking("a>=1", "a>=1", "b; sys_platform == 'win32'", "gone", words={"a": [], "b": []})
    found = explained(locked, questions)
    assert shares(found) == {"a": (1, 1), "b": (1, 1)}
    assert why(found, "a").needs == (Need(by=None, origin="envlock.toml", specifier=">=1"),)
    assert (why(found, "b").needs, why(found, "b").hold) == ((), Hold.UNKNOWN)


def test_words_that_are_no_requirement_are_passed_over() -> None:
    locked = lock(distribution("a", "b"), distribution("b"))
    found = explained(locked, asking("a", words={"a": ["b (1.0", "b==1.0"], "b": []}))
    assert why(found, "b").hold is Hold.PINNED


def test_conda_packages_are_explained_by_the_words_of_their_records() -> None:
    locked = with_conda(
        lock(),
        conda_package("ffmpeg", size=9, depends=("x264 >=1!164,<1!165", "libgcc >=13", "__glibc >=2.17")),
        conda_package("x264", size=5, depends=("libgcc >=12",)),
        conda_package("libgcc", size=3, depends=("_openmp_mutex 4.5.* *_gnu",)),
        conda_package("_openmp_mutex", size=1),
        conda_package("python", size=7, depends=("libgcc >=13",)),
    )
    questions = Asking(conda=("conda-forge::python=3.11", "ffmpeg"))
    found = explain_platform(locked, "linux-64", questions).conda
    assert found is not None
    assert {each.root: (each.whole.download, each.alone.download) for each in found.shares} == {
        "ffmpeg": (18, 14),
        "python": (11, 7),
    }
    assert (found.whole.download, found.whole.installed, found.shared.download) == (25, None, 4)
    assert why(found, "_openmp_mutex").path == ("ffmpeg", "libgcc", "_openmp_mutex")
    assert why(found, "python").needs == (Need(by=None, origin="conda.packages", specifier="=3.11"),)
    assert {each.name: each.hold for each in found.distributions} == {
        "ffmpeg": Hold.FREE,
        "x264": Hold.HELD,
        "libgcc": Hold.FREE,
        "_openmp_mutex": Hold.HELD,
        "python": Hold.HELD,
    }


@pytest.mark.parametrize(
    ("specifier", "hold"),
    [
        ("1.2.3", Hold.PINNED),
        ("==1.2.3", Hold.PINNED),
        ("1.2.3 h0_0", Hold.PINNED),
        ("1!164.3095", Hold.PINNED),
        ("=1.2", Hold.HELD),
        ("1.2.*", Hold.HELD),
        (">=1.2,<2.0a0", Hold.HELD),
        ("~=1.2", Hold.HELD),
        ("1.2|1.4", Hold.HELD),
        (">=1.2", Hold.FREE),
        ("* *_cp311", Hold.FREE),
        ("", Hold.FREE),
    ],
)
def test_what_fixed_the_version_of_a_conda_package(specifier: str, hold: Hold) -> None:
    assert conda_fixed_by("1.2.3 h0_0", [need(specifier)])[0] is hold


def test_a_conda_package_that_nothing_asks_for_any_more() -> None:
    locked = with_conda(lock(), conda_package("ffmpeg"))
    found = explain_platform(locked, "linux-64", Asking(conda=("gone",))).conda
    assert found is not None
    assert (why(found, "ffmpeg").needs, why(found, "ffmpeg").hold) == ((), Hold.UNKNOWN)


def test_a_lock_without_conda_packages_has_none_to_explain() -> None:
    assert explain_platform(lock(), "linux-64", Asking()).conda is None
