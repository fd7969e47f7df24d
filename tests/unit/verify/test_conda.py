"""Conda packages from facts alone: every finding whole."""

from __future__ import annotations

from typing import Any, cast

import pytest

from envlock.agent.facts import ClobberFacts, CondaFacts, CondaFileFacts, CondaPackageFacts
from envlock.agent.merkle import conda_value
from envlock.lock import CondaPackage
from envlock.verify.conda import CondaPrefix, judge_conda
from tests.unit.lock.values import PATHS, conda_package, six, with_conda
from tests.unit.lock.values import lock as make_lock
from tests.unit.verify.observed import observed, told

RECORD = "conda-meta/zlib-1.0-h0_0.json"
REPAIR = "`envlock sync --conda PREFIX --repair` restores it"
SYNC = "`envlock sync --conda PREFIX` installs the locked one"


def record(name: str = "zlib", **changed: Any) -> CondaPackageFacts:
    """As `conda_package(name)` locks it."""
    found = {
        "name": name,
        "version": "1.0",
        "build": "h0_0",
        "build_number": 0,
        "subdir": "linux-64",
        "archive": f"{name}-1.0-h0_0.conda",
        "sha256": "c" * 64,
        "md5": "d" * 32,
        "record": f"conda-meta/{name}-1.0-h0_0.json",
        "claimed": PATHS,
        "digest": PATHS,
        "changed": [],
        "scripts": [],
        "problems": [],
    }
    return cast(CondaPackageFacts, {**found, **changed})


def prefix(
    *packages: CondaPackageFacts, locked: tuple[CondaPackage, ...] = (conda_package("zlib"),), **changed: Any
) -> CondaPrefix:
    found = {"packages": list(packages), "problems": [], "clobbers": [], "extra": [], "extra_count": 0}
    facts = observed(conda=cast(CondaFacts, {**found, **changed}))
    made = CondaPrefix.of(with_conda(make_lock(six()), *locked), facts, "linux-64")
    assert made is not None
    return made


def judged(*packages: CondaPackageFacts, **changed: Any) -> list[tuple[Any, ...]]:
    return [told(each) for each in judge_conda(prefix(*packages, **changed))]


def changed_file(reason: str, file: str = "lib/libz.so") -> CondaFileFacts:
    return {"path": file, "file": file, "expected": "1" * 64, "observed": "2" * 64, "reason": reason}


def clobber(found: str | None, *packages: str) -> ClobberFacts:
    return {"file": "lib/libz.so", "packages": list(packages), "due": "zlib", "found": found}


def test_the_locked_packages_are_no_finding() -> None:
    assert judged(record()) == []
    assert judged(record(digest=None)) == []
    assert judged(record(sha256=None, md5=None)) == []


def test_a_prefix_is_there_where_both_have_conda() -> None:
    conda = with_conda(make_lock(six()), conda_package("zlib"))
    facts = observed(conda={"packages": [], "problems": [], "clobbers": [], "extra": [], "extra_count": 0})
    assert CondaPrefix.of(make_lock(six()), facts, "linux-64") is None
    assert CondaPrefix.of(conda, observed(), "linux-64") is None
    assert CondaPrefix.of(conda, facts, "linux-aarch64") is None
    assert CondaPrefix.of(conda, facts, "linux-64") is not None


def test_the_observed_node() -> None:
    locked = (conda_package("zlib"), conda_package("bzip2"), conda_package("xz"))
    second = record(version="2.0", digest="8" * 64)
    assert prefix(record(), second, record("extra", digest=None), record("xz"), locked=locked).observed() == {
        "zlib": conda_value("1.0", "h0_0", "linux-64", PATHS),
        "xz": conda_value("1.0", "h0_0", "linux-64", PATHS),
    }
    assert prefix(record("xz"), record(digest=None), locked=locked).observed() is None


def test_a_package_without_a_record() -> None:
    assert judged() == [
        (
            "conda-package-missing",
            "differs",
            "conda:zlib",
            None,
            "1.0 h0_0",
            None,
            "zlib 1.0 h0_0 is locked and has no record in `conda-meta`",
            SYNC,
        )
    ]


@pytest.mark.parametrize(
    ("changed", "wanted", "found", "message"),
    [
        (
            {"version": "2.0", "sha256": "8" * 64},
            "1.0 h0_0 0 linux-64",
            "2.0 h0_0 0 linux-64",
            "zlib 2.0 h0_0 (linux-64) is installed, the lock has zlib 1.0 h0_0 (linux-64)",
        ),
        (
            {"build": "h1_1", "build_number": 1, "subdir": "noarch"},
            "1.0 h0_0 0 linux-64",
            "1.0 h1_1 1 noarch",
            "zlib 1.0 h1_1 (noarch) is installed, the lock has zlib 1.0 h0_0 (linux-64)",
        ),
        (
            {"sha256": "8" * 64, "md5": "9" * 32},
            "c" * 64,
            "8" * 64,
            "zlib 1.0 h0_0 was installed from another archive than the locked `zlib-1.0-h0_0.conda`",
        ),
        (
            {"sha256": None, "md5": "9" * 32},
            "d" * 32,
            "9" * 32,
            "zlib 1.0 h0_0 was installed from another archive than the locked `zlib-1.0-h0_0.conda`",
        ),
    ],
)
def test_another_package_than_the_locked_one(
    changed: dict[str, Any], wanted: str, found: str, message: str
) -> None:
    """And nothing more is said of its files."""
    odd = record(**changed, claimed="7" * 64, problems=["is odd"], changed=[changed_file("differs")])
    code = "conda-package-differs"
    assert judged(odd) == [(code, "differs", "conda:zlib", RECORD, wanted, found, message, SYNC)]


