"""Whole passes over environments that are made of folders: no interpreter is asked, nothing is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envlock.agent import full_pass
from envlock.agent.expect import NOTHING, Expectation, ExpectedDistribution, from_json, to_json
from envlock.agent.facts import Facts, check_schema
from envlock.agent.full_pass import CONTENT, WARM, FullPass, Request
from envlock.agent.survey import survey
from tests.support.elf import make_elf
from tests.unit.agent.made import interpreter, target, write

SITE = "lib/python3.11/site-packages"


def install(prefix: Path, name: str, files: Mapping[str, bytes]) -> None:
    """A distribution whose RECORD has no hashes."""
    site, info = prefix / SITE, f"{name}-1.0.dist-info"
    metadata = f"Name: {name}\nVersion: 1.0\n".encode()
    owned = {**files, f"{info}/METADATA": metadata}
    record = "".join(f"{file},,\n" for file in [*owned, f"{info}/RECORD"])
    for file, content in {**owned, f"{info}/RECORD": record.encode()}.items():
        write(site / file, content)


def passed(prefix: Path, expectation: Expectation = NOTHING) -> Facts:
    return FullPass(Request(str(prefix), CONTENT, expectation, {}), target(prefix), None).run()


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """With two distributions."""
    env = tmp_path / "env"
    install(env, "one", {"one.py": b"ONE = 1\n"})
    install(env, "two", {"two.py": b"TWO = 2\n"})
    return env


def test_a_file_that_cannot_be_read_leaves_its_distribution_without_a_digest(prefix: Path) -> None:
    os.unlink(prefix / SITE / "one.py")
    os.mkfifo(prefix / SITE / "one.py")
    facts = passed(prefix)
    assert facts["unreadable"] == [[f"{SITE}/one.py", "not a regular file"]]
    assert [row["digest"] is None for row in facts["distributions"]] == [True, False]


def test_many_bytes_are_hashed_in_shifts(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = passed(prefix)["distributions"]
    started: list[int] = []
    monkeypatch.setattr(full_pass, "_FIRST_SHIFT_BYTES", -1)
    begin = FullPass._start_hashing

    def start(self: FullPass) -> None:
        started.append(1)
        begin(self)

    monkeypatch.setattr(FullPass, "_start_hashing", start)
    assert passed(prefix)["distributions"] == at_once
    assert len(started) == 3


def test_a_library_that_two_rules_find_is_named_once(prefix: Path) -> None:
    """It lies in the site directory, and where a library of a distribution searches."""
    install(prefix, "native", {"native/a.so": make_elf(needed=["b.so"], runpath="$ORIGIN")})
    write(prefix / SITE / "native/b.so", make_elf())
    assert [(row["file"], row["kind"]) for row in passed(prefix)["foreign"]] == [
        (f"{SITE}/native/b.so", "library")
    ]


def test_folders_of_pth_files_count_where_they_are(prefix: Path, tmp_path: Path) -> None:
    write(tmp_path / "more/extra.py")
    write(prefix / SITE / "mine.pth", f"{tmp_path}/more\n{tmp_path}/none\n{prefix / SITE}\n".encode())
    paths = [row for row in passed(prefix)["paths"] if row["origin"] == f"{SITE}/mine.pth"]
    assert [(row["directory"], row["modules"]) for row in paths] == [(f"{tmp_path}/more", ["extra"])]


def test_what_a_maker_leaves_is_accepted_and_named(prefix: Path) -> None:
    """Also where distributions that are not locked own it, two of them."""
    write(prefix / SITE / "_virtualenv.pth", b"import _virtualenv")
    write(prefix / SITE / "large.pth", b"#" * (1 << 20))
    facts = passed(prefix)
    assert list(facts["accepted"]) == [f"{SITE}/_virtualenv.pth"]
    assert [row["file"] for row in facts["foreign"]] == [f"{SITE}/large.pth"]
    for name in ("extra", "second"):
        install(prefix, name, {"_virtualenv.pth": b"import _virtualenv"})
    install(prefix, "large", {"large.pth": b"#" * (1 << 20)})
    one = next(row for row in facts["distributions"] if row["name"] == "one")
    expected = {"one": ExpectedDistribution("1.0", one["digest"] or "", ())}
    found = {row["name"]: row for row in passed(prefix, Expectation(expected, (), None))["distributions"]}
    assert found["extra"]["startup"] == found["second"]["startup"] == []
    assert found["large"]["startup"] == [f"{SITE}/large.pth"]


def test_a_kept_pass_counts_for_the_question_that_it_answered(prefix: Path, tmp_path: Path) -> None:
    described: dict[str, Any] = interpreter(prefix)._asdict()
    cache = str(tmp_path / "cache/rows")

    def level(expectation: Expectation) -> str:
        return survey(Request(str(prefix), WARM, expectation, {}, cache=cache, described=described))["level"]

    other = Expectation({}, ("SEED",), None)
    assert [level(each) for each in (NOTHING, NOTHING, other, other, NOTHING)] == [
        CONTENT,
        WARM,
        CONTENT,
        WARM,
        CONTENT,
    ]


def test_documents_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^not an expectation of envlock$"):
        from_json({**to_json(NOTHING), "schema": "envlock.expect/2"})
    documents: tuple[Any, ...] = ([], {"schema": "envlock.expect/1"})
    for document in documents:
        with pytest.raises(ValueError, match=r"^not a facts document of envlock$"):
            check_schema(document)
