"""The agent reads a lockfile without a TOML library, and reads it alike."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from envlock.agent.lockfile import expectation_of, parse_subset, read_expectation

TEXT = """# made by envlock
version = 1
manifest = "ab\\"c\\u00e9"
platforms = ["linux-64", "osx-arm64"]
empty = []
flag = true

[stack.linux-64]
torch = "2.6.0"
gpu-archs = ["sm_50", "sm_90"]

[settings]
X = "1"

[[distribution]]
name = "demo"
version = "1.0"
requires = []
wheels = [
    { file = "a.whl", platforms = ["linux-64"], size = 12, digest = "d1", fixups = [
        { place = "lib", path = "x", absent = true },
    ] },
    { file = "b.whl", platforms = ["osx-arm64"], size = 13, digest = "d2" },
]

[[distribution]]
name = "other"
version = "2"
wheels = [{ file = "c.whl", platforms = ["linux-64"], digest = "d3" }]
"""


def test_the_small_reader_reads_as_the_standard_one() -> None:
    assert parse_subset(TEXT) == tomllib.loads(TEXT)


def test_what_it_expects() -> None:
    expectation = expectation_of(parse_subset(TEXT), "linux-64")
    assert {name: d.digest for name, d in expectation.distributions.items()} == {"demo": "d1", "other": "d3"}
    assert expectation.distributions["demo"].fixups[0].sha256 is None
    assert expectation.settings == ("X",)


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a = ", "a = [1", 'a = "x', "[a", "a = 1\na = 2", "a = {b = 1", "a = 'x'", "= 1", "a = [1 2]"),
        *("[a]\n[a]", "[a]\n[[a]]", "a = 1\n[a]", "a = 1\n[[a]]", "a = 1\n[a.b]", "[[a]]\n[a]"),
    ],
)
def test_what_is_no_such_toml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_subset(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]\n[a]", "the table `a` stands twice"),
        ("a = 1\n[[a]]", "the table `a` stands twice"),
        ("a = 1\n[a.b]", "`b` is below something that is no table"),
    ],
)
def test_tables_that_contradict_each_other(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_subset(text)
    assert str(caught.value) == told


def test_a_lockfile_of_another_version_or_platform(tmp_path: Path) -> None:
    path = tmp_path / "envlock.lock"
    for text, told in {
        TEXT.replace("version = 1\n", "version = 2\n"): "not a lockfile of version 1",
        TEXT.replace('"linux-64", "osx-arm64"', '"osx-arm64"', 1): "the lock has no platform linux-64",
    }.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=f"^{told}$"):
            read_expectation(str(path), "linux-64")
