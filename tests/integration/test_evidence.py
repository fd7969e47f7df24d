"""`envlock audit --lock` and `envlock audit verify`: a folder written, signed, checked, and tampered with."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.dsse import Envelope

from envlock.api import EvidenceCheck, EvidenceOrder, EvidenceResult, check_evidence, write_evidence
from envlock.audit.evidence.folder import render_folder, write_folder
from envlock.audit.evidence.gather import runtimes
from envlock.audit.evidence.model import CarriedLibrary, Installed
from envlock.audit.evidence.sbom import faults_of_schema, render_sbom
from envlock.audit.evidence.statement import PAYLOAD_TYPE, pre_authentication
from envlock.errors import CouldNotTell, DiskFailed, EvidenceInvalid, InvalidInput, ToolFailed, ToolMissing
from envlock.lock import ImageLock, ImagePlatform, dumps, write_lock
from tests.support.evidence import (
    allow,
    as_bytes,
    evidence,
    locked,
    make_key,
    receipt_document,
    report_document,
    seen_report,
    sign_file,
)
from tests.support.tools import need
from tests.unit.lock.values import conda_package, six, widgets, with_conda

OUTPUTS = [
    "appendix.md",
    "appendix.tex",
    "artifact-appendix.md",
    "envlock.lock",
    "evidence.html",
    "receipts/1-run.json",
    "reports/1-node1.json",
    "reproducibility-checklist.md",
    "ro-crate-metadata.json",
    "sbom.cdx.json",
]
RUNTIME = evidence().main_hash


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of ada, bob and cyd, and `signers`, which names them all."""
    need("ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    made = {name: make_key(folder, name) for name in ("ada", "bob", "cyd")}
    allow(folder / "signers", **made)
    return folder


def order(folder: Path, **changed: Any) -> EvidenceOrder:
    """A lock, a report and a receipt, as they lie on a disk."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lock(folder / "envlock.lock", locked())
    (folder / "node1.json").write_bytes(as_bytes(report_document(RUNTIME)))
    (folder / "run.json").write_bytes(as_bytes(receipt_document(RUNTIME)))
    made = EvidenceOrder(
        lock=folder / "envlock.lock",
        folder=folder / "evidence",
        reports=(folder / "node1.json",),
        receipts=(folder / "run.json",),
    )
    return replace(made, **changed)


def written(folder: Path, **changed: Any) -> EvidenceResult:
    return write_evidence(order(folder, **changed))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    return written(tmp_path_factory.mktemp("signed"), key=keys / "ada").folder


def checked(folder: Path, keys: Path | None = None, **options: Any) -> EvidenceCheck:
    allowed = keys / "signers" if keys is not None else None
    return check_evidence([folder], allowed=allowed, **options)


def codes(found: EvidenceCheck) -> list[str]:
    return sorted({each.code for each in found.findings})


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- writing


def test_a_folder_has_every_output_and_says_that_it_is_not_signed(tmp_path: Path) -> None:
    result = written(tmp_path)
    assert list(result.files) == sorted([*OUTPUTS, "statement.json"])
    assert sorted(content(result.folder)) == list(result.files)
    assert result.key is None
    found = checked(result.folder)
    assert [(each.code, each.message) for each in found.findings] == [
        ("unsigned", "nobody signed the statement of this folder")
    ]
    assert found.verdict.exit_status == 8


def test_the_same_documents_give_the_same_bytes(tmp_path: Path, keys: Path) -> None:
    first = written(tmp_path / "a", key=keys / "ada")
    second = written(tmp_path / "b", key=keys / "ada")
    assert content(first.folder) == content(second.folder)
    again = written(tmp_path / "a", key=keys / "ada")
    assert content(again.folder) == content(second.folder)


def test_evidence_replaces_evidence_and_nothing_else(tmp_path: Path, keys: Path) -> None:
    signed = written(tmp_path, key=keys / "ada")
    unsigned = written(tmp_path, receipts=())
    assert unsigned.folder == signed.folder
    assert sorted(content(unsigned.folder)) == list(unsigned.files)
    (unsigned.folder / "thesis.md").write_text("mine")
    with pytest.raises(Exception, match="has files that are no evidence, and they would be mixed up"):
        written(tmp_path)
    assert (unsigned.folder / "thesis.md").read_text() == "mine"


def test_documents_of_another_environment_are_refused_all_at_once(tmp_path: Path) -> None:
    made = order(tmp_path)
    other = "rt1:" + "9" * 64
    (tmp_path / "node1.json").write_bytes(as_bytes(report_document(other)))
    (tmp_path / "run.json").write_bytes(as_bytes(receipt_document(other)))
    with pytest.raises(EvidenceInvalid) as raised:
        write_evidence(made)
    assert [(each.where, each.message) for each in raised.value.faults] == [
        ("reports/1-node1.json", f"it was held against {other}, which is not of this lock"),
        ("receipts/1-run.json", f"its run was in {other}, which is not of this lock"),
    ]
    assert not made.folder.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "its schema is not `envlock.verify/1`"),
        ('{"schema": "envlock.verify/1"}', "`verdict` is missing"),
        (json.dumps({**report_document(RUNTIME), "verdict": "fine"}), "'fine' is not a valid Verdict"),
        (
            json.dumps({**report_document(RUNTIME), "runtime_hash": {"expected": "x", "observed": None}}),
            "`x` is no runtime hash",
        ),
    ],
)
def test_a_document_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    made = order(tmp_path)
    (tmp_path / "node1.json").write_text(text)
    with pytest.raises(EvidenceInvalid) as raised:
        write_evidence(made)
    assert [each.message for each in raised.value.faults] == [message]


@pytest.mark.parametrize(
    ("verdict", "status", "message"),
    [
        ("mismatch", 1, "the environment was not as locked"),
        ("incomplete", 8, "not everything could be looked at"),
    ],
)
def test_a_report_that_does_not_match_is_evidence_too(
    tmp_path: Path, keys: Path, verdict: str, status: int, message: str
) -> None:
    made = order(tmp_path, key=keys / "ada")
    (tmp_path / "node1.json").write_bytes(as_bytes(report_document(RUNTIME, verdict=verdict)))
    assert write_evidence(made).evidence.verdict.exit_status == status
    found = checked(made.folder, keys)
    assert [each.message for each in found.findings] == [f"`reports/1-node1.json` says that {message}"]
    assert found.verdict.exit_status == status


def test_no_key_and_no_ssh_keygen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailed, match="there is no key to sign with"):
        written(tmp_path, key=tmp_path / "nowhere")
    (tmp_path / "junk").write_text("no key")
    if shutil.which("ssh-keygen"):
        with pytest.raises(ToolFailed, match="`ssh-keygen` did not sign"):
            written(tmp_path, key=tmp_path / "junk")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="`ssh-keygen` is not here"):
        written(tmp_path, key=tmp_path / "junk")


# --- what it is written in


@pytest.mark.slow
def test_the_bill_of_materials_is_valid_and_has_the_cuda_libraries() -> None:
    data = render_sbom(evidence())
    assert faults_of_schema(data) is None
    assert faults_of_schema(data.replace(b'"SHA-256"', b'"SHA-255"')) is not None
    bill = json.loads(data)
    six = next(row for row in bill["components"] if row["name"] == "six")
    assert six["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert six["licenses"] == [{"license": {"id": "MIT"}}]
    [library] = six["components"]
    assert (library["name"], library["hashes"][0]["content"]) == ("libcudart-0.so.12", "5" * 64)
    assert {"name": "envlock:cuda", "value": "cudart"} in library["properties"]
    assert {"ref": "distribution:jupyterlab-widgets", "dependsOn": ["distribution:six"]} in bill[
        "dependencies"
    ]
    assert bill["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"


def test_the_base_image_is_in_the_bill() -> None:
    image = ImageLock(
        base="python:3.11",
        digest=None,
        platforms={"linux-64": ImagePlatform(manifest="sha256:" + "6" * 64, diff_ids=())},
    )
    lock = locked(image=image)
    found = evidence(lock=lock, lock_data=dumps(lock).encode(), runtime=runtimes(lock, "linux-64"))
    [row] = [row for row in json.loads(render_sbom(found))["components"] if row["type"] == "container"]
    assert row == {
        "bom-ref": "base-image",
        "hashes": [{"alg": "SHA-256", "content": "6" * 64}],
        "name": "python:3.11",
        "type": "container",
    }


def test_the_serial_number_follows_from_the_content() -> None:
    plain, again, other = evidence(), evidence(), evidence(installed={})
    serials = [json.loads(render_sbom(each))["serialNumber"] for each in (plain, again, other)]
    assert serials[0] == serials[1] != serials[2]


def test_the_statement_is_one_for_in_toto(tmp_path: Path) -> None:
    folder = written(tmp_path).folder
    told = json.loads((folder / "statement.json").read_text())
    _in_toto("statement").Statement.copy_from_pb(_protobuf(told)).validate()
    names = [row["name"] for row in told["subject"]]
    assert names == [*OUTPUTS, "runtime:linux-64:wheels"]
    assert told["subject"][-1]["digest"] == {"envlock-rt1": RUNTIME.removeprefix("rt1:")}


def _protobuf(told: dict[str, Any]) -> Any:
    parse = importlib.import_module("google.protobuf.json_format").ParseDict
    return parse(told, _in_toto("statement_pb2").Statement())


def _in_toto(name: str) -> Any:
    return importlib.import_module(f"in_toto_attestation.v1.{name}")


def test_the_envelope_is_one_for_others(signed: Path, keys: Path, tmp_path: Path) -> None:
    """securesystemslib computes what is signed; ssh-keygen alone checks it."""
    told = json.loads((signed / "statement.dsse.json").read_text())
    oracle = Envelope.from_dict({**told, "signatures": []})
    payload = base64.b64decode(told["payload"])
    assert oracle.pae() == pre_authentication(payload)
    [row] = told["signatures"]
    (tmp_path / "sig").write_bytes(base64.b64decode(row["sig"]))
    words = ["ssh-keygen", "-Y", "verify", "-f", str(keys / "signers"), "-I", "ada@example"]
    done = subprocess.run(
        [*words, "-n", "envlock", "-s", str(tmp_path / "sig")],
        input=oracle.pae(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert row["keyid"] in done.stdout.decode()


def test_a_conda_prefix_has_its_packages_in_the_bill_and_holds(tmp_path: Path) -> None:
    lock = with_conda(locked(), conda_package("cudart"), conda_package("zlib"))
    hashes = runtimes(lock, "linux-64")
    library = CarriedLibrary(path="lib/libcudart.so.12", sha256="5" * 64, cuda="cudart")
    found = evidence(
        lock=lock,
        lock_data=dumps(lock).encode(),
        runtime=hashes,
        reports=(seen_report(hashes["conda"]),),
        receipts=(),
        installed={"conda:cudart": Installed(licences=("BSD-3-Clause",), libraries=(library,))},
    )
    assert found.main_hash == hashes["conda"] != hashes["wheels"]
    write_folder(tmp_path / "evidence", render_folder(found))
    assert codes(checked(tmp_path / "evidence")) == ["unsigned"]
    bill = json.loads((tmp_path / "evidence" / "sbom.cdx.json").read_text())
    cudart = next(row for row in bill["components"] if row["name"] == "cudart")
    assert (cudart["bom-ref"], cudart["licenses"]) == (
        "conda:cudart",
        [{"license": {"id": "BSD-3-Clause"}}],
    )
    assert cudart["purl"] == "pkg:conda/cudart@1.0?build=h0_0&channel=conda-forge&subdir=linux-64"


# --- checking


def test_a_signed_folder_holds(signed: Path, keys: Path) -> None:
    found = checked(signed, keys)
    assert (found.verdict, found.findings) == ("match", ())
    [folder] = found.folders
    assert folder.signer is not None
    assert (folder.signer.principal, folder.runtime, folder.files) == ("ada@example", RUNTIME, 11)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar", "tgz", "around"])
def test_an_archive_of_it_holds(signed: Path, keys: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"evidence.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("reports/", b"")
            for name, data in content(signed).items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as tar:
            tar.add(signed, arcname="evidence-1.0" if kind == "around" else ".")
    assert checked(path, keys).verdict == "match"


def test_a_signature_without_a_name_is_not_enough(signed: Path, keys: Path, tmp_path: Path) -> None:
    nameless = checked(signed)
    assert (nameless.verdict.exit_status, codes(nameless)) == (8, ["signer-not-named"])
    allow(tmp_path / "signers", bob=keys / "bob")
    other = check_evidence([signed], allowed=tmp_path / "signers")
    assert (other.verdict.exit_status, codes(other)) == (8, ["signer-unknown"])
    allow(tmp_path / "of-git", ada=keys / "ada")
    narrowed = (tmp_path / "of-git").read_text().replace('"envlock"', '"git"')
    (tmp_path / "of-git").write_text(narrowed)
    assert codes(check_evidence([signed], allowed=tmp_path / "of-git")) == ["signer-unknown"]


def tampered(signed: Path, folder: Path) -> Path:
    return Path(shutil.copytree(signed, folder / "copy"))


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_one_changed_byte_of_any_file_is_found(signed: Path, keys: Path, tmp_path: Path, name: str) -> None:
    copy = tampered(signed, tmp_path)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    found = checked(copy, keys)
    assert found.verdict.exit_status == 1
    assert name in {each.component for each in found.findings if each.code == "file-differs"}


def test_one_changed_byte_of_what_is_signed_breaks_the_signature(
    signed: Path, keys: Path, tmp_path: Path
) -> None:
    copy = tampered(signed, tmp_path)
    told = json.loads((copy / "statement.dsse.json").read_text())
    payload = base64.b64decode(told["payload"])
    changed = payload.replace(b'"level": "numerics"', b'"level": "numericz"')
    assert changed != payload
    told["payload"] = base64.b64encode(changed).decode()
    (copy / "statement.dsse.json").write_text(json.dumps(told))
    found = checked(copy, keys)
    assert found.verdict.exit_status == 1
    assert "signature-broken" in codes(found)
    assert found.folders[0].signer is None


@pytest.mark.parametrize("at", [40, 120, 200])
def test_one_changed_byte_of_the_signature_breaks_it(
    signed: Path, keys: Path, tmp_path: Path, at: int
) -> None:
    copy = tampered(signed, tmp_path)
    told = json.loads((copy / "statement.dsse.json").read_text())
    signature = bytearray(base64.b64decode(told["signatures"][0]["sig"]))
    signature[at] = ord("A") if signature[at] != ord("A") else ord("B")
    told["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    (copy / "statement.dsse.json").write_text(json.dumps(told))
    assert "signature-broken" in codes(checked(copy, keys))


def test_a_signature_for_another_purpose_does_not_count(signed: Path, keys: Path, tmp_path: Path) -> None:
    copy = tampered(signed, tmp_path)
    told = json.loads((copy / "statement.dsse.json").read_text())
    (tmp_path / "pae").write_bytes(pre_authentication(base64.b64decode(told["payload"])))
    other = sign_file(tmp_path / "pae", keys / "ada", namespace="git")
    told["signatures"][0]["sig"] = base64.b64encode(other.read_bytes()).decode()
    (copy / "statement.dsse.json").write_text(json.dumps(told))
    assert codes(checked(copy, keys)) == ["signature-broken"]


def test_files_that_came_and_went(signed: Path, keys: Path, tmp_path: Path) -> None:
    copy = tampered(signed, tmp_path)
    (copy / "extra.txt").write_text("x")
    (copy / "appendix.md").unlink()
    found = checked(copy, keys)
    assert [(each.code, each.message) for each in found.findings] == [
        ("file-missing", "`appendix.md` is in the statement, and not in the folder"),
        ("file-extra", "`extra.txt` is in the folder, and not in the statement"),
        ("crate-differs", "`appendix.md` is in the crate alone"),
        ("crate-differs", "`extra.txt` is in the folder alone"),
    ]


def resigned(folder: Path, key: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """A liar with a good key: files change, and crate, statement and signature are made to fit."""
    from envlock.audit.evidence import statement
    from envlock.audit.evidence.signing import SshKey

    files = content(folder)
    told = json.loads(base64.b64decode(json.loads(files.pop("statement.dsse.json"))["payload"]))
    change(files)
    crate = json.loads(files["ro-crate-metadata.json"])
    for row in crate["@graph"]:
        if "sha256" in row:
            row["sha256"] = statement._sha256(files[row["@id"]])
            row["contentSize"] = str(len(files[row["@id"]]))
    files["ro-crate-metadata.json"] = json.dumps(crate).encode()
    for row in told["subject"]:
        if "sha256" in row["digest"]:
            row["digest"]["sha256"] = statement._sha256(files[row["name"]])
    payload = json.dumps(told).encode()
    ssh = SshKey(key)
    signature = ssh.sign(statement.pre_authentication(payload))
    files["statement.dsse.json"] = statement.envelope(payload, signature, ssh.fingerprint or "")
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _other_lock(files: dict[str, bytes]) -> None:
    files["envlock.lock"] = dumps(replace(locked(), settings={"A": "2"}, numerics=())).encode()


def _other_bill(files: dict[str, bytes]) -> None:
    files["sbom.cdx.json"] = files["sbom.cdx.json"].replace(b"1.17.0", b"1.16.0")


def _other_report(files: dict[str, bytes]) -> None:
    files["reports/1-node1.json"] = as_bytes(report_document("rt1:" + "9" * 64))


def _other_receipt(files: dict[str, bytes]) -> None:
    files["receipts/1-run.json"] = as_bytes(receipt_document("rt1:" + "9" * 64))


def _kinder_page(files: dict[str, bytes]) -> None:
    assert b"by 3 units" in files["appendix.md"]
    files["appendix.md"] = files["appendix.md"].replace(b"by 3 units", b"by 0 units")


def _kinder_answer(files: dict[str, bytes]) -> None:
    files["artifact-appendix.md"] += b"All of it is archived.\n"


def _other_outputs(files: dict[str, bytes]) -> None:
    files["receipts/1-run.json"] = as_bytes(receipt_document(RUNTIME, "9" * 64))


def _other_page(files: dict[str, bytes]) -> None:
    files["evidence.html"] = files["evidence.html"].replace(RUNTIME.encode(), b"rt1:" + b"9" * 64)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_other_lock, "runtime-differs"),
        (_other_bill, "sbom-differs"),
        (_other_report, "document-differs"),
        (_other_receipt, "document-differs"),
        (_other_page, "page-differs"),
        (_kinder_page, "page-differs"),
        (_kinder_answer, "page-differs"),
        (_other_outputs, "document-differs"),
    ],
)
def test_files_that_do_not_agree_are_found_whoever_signed(
    signed: Path, keys: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    copy = tampered(signed, tmp_path)
    resigned(copy, keys / "ada", change)
    found = checked(copy, keys)
    assert found.verdict.exit_status == 1
    assert code in codes(found)
    assert not {"signature-broken", "file-differs", "crate-differs"} & set(codes(found))


def test_a_liar_who_changes_nothing_is_believed(signed: Path, keys: Path, tmp_path: Path) -> None:
    """The helper of the test above makes folders that hold: what it finds is the change."""
    copy = tampered(signed, tmp_path)
    resigned(copy, keys / "ada", lambda files: None)
    assert checked(copy, keys).verdict == "match"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is no DSSE envelope"),
        ('{"payloadType": "x", "payload": "", "signatures": []}', "its payload is `x`, not"),
        ("null", "it is no DSSE envelope"),
        (json.dumps({"payloadType": PAYLOAD_TYPE, "payload": "", "signatures": []}), "it has no signature"),
    ],
)
def test_a_statement_that_is_none(signed: Path, tmp_path: Path, text: str, message: str) -> None:
    copy = tampered(signed, tmp_path)
    (copy / "statement.dsse.json").write_text(text)
    with pytest.raises(EvidenceInvalid, match="the statement is none of envlock's: ") as raised:
        checked(copy)
    assert message in raised.value.message or text == "{"
    assert raised.value.exit_status == 3


def test_what_is_no_evidence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvidenceInvalid, match="there is no statement here"):
        checked(tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    with pytest.raises(EvidenceInvalid, match=r"this is no folder, no \.zip and no \.tar"):
        checked(tmp_path / "file")
    with pytest.raises(EvidenceInvalid, match="there is no evidence here"):
        checked(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("unsigned")).folder


Told = dict[str, Any]


def _without(name: str) -> Callable[[Path, Told], None]:
    def change(folder: Path, told: Told) -> None:
        told["subject"] = [row for row in told["subject"] if row["name"] != name]
        (folder / name).unlink()

    return change


def _of_predicate(**changed: str) -> Callable[[Path, Told], None]:
    return lambda _folder, told: told["predicate"].update(changed)


def _twice(_folder: Path, told: Told) -> None:
    told["subject"].append(told["subject"][0])


def _other_runtime(folder: Path, _told: Told) -> None:
    bill = folder / "sbom.cdx.json"
    bill.write_text(bill.read_text().replace(RUNTIME, "rt1:" + "9" * 64))


def _fitted(folder: Path, told: Told) -> None:
    """Crate and statement describe the files that are there."""
    path = folder / "ro-crate-metadata.json"
    if path.exists():
        crate = json.loads(path.read_text())
        rows = [row for row in crate["@graph"] if row["@type"] != "File" or (folder / row["@id"]).exists()]
        for row in rows:
            if "sha256" in row:
                data = (folder / row["@id"]).read_bytes()
                row.update(sha256=hashlib.sha256(data).hexdigest(), contentSize=str(len(data)))
        path.write_text(json.dumps({**crate, "@graph": rows}))
    for row in told["subject"]:
        if "sha256" in row["digest"]:
            row["digest"]["sha256"] = hashlib.sha256((folder / row["name"]).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_twice, ["file-differs: `appendix.md` is twice in the statement"]),
        *(
            (_without(name), [f"file-missing: `{name}` is neither in the statement nor in the folder"])
            for name in ("envlock.lock", "ro-crate-metadata.json", "sbom.cdx.json")
        ),
        (
            _of_predicate(platform="osx-arm64"),
            [
                "runtime-differs: `envlock.lock` has no platform `osx-arm64`",
                *(
                    f"sbom-differs: {row.name} {row.version} (distribution:{row.name}) is not the same in "
                    "the lock and in the bill of materials"
                    for row in (widgets(), six())
                ),
            ],
        ),
        (_other_runtime, ["sbom-differs: `sbom.cdx.json` is of another runtime hash"]),
        (
            _of_predicate(verdict="mismatch"),
            ["document-differs: the statement says `mismatch`, and its reports say `match`"],
        ),
        (_of_predicate(envlock="0.0.9", title="another"), []),
        (
            _of_predicate(title="another"),
            [
                f"page-differs: `{name}` does not say what the lock, the reports and the receipts say"
                for name in ("appendix.md", "appendix.tex", "evidence.html")
            ],
        ),
    ],
)
def test_statements_that_do_not_agree(
    unsigned: Path, tmp_path: Path, change: Callable[[Path, Told], None], expected: list[str]
) -> None:
    copy = tampered(unsigned, tmp_path)
    told = json.loads((copy / "statement.json").read_text())
    change(copy, told)
    _fitted(copy, told)
    (copy / "statement.json").write_text(json.dumps(told))
    found = [f"{each.code}: {each.message}" for each in checked(copy).findings]
    assert found == ["unsigned: nobody signed the statement of this folder", *expected]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told.update(_type="x"), "its type is not `https://in-toto.io/Statement/v1`"),
        (lambda told: told["predicate"].update(schema="x"), "its predicate is not `envlock.evidence/1`"),
        (lambda told: told.pop("subject"), "`subject` is missing"),
    ],
)
def test_a_statement_of_something_else(
    unsigned: Path, tmp_path: Path, change: Callable[[Told], None], message: str
) -> None:
    copy = tampered(unsigned, tmp_path)
    told = json.loads((copy / "statement.json").read_text())
    change(told)
    (copy / "statement.json").write_text(json.dumps(told))
    with pytest.raises(EvidenceInvalid) as raised:
        checked(copy)
    assert raised.value.message == f"the statement is none of envlock's: {message}"


def test_a_document_that_is_larger_than_any(tmp_path: Path) -> None:
    made = order(tmp_path)
    with (tmp_path / "node1.json").open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(InvalidInput) as raised:
        write_evidence(made)
    assert (raised.value.message, raised.value.where) == (
        "the document is larger than any of its kind",
        str(tmp_path / "node1.json"),
    )


def test_a_document_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        written(tmp_path, reports=(tmp_path / "nowhere.json",))
    assert (raised.value.message, raised.value.where) == (
        "the document cannot be read: no such file or directory",
        str(tmp_path / "nowhere.json"),
    )


def spoilt_tar(path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("statement.json")
        info.pax_headers = {"GNU.sparse.map": "a,b"}
        archive.addfile(info)


def spoilt_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("\xe9.json", "{}")
    path.write_bytes(path.read_bytes().replace("\xe9".encode(), b"\xff\xfe"))


def cut_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("statement.json", "{}" * 999)
    path.write_bytes(path.read_bytes().replace(b"{}", b"[]").replace(b"PK\x03\x04", b"PK\x03\x05"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoilt_tar, "invalid literal for int() with base 10: 'a'"),
        (spoilt_zip, "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (cut_zip, "bad magic number for file header"),
    ],
)
def test_an_archive_of_evidence_that_is_spoilt(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "evidence"
    spoil(path)
    with pytest.raises(EvidenceInvalid) as raised:
        checked(path)
    assert raised.value.message == f"the evidence cannot be read: {reason}"
    assert (raised.value.where, raised.value.hint) == (
        str(path),
        "`envlock audit --lock -o DIR` writes such a folder",
    )


def test_evidence_that_the_system_will_not_read() -> None:
    with pytest.raises(EvidenceInvalid, match=r"^the evidence cannot be read: input/output error$"):
        checked(Path("/proc/self/mem"))


def test_evidence_larger_than_any(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(10_001):
        (tmp_path / "many" / str(number)).touch()
    (tmp_path / "huge").mkdir()
    with (tmp_path / "huge" / "statement.json").open("wb") as file:
        file.truncate((1 << 30) + 1)
    for name in ("many", "huge"):
        with pytest.raises(EvidenceInvalid, match="this is larger than any evidence"):
            checked(tmp_path / name)


def test_a_folder_that_is_no_place_for_evidence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(DiskFailed) as raised:
        write_folder(tmp_path / "file", {"a.json": b""})
    assert raised.value.message == "the evidence cannot be written: file exists"
    with pytest.raises(DiskFailed) as raised:
        write_folder(tmp_path / "other", {"a.json": b""})
    message = f"`{tmp_path / 'other'}` has files that are no evidence, and they would be mixed up"
    assert (raised.value.message, raised.value.where, raised.value.hint) == (
        message,
        str(tmp_path / "other" / "thesis.tex"),
        "name an empty or a new folder: `-o DIR`",
    )


def test_there_is_no_file_of_allowed_signers(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(CouldNotTell) as raised:
        checked(signed, tmp_path / "nowhere")
    assert (raised.value.message, raised.value.where) == (
        "there is no file of allowed signers",
        str(tmp_path / "nowhere" / "signers"),
    )


def test_links_and_names_that_lead_out_are_refused(signed: Path, tmp_path: Path) -> None:
    copy = tampered(signed, tmp_path)
    (copy / "link").symlink_to("/etc/passwd")
    with pytest.raises(EvidenceInvalid) as raised:
        checked(copy)
    assert [each.where for each in raised.value.faults] == ["link"]
    path = tmp_path / "out.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../out", b"")
    with pytest.raises(EvidenceInvalid) as raised:
        checked(path)
    assert [each.where for each in raised.value.faults] == ["../out"]


# --- who says so


def witnessed(folder: Path, keys: Path, **outputs: str) -> EvidenceResult:
    """A receipt of each name, signed by that name's key; the folder itself is signed by ada."""
    made = order(folder, key=keys / "ada")
    paths = []
    for name, output in outputs.items():
        path = folder / f"{name}.json"
        path.write_bytes(as_bytes(receipt_document(RUNTIME, output)))
        sign_file(path, keys / name.rstrip("2"))
        paths.append(path)
    return write_evidence(replace(made, receipts=tuple(paths)))


def test_three_hosts_say_the_same(tmp_path: Path, keys: Path) -> None:
    folder = witnessed(tmp_path, keys, ada="7" * 64, bob="7" * 64, cyd="7" * 64).folder
    found = checked(folder, keys, needed=3)
    assert (found.verdict, found.findings) == ("match", ())
    assert found.quorum is not None
    assert found.quorum.counted == 3


def test_two_documents_of_one_key_count_once(tmp_path: Path, keys: Path) -> None:
    folder = witnessed(tmp_path, keys, ada="7" * 64, bob="7" * 64, bob2="7" * 64).folder
    found = checked(folder, keys, needed=3)
    assert found.verdict.exit_status == 8
    assert [each.message for each in found.findings] == ["2 of 3 independent signers say the same"]


@pytest.mark.slow
def test_two_keys_of_one_name_count_once(tmp_path: Path, keys: Path) -> None:
    folder = witnessed(tmp_path, keys, ada="7" * 64, bob="7" * 64, cyd="7" * 64).folder
    rows = (keys / "signers").read_text().replace("cyd@example", "bob@example")
    (tmp_path / "signers").write_text(rows)
    found = check_evidence([folder], allowed=tmp_path / "signers", needed=3)
    assert [each.message for each in found.findings] == ["2 of 3 independent signers say the same"]


def test_the_odd_one_is_named(tmp_path: Path, keys: Path) -> None:
    folder = witnessed(tmp_path, keys, ada="7" * 64, bob="7" * 64, cyd="8" * 64).folder
    found = checked(folder, keys, needed=2)
    assert found.verdict.exit_status == 1
    assert [(each.message, each.expected, each.observed) for each in found.findings] == [
        (
            "`receipts/3-cyd.json` (cyd@example) has another output model.npz than most",
            "7" * 64,
            "8" * 64,
        )
    ]
    assert found.quorum is not None
    assert found.quorum.counted == 2


@pytest.mark.slow
def test_a_signer_that_nobody_named_does_not_count(tmp_path: Path, keys: Path) -> None:
    folder = witnessed(tmp_path, keys, ada="7" * 64, bob="7" * 64, cyd="7" * 64).folder
    allow(tmp_path / "signers", ada=keys / "ada", bob=keys / "bob")
    found = check_evidence([folder], allowed=tmp_path / "signers", needed=3)
    assert [each.message for each in found.findings] == ["2 of 3 independent signers say the same"]


def test_a_signature_of_other_bytes_is_told(tmp_path: Path, keys: Path) -> None:
    made = order(tmp_path, key=keys / "ada")
    (tmp_path / "other").write_text("other")
    sign_file(tmp_path / "other", keys / "bob").rename(tmp_path / "run.json.sig")
    found = checked(write_evidence(made).folder, keys, needed=1)
    assert [each.message for each in found.findings] == [
        "the signature beside `receipts/1-run.json` does not hold"
    ]


@pytest.mark.slow
def test_three_folders_are_three_witnesses(tmp_path: Path, keys: Path) -> None:
    folders = [written(tmp_path / name, key=keys / name).folder for name in ("ada", "bob", "cyd")]
    assert check_evidence(folders, allowed=keys / "signers", needed=3).verdict == "match"
    found = check_evidence([*folders[:2], folders[0]], allowed=keys / "signers", needed=3)
    assert [each.message for each in found.findings] == ["2 of 3 independent signers say the same"]
