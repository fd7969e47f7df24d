"""What `require()` makes of an answer, and how the answer comes out of the process that looks."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from envlock.errors import CouldNotTell, EnvironmentDiffers, EnvlockError, Fault, LockfileInvalid, ToolFailed
from envlock.job import child, looking
from envlock.job.answer import answer_of_failure, failure_of, told_whole
from envlock.job.pytest_plugin import LEVELS
from envlock.job.question import Question
from envlock.job.require import _match, require
from envlock.report.model import Finding, Report, Severity, verdict_of

pytest_plugins = "pytester"

NO_LOCK = "there is no lockfile"


def report(*findings: Finding) -> Report:
    return Report(
        verdict=verdict_of(findings),
        expected="ab",
        observed="cd",
        level="warm",
        target="/env",
        findings=findings,
        counts={},
        timing={},
    )


def finding(number: int, severity: Severity = Severity.DIFFERS, hint: str | None = None) -> Finding:
    return Finding(
        code="file-differs",
        severity=severity,
        component="distribution:a",
        message=f"file {number}",
        hint=hint,
    )


def answered(*findings: Finding) -> EnvlockError:
    with pytest.raises(EnvlockError) as caught:
        _match({"report": report(*findings).to_json(), "settings": []}, "my.lock")
    return caught.value


def test_a_match_is_its_report() -> None:
    note = finding(1, Severity.NOTE)
    assert _match({"report": report(note).to_json(), "settings": []}, "my.lock") == report(note)


def test_of_many_findings_the_first_are_told() -> None:
    error = answered(
        *(finding(number) for number in range(13)), finding(13, hint="sync"), finding(14, Severity.NOTE)
    )
    assert isinstance(error, EnvironmentDiffers)
    assert (error.message, error.where, error.hint, len(error.report.findings)) == (
        "this environment is not what `my.lock` says: 14 findings",
        "/env",
        "sync",
        15,
    )
    more = ("and", "2 more: `report.findings` has all")
    assert error.facts == (*(("differs", f"file {number}") for number in range(12)), more)


def test_what_could_not_be_looked_at_is_no_difference() -> None:
    error = answered(finding(1, Severity.UNKNOWN), finding(2, Severity.NOTE, hint="of a note"))
    assert isinstance(error, CouldNotTell)
    assert (error.message, error.where, error.hint, error.facts) == (
        "whether this environment is what `my.lock` says could not be told",
        "/env",
        None,
        (("unknown", "file 1"),),
    )


# The failure travels


def test_a_failure_arrives_as_it_was_raised() -> None:
    faults = [Fault(where="a.lock, x", message="unknown key `x`", hint="leave it out")]
    error = LockfileInvalid(
        "`a.lock` has 1 fault", faults=faults, where="a.lock", hint="h", facts=[("was", "1")]
    )
    found = failure_of(json.loads(json.dumps(answer_of_failure(error))))
    assert type(found) is LockfileInvalid
    assert (found.message, found.where, found.hint, found.facts, list(found.faults)) == (
        "`a.lock` has 1 fault",
        "a.lock",
        "h",
        (("was", "1"),),
        faults,
    )
    told_whole(found)
    assert str(found) == (
        "`a.lock` has 1 fault [lockfile-invalid]\n  where  a.lock\n  was  1\n"
        "  a.lock, x: unknown key `x`\n  hint: h"
    )


def test_a_failure_of_another_kind_is_that_nothing_could_be_told() -> None:
    found = failure_of(answer_of_failure(ToolFailed("`uv` failed")))
    assert (type(found), found.message, found.where) == (CouldNotTell, "`uv` failed", None)
    told_whole(found)
    assert str(found) == "`uv` failed [could-not-tell]"


# The process that looks


def question(folder: Path) -> Question:
    return Question(
        lock=str(folder / "envlock.lock"),
        prefix=str(folder),
        level="warm",
        strict=False,
        require_gpu=False,
        cache=str(folder / "cache"),
        environment={},
    )


def test_without_a_lockfile(tmp_path: Path) -> None:
    """The same from a process and, where an interpreter is embedded and there is none to start, from here."""
    found = child.answered(question(tmp_path))
    assert found["error"] == {
        "code": "lockfile-invalid",
        "message": NO_LOCK,
        "where": str(tmp_path / "envlock.lock"),
        "hint": "`envlock lock` makes it",
        "facts": [],
        "faults": [],
    }
    assert looking.answered(question(tmp_path)) == found


def test_an_embedded_interpreter_looks_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    assert child.answered(question(tmp_path))["error"]["message"] == NO_LOCK


def test_it_reads_the_question_and_writes_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(question(tmp_path).to_json()))
    looking.main()
    assert json.loads(capsys.readouterr().out)["error"]["message"] == NO_LOCK


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("#!/bin/sh\nprintf 'one\\n\\ntwo\\nthree\\nfour\\n' >&2\nexit 3\n", ["two", "three", "four"]),
        ("#!/bin/sh\necho no json\n", []),
        (None, ["[Errno 2] No such file or directory: '{python}'"]),
    ],
)
def test_a_process_that_ends_without_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, said: list[str]
) -> None:
    python = tmp_path / "python"
    if program is not None:
        python.write_text(program)
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert child.answered(question(tmp_path)) == {
        "error": {
            "code": "could-not-tell",
            "message": "the process that looks at the environment ended without a verdict",
            "where": str(python),
            "hint": "run `envlock verify --in-job` here, or the agent: it shows what is wrong",
            "facts": [["said", line.format(python=python)] for line in said],
            "faults": [],
        }
    }


def test_what_is_not_there_is_in_no_folder() -> None:
    assert list(child._folders("envlock", "no_such_package_1")) == [str(Path(child.__file__).parents[2])]
    assert list(child._folders("no_such_package_1", "packaging")) == [""]


def test_require_tells_it_whole(tmp_path: Path) -> None:
    lock = tmp_path / "envlock.lock"
    with pytest.raises(LockfileInvalid) as caught:
        require(lock, cache=tmp_path / "cache")
    assert (
        str(caught.value) == f"{NO_LOCK} [lockfile-invalid]\n  where  {lock}\n  hint: `envlock lock` makes it"
    )


# pytest --envlock


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider -p no:xdist")
    pytester.makepyfile("def test_one():\n    pass\n")
    return pytester


class Looks:
    """In place of `require`: what it was asked, and what each look gives."""

    def __init__(self, *found: Report | EnvlockError) -> None:
        self.found, self.asked = list(found), list[tuple[str, str]]()

    def __call__(self, lock: Path, *, level: str) -> Report:
        self.asked.append((str(lock), level))
        found = self.found.pop(0)
        if isinstance(found, EnvlockError):
            raise found
        return found


def looks(monkeypatch: pytest.MonkeyPatch, *found: Report | EnvlockError) -> Looks:
    made = Looks(*found)
    monkeypatch.setattr("envlock.job.require.require", made)
    return made


def test_nobody_asked(project: pytest.Pytester) -> None:
    done = project.runpytest_inprocess()
    assert (done.ret, "envlock: " in done.stdout.str()) == (0, False)


def test_a_lock_that_is_not_there_lets_no_test_run(project: pytest.Pytester) -> None:
    done = project.runpytest_inprocess("--envlock")
    lock = project.path / "envlock.lock"
    assert done.ret == 3
    assert f"Exit: {NO_LOCK} [lockfile-invalid]\n  where  {lock}\n" in done.stderr.str() + done.stdout.str()


def test_a_match_is_in_the_header(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makeini("[pytest]\nenvlock_lock = locks/a.lock\nenvlock_level = roots\n")
    made = looks(monkeypatch, report())
    done = project.runpytest_inprocess("--envlock")
    assert (done.ret, made.asked) == (0, [(str(project.path / "locks/a.lock"), "roots")])
    assert "envlock: match cd (warm)" in done.outlines


def test_options_go_before_the_file(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makeini("[pytest]\nenvlock_lock = locks/a.lock\nenvlock_level = roots\n")
    made = looks(monkeypatch, report(), report())
    options = ("--envlock-lock=b.lock", "--envlock-level=warm", "--envlock-after")
    assert project.runpytest_inprocess("--envlock", *options).ret == 0
    assert made.asked == [(str(project.path / "b.lock"), "warm"), (str(project.path / "b.lock"), "content")]


def test_what_differs_after_the_tests(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    differs = EnvironmentDiffers("this environment is not what it was", report=report(finding(1)))
    looks(monkeypatch, report(), differs)
    done = project.runpytest_inprocess("--envlock", "--envlock-after")
    assert done.ret == 1
    at = next(number for number, line in enumerate(done.outlines) if "envlock: after the tests" in line)
    assert done.outlines[at + 1 : at + 3] == ["", "this environment is not what it was"]


def test_a_level_that_is_none(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nenvlock_level = numerics\n")
    done = project.runpytest_inprocess("--envlock")
    told: Any = f"envlock_level is `numerics`; it is one of {', '.join(LEVELS)}"
    assert (done.ret, told in done.stderr.str()) == (4, True)
