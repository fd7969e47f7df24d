"""Evidence of a real environment, with real numbers, held against the validators of others."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from envlock.api import (
    EvidenceOrder,
    EvidenceResult,
    NumericsRequest,
    RunOrder,
    VerifyRequest,
    check_evidence,
    record_numerics,
    run,
    write_evidence,
)
from envlock.audit.evidence.sbom import faults_of_schema
from envlock.lock import write_lock
from tests.support.environments import Subject, flip_byte, make_subject
from tests.support.evidence import allow, make_key
from tests.support.real_wheels import download
from tests.support.ro_crate import validate
from tests.support.tools import need

pytestmark = pytest.mark.slow
CUDA = "nvidia-cuda-runtime-cu12==12.4.127"
EPOCH = 1_767_323_045


@dataclass(frozen=True, kw_only=True, slots=True)
class Real:
    """NumPy and a library of CUDA, their lock with a numeric reference, a receipt of a run, and a key."""

    subject: Subject
    order: EvidenceOrder
    signers: Path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    need("ssh-keygen")
    folder = tmp_path_factory.mktemp("real")
    subject = make_subject(
        folder, download(folder, "numpy", CUDA), project="sums", settings={"OMP_NUM_THREADS": "1"}
    )
    write_lock(folder / "envlock.lock", subject.lock)
    target = VerifyRequest(lock=folder / "envlock.lock", prefix=subject.prefix, environment=dict(os.environ))
    assert record_numerics(NumericsRequest(target=target)).reference is not None
    words = ("python", "-c", "import numpy; numpy.save('sum.npy', numpy.arange(9).sum())")
    receipt = folder / "run.json"
    ran = run(RunOrder(target=target, words=words, receipt=receipt, folder=folder, outputs=("sum.npy",)))
    assert ran.receipt is not None
    key = make_key(folder, "ada")
    order = EvidenceOrder(
        lock=folder / "envlock.lock",
        folder=folder / "evidence",
        target=replace(target, level="numerics"),
        receipts=(receipt,),
        key=key,
        epoch=EPOCH,
    )
    return Real(subject=subject, order=order, signers=allow(folder / "signers", ada=key))


@pytest.fixture(scope="module")
def written(real: Real) -> EvidenceResult:
    return write_evidence(real.order)


def test_it_holds(real: Real, written: EvidenceResult) -> None:
    assert written.evidence.verdict == "match"
    found = check_evidence([written.folder], allowed=real.signers, needed=1)
    assert (found.verdict, found.findings) == ("match", ())


def test_its_bill_and_its_crate_are_valid(written: EvidenceResult, tmp_path: Path) -> None:
    assert faults_of_schema((written.folder / "sbom.cdx.json").read_bytes()) is None
    broken = Path(shutil.copytree(written.folder, tmp_path / "broken"))
    crate = json.loads((broken / "ro-crate-metadata.json").read_text())
    crate["@graph"] = [row for row in crate["@graph"] if row["@id"] != "ro-crate-metadata.json"]
    (broken / "ro-crate-metadata.json").write_text(json.dumps(crate))
    good, bad = validate(tmp_path / "tools", written.folder, broken)
    assert good == "valid"
    assert bad.startswith("invalid: ")


def test_licences_and_libraries_are_those_of_the_environment(real: Real, written: EvidenceResult) -> None:
    bill = json.loads((written.folder / "sbom.cdx.json").read_text())
    numpy = next(row for row in bill["components"] if row["name"] == "numpy")
    assert numpy["licenses"]
    assert any("openblas" in row["name"] for row in numpy["components"])
    cuda = next(row for row in bill["components"] if row["name"] == "nvidia-cuda-runtime-cu12")
    assert cuda["licenses"] == [{"license": {"name": "Other/Proprietary License"}}]
    [library] = [row for row in cuda["components"] if row["name"] == "libcudart.so.12"]
    assert {"name": "envlock:cuda", "value": "cudart"} in library["properties"]
    installed = real.subject.site / "nvidia" / "cuda_runtime" / "lib" / "libcudart.so.12"
    assert library["hashes"][0]["content"] == hashlib.sha256(installed.read_bytes()).hexdigest()


def test_numbers_and_the_host_are_told(written: EvidenceResult) -> None:
    page = (written.folder / "evidence.html").read_text()
    [reference] = written.evidence.lock.numerics
    count = len(reference.probes)
    assert f"{count} of {count} probes equal to the reference of class" in page
    assert platform.release() in page


def test_nothing_says_where_it_was_made(real: Real, written: EvidenceResult) -> None:
    name = platform.node()
    for path in written.folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert str(real.subject.prefix) not in text, path
            assert re.findall(rf'[">]{re.escape(name)}["<]', text) == [], path


def test_the_same_environment_gives_the_same_bytes(
    real: Real, written: EvidenceResult, tmp_path: Path
) -> None:
    again = write_evidence(replace(real.order, folder=tmp_path / "again"))
    for name in written.files:
        assert (again.folder / name).read_bytes() == (written.folder / name).read_bytes(), name


def test_an_environment_that_was_tampered_with_is_told(real: Real, tmp_path: Path) -> None:
    """Last: the environment is of no use after it."""
    flip_byte(real.subject.site / "numpy" / "version.py")
    target = replace(real.order.target, level="content") if real.order.target else None
    result = write_evidence(replace(real.order, target=target, folder=tmp_path / "evidence"))
    assert result.evidence.verdict == "mismatch"
    page = (result.folder / "evidence.html").read_text()
    assert "mismatch: the environment is not what the lock says" in page
    assert "numpy/version.py" in page
    found = check_evidence([result.folder], allowed=real.signers)
    assert [each.code for each in found.findings] == ["report-mismatch"]
