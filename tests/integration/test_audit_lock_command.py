"""`envlock audit --lock` and `envlock audit verify` as they are typed: words, JSON, exit statuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.lock import write_lock
from tests.integration.test_evidence import OUTPUTS, RUNTIME
from tests.support.environments import make_subject
from tests.support.evidence import allow, as_bytes, locked, make_key, receipt_document, report_document
from tests.support.tools import need
from tests.support.wheels import make_wheel
from tests.unit.test_docs import _keys, _section

WRITE = ("audit", "--lock", "--report", "node1.json", "--receipt", "run.json", "-o", "evidence")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    need("ssh-keygen")
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path / "envlock.lock", locked())
    (tmp_path / "node1.json").write_bytes(as_bytes(report_document(RUNTIME)))
    (tmp_path / "run.json").write_bytes(as_bytes(receipt_document(RUNTIME)))
    allow(tmp_path / "signers", ada=make_key(tmp_path, "ada"))
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = run(cli, list(words))
    said = capsys.readouterr()
    return status, said.out, said.err


def test_written_unsigned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, *WRITE) == (
        0,
        "wrote evidence: 11 files, evidence.html is the one to read\n"
        "  verification  match (1 report)\n"
        f"  runtime hash  {RUNTIME}\n"
        "  NOT SIGNED    nobody vouches for it: `--key FILE` signs with an SSH key\n",
        "",
    )
    assert typed(capsys, "audit", "verify", "evidence") == (
        8,
        "unknown: nobody signed the statement of this folder\n"
        "evidence: 11 files, without a signature that holds\n"
        f"  runtime hash  {RUNTIME}\n"
        "incomplete: nothing differs, and not everything could be told\n",
        "",
    )


def test_written_signed_and_checked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = typed(capsys, *WRITE, "--key", "ada", "--json")
    written = json.loads(out)
    assert status == 0
    assert _keys(_section("json.md", "envlock.audit-lock/1")) == list(written)
    assert written["files"] == sorted([*OUTPUTS, "statement.dsse.json"])
    key = written["signed_by"]
    assert typed(capsys, "audit", "verify", "evidence", "--allowed-signers", "signers", "--quorum", "1") == (
        0,
        f"evidence: 11 files, signed by ada@example, key {key}\n"
        f"  runtime hash  {RUNTIME}\n"
        "quorum: 1 of 1 independent signers say the same\n"
        "match: all of it holds\n",
        "",
    )
    (project / "evidence" / "appendix.md").write_text("other")
    status, out, _ = typed(capsys, "audit", "verify", "evidence", "--quorum", "2", "--json")
    found = json.loads(out)
    section = _section("json.md", "envlock.audit-verify/1")
    assert status == 1
    assert _keys(section) == list(found)
    quorum = found["quorum"]
    for name in (
        *found["folders"][0],
        *quorum,
        *quorum["witnesses"][0],
        *{f["code"] for f in found["findings"]},
    ):
        assert f"`{name}`" in section


def test_every_key_of_the_predicate_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, *WRITE)
    predicate = json.loads((project / "evidence" / "statement.json").read_text())["predicate"]
    section = _section("json.md", "envlock.evidence/1")
    assert _keys(section) == list(predicate)
    for name in (*predicate["reports"][0], *predicate["receipts"][0]):
        assert f"`{name}`" in section


def test_the_environment_at_hand_is_verified(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subject = make_subject(project, [make_wheel("demo", "1.0", files={"demo.py": b"x = 1\n"})])
    write_lock(project / "envlock.lock", subject.lock)
    words = ("audit", "--lock", "envlock.lock", "--prefix", "env", "-o", "evidence", "-q")
    assert typed(capsys, *words) == (0, "", "")
    (subject.site / "demo.py").write_text("x = 2\n")
    status, out, _ = typed(capsys, *words, "--title", "mine", "--license", "CC0-1.0", "--json")
    assert (status, json.loads(out)["verdict"]) == (1, "mismatch")
    status, out, _ = typed(capsys, "audit", "verify", "evidence")
    assert status == 1
    assert "differs: `reports/own.json` says that the environment was not as locked\n" in out


def test_what_cannot_be_done_is_said(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed(capsys, "audit", "--lock", "-o", "evidence")[0] == 8
    (project / "node1.json").write_text("{}")
    assert typed(capsys, *WRITE) == (
        3,
        "",
        "error: a document cannot be taken into the evidence [evidence-invalid]\n"
        "  node1.json: its schema is not `envlock.verify/1`\n\n"
        "hint: `envlock verify --json` writes reports, `envlock run -- CMD` receipts\n",
    )
    (project / "node1.json").write_bytes(as_bytes(report_document(RUNTIME)))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert typed(capsys, *WRITE)[::2] == (
        2,
        "error: SOURCE_DATE_EPOCH is `yesterday`, not seconds since 1970 [usage]\n",
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323045")
    assert typed(capsys, *WRITE, "--key", "ada")[0] == 0
    monkeypatch.setenv("PATH", str(project))
    status, _, said = typed(capsys, "audit", "verify", "evidence")
    assert (status, said.splitlines()[0]) == (
        6,
        "error: `ssh-keygen` is not here, which makes and checks signatures [tool-missing]",
    )


def test_evidence_of_another_lock_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lock(project / "envlock.lock", replace(locked(), settings={}, numerics=()))
    status, _, said = typed(capsys, *WRITE)
    assert status == 3
    assert said.startswith("error: documents of another environment are no evidence of this one ")


def test_without_the_extra_it_says_how_to_get_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envlock.audit.evidence.needed.find_spec", lambda name: None)
    assert typed(capsys, *WRITE) == (
        6,
        "",
        "error: writing evidence needs `cyclonedx`, `packageurl` [tool-missing]\n\n"
        "hint: install envlock with its extra: `pip install '.[evidence]'`\n",
    )
    assert not (project / "evidence").exists()


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = typed(capsys, "audit", "--lock", "--help")
    assert status == 0
    assert "envlock audit --lock -o evidence\n" in out
    status, out, _ = typed(capsys, "audit", "verify", "--help")
    assert status == 0
    assert "envlock audit verify evidence --allowed-signers signers --quorum 3\n" in out
