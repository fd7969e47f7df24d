"""Locked and extra distributions, judged from facts alone: each finding whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from envlock.agent.facts import DistributionFacts
from envlock.agent.identity import Entry, distribution_digest, entry_list
from envlock.lock.model import Lock
from envlock.verify.distributions import Installation, judge_distributions
from tests.unit.lock.values import SIX, conda_package, six, wheel, widgets, with_conda
from tests.unit.lock.values import lock as make_lock
from tests.unit.verify.observed import SITE, installed, observed, python, told

PLACE = "lib/python3.11/site-packages"
MODULE = Entry("lib", "six.py", "sha256", "1" * 64)
TOOL = Entry("scripts", "tool", "sha256", "2" * 64)
HEADER = Entry("headers", "six.h", "sha384", "3" * 96)
SHARED = Entry("data", "share/six", "sha256", "4" * 64)
ENTRIES = (MODULE, TOOL, HEADER, SHARED)
DIGEST = distribution_digest("six", "1.17.0", ENTRIES)


def locked(**changed: Any) -> Lock:
    """A lock of six, with the digest of `ENTRIES`."""
    wheels = (wheel("six-1.17.0-py2.py3-none-any.whl", digest=DIGEST),)
    return replace(make_lock(replace(six(), wheels=wheels)), **changed)


def no_list(_digest: str) -> bytes | None:
    return None


def judged(
    lock: Lock,
    *items: DistributionFacts,
    known: Callable[[str], bytes | None] = no_list,
    strict: bool = False,
    **facts: Any,
) -> list[tuple[Any, ...]]:
    installation = Installation.of(lock, observed(*items, **facts), "linux-64")
    return [told(each) for each in judge_distributions(installation, known, strict=strict)]


def listed(*entries: Entry, **changed: Any) -> DistributionFacts:
    """six with these entries on disk."""
    text = entry_list("six", "1.17.0", entries).decode()
    digest = distribution_digest("six", "1.17.0", entries)
    return installed(entries=text, digest=digest, **changed)


def test_what_is_as_locked() -> None:
    assert judged(locked(), installed(digest=DIGEST)) == []


def test_what_could_not_be_hashed_is_told_by_who_could_not_read_it() -> None:
    assert judged(locked(), installed(digest=None)) == []


def test_a_missing_one() -> None:
    message = "six 1.17.0 is locked and not installed"
    assert judged(locked()) == [
        (
            "distribution-missing",
            "differs",
            "distribution:six",
            None,
            "1.17.0",
            None,
            message,
            "`envlock sync` installs it",
        )
    ]


def test_another_version() -> None:
    assert judged(locked(), installed(version="1.16.0")) == [
        (
            "version-differs",
            "differs",
            "distribution:six",
            f"{PLACE}/six-1.16.0.dist-info",
            "1.17.0",
            "1.16.0",
            "six 1.16.0 is installed, the lock has 1.17.0",
            "`envlock sync` installs the locked one",
        )
    ]


CHANGED = Entry("lib", "six.py", "sha256", "9" * 64)
ADDED = Entry("lib", "more.py", "sha256", "8" * 64)
REPAIR = "`envlock sync --repair` restores it"


def test_files_by_the_entry_list_of_the_lock() -> None:
    item = listed(CHANGED, ADDED, Entry("scripts", "tool", "sha256", "7" * 64), SHARED)
    known = {DIGEST: entry_list("six", "1.17.0", ENTRIES)}
    assert judged(locked(), item, known=known.get) == [
        (
            "file-missing",
            "differs",
            "distribution:six",
            "include/…/six/six.h",
            "3" * 96,
            None,
            "`include/…/six/six.h` of six 1.17.0 is missing",
            REPAIR,
        ),
        (
            "file-added",
            "differs",
            "distribution:six",
            f"{PLACE}/more.py",
            None,
            "8" * 64,
            f"`{PLACE}/more.py` is no file of six 1.17.0",
            "`envlock sync --repair` restores the RECORD",
        ),
        (
            "file-differs",
            "differs",
            "distribution:six",
            f"{PLACE}/six.py",
            "1" * 64,
            "9" * 64,
            f"`{PLACE}/six.py` is not the file of six 1.17.0, and RECORD was edited to match",
            REPAIR,
        ),
        (
            "file-differs",
            "differs",
            "distribution:six",
            "bin/tool",
            "2" * 64,
            "7" * 64,
            "`bin/tool` is not the file of six 1.17.0",
            REPAIR,
        ),
    ]


def test_a_file_whose_record_was_left_as_it_was() -> None:
    row = {"place": "lib", "path": "six.py", "file": "", "claimed": "1" * 64, "observed": "9" * 64}
    item = listed(CHANGED, TOOL, HEADER, SHARED, changed=[row])
    found = (
        "file-differs",
        "differs",
        "distribution:six",
        f"{PLACE}/six.py",
        "1" * 64,
        "9" * 64,
        f"`{PLACE}/six.py` is not the file of six 1.17.0",
        REPAIR,
    )
    known = {DIGEST: entry_list("six", "1.17.0", ENTRIES)}
    assert judged(locked(), item, known=known.get) == [found]
    assert judged(locked(), item) == [found]


def test_a_missing_file_by_record_alone() -> None:
    row = {"place": "lib", "path": "six.py", "file": "", "claimed": "1" * 64, "observed": None}
    item = listed(TOOL, HEADER, SHARED, changed=[row])
    [found] = judged(locked(), item)
    assert (found[0], found[6]) == ("file-missing", f"`{PLACE}/six.py` of six 1.17.0 is missing")


def test_a_changed_header_keeps_its_algorithm() -> None:
    row = {"place": "headers", "path": "six.h", "file": "", "claimed": "3" * 96, "observed": "9" * 96}
    item = listed(MODULE, TOOL, Entry("headers", "six.h", "sha384", "9" * 96), SHARED, changed=[row])
    assert [found[0] for found in judged(locked(), item)] == ["file-differs"]


def test_a_record_that_was_edited() -> None:
    item = listed(CHANGED, TOOL, HEADER, SHARED)
    message = (
        f"`{PLACE}/six-1.17.0.dist-info/RECORD` was edited: six 1.17.0 is not what was locked, and which "
        "file changed is not known without its entry list"
    )
    assert judged(locked(), item) == [
        (
            "record-edited",
            "differs",
            "distribution:six",
            f"{PLACE}/six-1.17.0.dist-info/RECORD",
            DIGEST,
            item["digest"],
            message,
            "`envlock sync --repair` fetches the entry list and restores the files",
        )
    ]


def test_what_its_description_tells() -> None:
    scripts = [
        {"name": "a", "file": "bin/a", "reason": ""},
        {"name": "b", "file": "bin/b", "reason": "is missing"},
        {"name": "c", "file": "bin/c", "reason": "is no script of an installer"},
    ]
    problems = [["six-1.17.0.dist-info/RECORD", "is not CSV"], ["../../../etc/x", "leads outside"]]
    item = installed(digest=DIGEST, problems=problems, present=["lib/x.pyc"], scripts=scripts)
    again = "`envlock sync --repair` writes it again"
    component = "distribution:six"
    record = f"{PLACE}/six-1.17.0.dist-info/RECORD"
    assert judged(locked(), item) == [
        (
            "bad-record",
            "differs",
            component,
            record,
            None,
            None,
            "`six-1.17.0.dist-info/RECORD` is not CSV",
            REPAIR,
        ),
        (
            "bad-record",
            "differs",
            component,
            "../../../etc/x",
            None,
            None,
            "`../../../etc/x` leads outside",
            REPAIR,
        ),
        (
            "file-added",
            "differs",
            component,
            "lib/x.pyc",
            None,
            None,
            "`lib/x.pyc` exists; the wheel lists it without having it",
            "remove `lib/x.pyc`",
        ),
        ("script-missing", "differs", component, "bin/b", None, None, "`bin/b` is missing", again),
        (
            "script-differs",
            "differs",
            component,
            "bin/c",
            None,
            None,
            "`bin/c` is no script of an installer",
            again,
        ),
    ]


ELSEWHERE = "/env/lib64/python3.11/site-packages"


@pytest.mark.parametrize(
    ("second", "severity", "path", "message"),
    [
        ({}, "differs", PLACE, "is a second six in the same directory"),
        (
            {"directory": ELSEWHERE, "top_level": ["six", "seven"]},
            "differs",
            "lib64/python3.11/site-packages",
            "adds modules to the locked six",
        ),
        (
            {"directory": ELSEWHERE},
            "note",
            "lib64/python3.11/site-packages",
            "is shadowed by the locked six",
        ),
    ],
)
def test_a_second_one(second: dict[str, Any], severity: str, path: str, message: str) -> None:
    info = f"{path}/six-1.16.0.dist-info"
    assert judged(locked(), installed(digest=DIGEST), installed(version="1.16.0", **second)) == [
        (
            "second-distribution",
            severity,
            "distribution:six",
            info,
            None,
            "1.16.0",
            f"`{info}` {message}",
            f"remove `{info}`" if severity == "differs" else None,
        )
    ]


def test_a_second_one_that_comes_first_and_one_of_which_there_is_no_first() -> None:
    system = installed(version="1.16.0", directory="/usr/lib/python3/dist-packages", role="system")
    [found] = judged(locked(), system, installed(digest=DIGEST))
    info = "/usr/lib/python3/dist-packages/six-1.16.0.dist-info"
    assert found[6] == f"`{info}` comes before the locked six on sys.path"
    assert found[1] == "differs"
    [missing, found] = judged(locked(), system)
    assert missing[0] == "distribution-missing"
    assert found[6] == f"`{info}` is a second six in the same directory"


@pytest.mark.parametrize(("strict", "severity"), [(False, "note"), (True, "foreign")])
def test_an_extra_one(strict: bool, severity: str) -> None:
    extra = installed("extra", "2.0")
    assert judged(locked(), installed(digest=DIGEST), extra, strict=strict) == [
        (
            "extra-distribution",
            severity,
            "distribution:extra",
            None,
            None,
            "2.0",
            "extra 2.0 is installed and not locked",
            None,
        )
    ]


@pytest.mark.parametrize("strict", [False, True])
def test_the_project_itself(strict: bool) -> None:
    lock = locked(project="mine")
    assert judged(lock, installed(digest=DIGEST), installed("mine", "2.0"), strict=strict) == [
        ("project", "note", "distribution:mine", None, None, "2.0", "mine 2.0 is the project itself", None)
    ]


def test_an_extra_one_that_reaches_into_the_locked_ones() -> None:
    extra = installed(
        "extra",
        "2.0",
        top_level=["six", "json", "fine"],
        startup=["lib/x.pth"],
        groups=["torch.backends", "pytest11", "other"],
    )
    lock = make_lock(*locked().distributions, replace(six(), name="torch"))
    items = (installed(digest=DIGEST), installed("torch", "1.17.0"), extra)
    hint = "lock it, or remove it: `uv pip uninstall extra`"
    assert judged(lock, *items) == [
        (
            "foreign-distribution",
            "foreign",
            "distribution:extra",
            path,
            None,
            None,
            f"extra 2.0 is not locked and {reason}",
            hint,
        )
        for path, reason in [
            ("lib/x.pth", "ships `lib/x.pth`, which runs when Python starts"),
            (None, "provides `six`, which belongs to the locked six"),
            (None, "provides `json`, a name of the standard library"),
            (None, "has an entry point in `torch.backends`, which the locked torch loads by itself"),
        ]
    ]


def test_without_a_python_no_name_is_of_the_standard_library() -> None:
    extra = installed("extra", top_level=["json"])
    assert [each[0] for each in judged(locked(), installed(digest=DIGEST), extra, python=None)] == [
        "extra-distribution"
    ]
    extra = installed("extra", top_level=["tomllib"])
    other = python(stdlib_names=["tomllib"])
    assert [each[0] for each in judged(locked(), installed(digest=DIGEST), extra, python=other)] == [
        "foreign-distribution"
    ]


def line(directory: str | None, pth: str = f"{SITE}/__editable__.mine.pth") -> dict[str, Any]:
    return {"pth": pth, "directory": directory, "code": None}


def test_a_file_of_data_lies_below_the_prefix() -> None:
    data = Entry("data", "share/six.txt", "sha256", "9" * 64)
    known = {DIGEST: entry_list("six", "1.17.0", ENTRIES)}
    (found,) = judged(locked(), listed(*ENTRIES, data), known=known.get)
    assert (found[0], found[3]) == ("file-added", "share/six.txt")


@pytest.mark.parametrize(
    ("editable", "startup", "lines", "code"),
    [
        ("/src/mine", "__editable__.mine.pth", [line("/src/mine")], "project"),
        ("/src/mine/", "__editable__.mine.pth", [line("/src/mine/src"), line("/src/mine")], "project"),
        ("/src/mine", "__editable__.mine.pth", [line("/src/mine", "/site/__editable__.mine.pth")], "project"),
        ("/src/mine", "__editable__.mine.pth", [line("/src/mine2")], "foreign-distribution"),
        (
            "/src/mine",
            "__editable__.mine.pth",
            [line("/src/mine"), line("/elsewhere")],
            "foreign-distribution",
        ),
        ("/src/mine", "__editable__.mine.pth", [line(None)], "foreign-distribution"),
        (
            "/src/mine",
            "__editable__.mine.pth",
            [line("/src/mine", f"{SITE}/other.pth")],
            "foreign-distribution",
        ),
        ("/src/mine", "__editable__.mine.pth", [], "foreign-distribution"),
        ("/src/X", "__editable__.mine.pth", [line("/src/Y")], "foreign-distribution"),
        (None, "__editable__.mine.pth", [line("/src/mine")], "foreign-distribution"),
        ("/src/mine", "sitecustomize.py", [line("/src/mine")], "foreign-distribution"),
    ],
)
def test_the_path_file_of_an_editable_project(
    editable: str | None, startup: str, lines: list[Any], code: str
) -> None:
    item = installed(
        "mine", editable=editable, startup=[f"{PLACE}/{startup}"], path_lines=lines, top_level=[]
    )
    found = judged(locked(project="mine"), installed(digest=DIGEST), item)
    assert [each[0] for each in found] == [code]


def test_a_path_file_is_excused_for_the_project_alone() -> None:
    name = "__editable__.mine.pth"
    item = installed("mine", editable="/src/mine", startup=[f"lib/{name}"], path_lines=[line("/src/mine")])
    [found] = judged(locked(), installed(digest=DIGEST), item)
    assert found[6] == f"mine 1.17.0 is not locked and ships `lib/{name}`, which runs when Python starts"


def test_what_a_conda_prefix_has() -> None:
    """Distributions of locked conda packages are theirs to judge; without conda packages they count."""
    conda = with_conda(locked(), conda_package("numpy"))
    numpy = installed("numpy", role="conda")
    extra = installed("extra", top_level=["numpy"])
    of = Installation.of(conda, observed(installed(digest=DIGEST), numpy, extra), "linux-64")
    assert (of.conda, of.others) == ((numpy,), (extra,))
    assert of.locked_names == {"six", "numpy"}
    assert of.locked_top_level == {"six": "six", "numpy": "numpy"}
    [found] = judged(conda, installed(digest=DIGEST), numpy, extra)
    assert found[6] == "extra 1.17.0 is not locked and provides `numpy`, which belongs to the locked numpy"
    assert judged(locked(), installed(digest=DIGEST, role="conda")) == []
    [missing, second] = judged(conda, installed(digest=DIGEST, role="conda"))
    assert (missing[0], second[0]) == ("distribution-missing", "second-distribution")
    [note] = judged(locked(), installed(digest=DIGEST), numpy)
    assert note[0] == "extra-distribution"


def test_a_locked_name_of_another_role_does_not_count() -> None:
    lock = make_lock(six(), widgets())
    user = installed("jupyterlab-widgets", "3.0.13", role="user", directory="/home/u/site", digest=None)
    found = judged(lock, installed(digest=SIX), user)
    assert [each[0] for each in found] == ["distribution-missing", "second-distribution"]