def test_an_md5_that_is_not_locked_is_not_compared() -> None:
    assert judged(record(md5="9" * 32), locked=(conda_package("zlib", md5=None),)) == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"claimed": "7" * 64}, "7" * 64),
        ({"claimed": "7" * 64, "digest": "7" * 64}, "7" * 64),
        ({"digest": "8" * 64}, "8" * 64),
    ],
)
def test_a_record_that_was_edited(changed: dict[str, str], found: str) -> None:
    message = (
        f"`{RECORD}` does not have the files of zlib 1.0 h0_0: it was edited, and which file it is about is "
        "not known without the archive"
    )
    assert judged(record(**changed)) == [
        ("conda-record-edited", "differs", "conda:zlib", RECORD, PATHS, found, message, REPAIR)
    ]


def test_files_that_changed() -> None:
    rows = [
        changed_file("differs", "lib/a"),
        changed_file("is missing", "lib/b"),
        changed_file("leads to `x`", "lib/c"),
    ]
    assert judged(record(digest="8" * 64, changed=rows)) == [
        (code, "differs", "conda:zlib", path, "1" * 64, "2" * 64, message, REPAIR)
        for code, path, message in [
            ("file-differs", "lib/a", "`lib/a` is not the file of zlib 1.0 h0_0"),
            ("file-missing", "lib/b", "`lib/b` of zlib 1.0 h0_0 is missing"),
            ("link-differs", "lib/c", "`lib/c` of zlib 1.0 h0_0 leads to `x`"),
        ]
    ]


def test_scripts_and_records_that_are_not_right() -> None:
    scripts = [
        {"name": "a", "file": "bin/a", "reason": ""},
        {"name": "b", "file": "bin/b", "reason": "is missing"},
        {"name": "c", "file": "bin/c", "reason": "is none of the known templates"},
    ]
    bad = "bad-conda-record"
    found = judged(
        record(scripts=scripts, problems=["has no list of files"]),
        problems=[["conda-meta/x.json", "is empty"]],
    )
    message = f"`{RECORD}` has no list of files"
    assert found == [
        (bad, "differs", "conda", RECORD, None, None, message, REPAIR),
        ("script-missing", "differs", "conda:zlib", "bin/b", None, None, "`bin/b` is missing", REPAIR),
        (
            "script-differs",
            "differs",
            "conda:zlib",
            "bin/c",
            None,
            None,
            "`bin/c` is none of the known templates",
            REPAIR,
        ),
        (
            bad,
            "differs",
            "conda",
            "conda-meta/x.json",
            None,
            None,
            "`conda-meta/x.json` is empty",
            REPAIR,
        ),
    ]


def test_what_is_there_besides() -> None:
    second = record(version="2.0", record="conda-meta/zlib-2.0-h0_0.json")
    assert judged(record(), record("bzip2"), second) == [
        (
            "foreign-conda-package",
            "foreign",
            "conda:bzip2",
            "conda-meta/bzip2-1.0-h0_0.json",
            None,
            "1.0 h0_0",
            "bzip2 1.0 h0_0 is installed and not locked",
            "lock it, or remove it: `conda remove bzip2`",
        ),
        (
            "second-conda-record",
            "differs",
            "conda:zlib",
            "conda-meta/zlib-2.0-h0_0.json",
            None,
            "2.0 h0_0",
            "`conda-meta/zlib-2.0-h0_0.json` is a second record of zlib",
            "remove `conda-meta/zlib-2.0-h0_0.json`, then `envlock sync --conda PREFIX --repair`",
        ),
    ]


@pytest.mark.parametrize(
    ("packages", "found", "severity", "message", "hint"),
    [
        (
            ("zlib", "zlib-ng"),
            "zlib",
            "note",
            "zlib and zlib-ng each have a `lib/libz.so`: that of zlib is there",
            None,
        ),
        (
            ("a", "b", "zlib"),
            "b",
            "differs",
            "a, b and zlib each have a `lib/libz.so`: that of b is there, that of zlib is due",
            REPAIR,
        ),
        (
            ("a", "zlib"),
            None,
            "differs",
            "a and zlib each have a `lib/libz.so`: none of theirs is there, that of zlib is due",
            REPAIR,
        ),
    ],
)
def test_a_path_of_several_packages(
    packages: tuple[str, ...], found: str | None, severity: str, message: str, hint: str | None
) -> None:
    rows = [clobber(found, *packages)]
    whole = ("clobber", severity, "conda:zlib", "lib/libz.so", "zlib", found, message, hint)
    assert judged(record(), clobbers=rows) == [whole]


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        ("zlib-ng", ["clobber"]),  # said by the clobber
        ("zlib", ["file-differs", "clobber"]),
        (None, ["file-differs", "clobber"]),
    ],
)
def test_a_file_of_another_package_is_told_once(found: str | None, codes: list[str]) -> None:
    item = record(digest="8" * 64, changed=[changed_file("differs")])
    rows = [clobber(found, "zlib", "zlib-ng")]
    assert [row[0] for row in judged(item, clobbers=rows)] == codes


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "`share/a` belongs to no package, and nothing loads it by itself"),
        (2, "`share/a` and 1 more files belong to no package, and nothing loads them by itself"),
        (9, "`share/a` and 8 more files belong to no package, and nothing loads them by itself"),
    ],
)
def test_files_of_no_package(count: int, message: str) -> None:
    whole = ("extra-files", "note", "conda", "share/a", None, str(count), message, None)
    assert judged(record(), extra=["share/a", "share/b"], extra_count=count) == [whole]
