"""Evidence as a value, and SSH keys, for the tests of `envlock audit --lock`."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from envlock.audit.evidence.documents import parse_receipt, parse_report
from envlock.audit.evidence.gather import runtimes
from envlock.audit.evidence.model import CarriedLibrary, Evidence, Installed, SeenReceipt, SeenReport
from envlock.lock import Lock, Stack, dumps
from envlock.report import Finding, Report, Verdict
from envlock.report.model import Numerics, ProbeDifference
from tests.unit.lock.values import lock, reference, six, widgets

MADE = "2026-01-02T03:04:05Z"


def locked(**changed: Any) -> Lock:
    """Two distributions, a stack with CUDA, and numeric references of two classes."""
    stack = Stack(torch="2.6.0", cuda="12.4", variant="cu124", gpu_archs=("sm_90",), driver="525.60.13")
    plain = replace(lock(widgets(), six()), stack={"linux-64": stack}, settings={"A": "1"}, project="demo")
    runtime = runtimes(plain, "linux-64")["wheels"]
    other = replace(
        reference(class_name="nc1:fedcba9876543210", runtime=runtime).probes[0],
        sha256="3" * 64,
        sample="AQCAPwAAAEA=",
    )
    classes = (
        reference(runtime=runtime),
        reference(class_name="nc1:fedcba9876543210", runtime=runtime, probes=(other,)),
    )
    return replace(plain, numerics=classes, **changed)


def report_document(runtime: str, **changed: Any) -> dict[str, Any]:
    """`verify --json` of a host that matches, at level numerics with one probe that is not equal."""
    row = ProbeDifference(
        name="matmul-f32",
        changed_percent=50.0,
        median_ulp=3.0,
        max_relative=1e-7,
        repeats=True,
        cause="OMP_NUM_THREADS=2",
        because=None,
        words="",
    )
    numerics = Numerics(
        class_name="nc1:fedcba9876543210",
        reference="nc1:0123456789abcdef",
        host={"threads": "8"},
        reference_host={"threads": "4"},
        equal=1,
        differences=(row,),
    )
    report = Report(
        verdict=Verdict.MATCH,
        expected=runtime,
        observed=runtime,
        level="numerics",
        target="/somewhere/.venv",
        findings=(),
        counts={"files": 10, "bytes": 73806},
        timing={"total_seconds": 0.5},
        numerics=numerics,
    )
    return replace(report, **changed).to_json()


def receipt_document(runtime: str, output: str = "7" * 64) -> dict[str, Any]:
    seen = {"verdict": "match", "level": "content", "hash": runtime, "findings": []}
    return {
        "schema": "envlock.receipt/1",
        "runtime": {"platform": "linux-64", "hash": runtime, "held": True},
        "settings": {"A": "1"},
        "variables": {},
        "numerics": {"name": "nc1:0123456789abcdef", "host": {"threads": "4"}},
        "code": {"commit": "c" * 40, "folder": ".", "changes": None, "changed_files": []},
        "command": ["python", "train.py", "--epochs", "5"],
        "exit_status": 0,
        "outputs": {"model.npz": {"sha256": output, "size": 12, "files": 1, "written": True}},
        "about": {
            "envlock": "0.1.0",
            "started": MADE,
            "seconds": 12.5,
            "start": seen,
            "end": seen,
            "libraries": {"environment": [], "system": [], "looks": 1},
        },
    }


def as_bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


def seen_report(runtime: str, name: str = "reports/1-a.json", **changed: Any) -> SeenReport:
    return parse_report(name, as_bytes(report_document(runtime, **changed)))


def seen_receipt(runtime: str, name: str = "receipts/1-r.json") -> SeenReceipt:
    return parse_receipt(name, as_bytes(receipt_document(runtime)))


def evidence(**changed: Any) -> Evidence:
    """Evidence with something of everything."""
    held = locked()
    runtime = runtimes(held, "linux-64")
    library = CarriedLibrary(path="six.libs/libcudart-0.so.12", sha256="5" * 64, cuda="cudart")
    found = Evidence(
        title="demo",
        platform="linux-64",
        lock=held,
        lock_data=dumps(held).encode(),
        runtime=runtime,
        reports=(seen_report(runtime["wheels"]),),
        receipts=(seen_receipt(runtime["wheels"]),),
        host={"platform": "linux-64", "kernel": "6.1.0", "nvidia_driver": "550.54.15"},
        installed={"six": Installed(licences=("MIT",), libraries=(library,))},
        made=MADE,
    )
    return replace(found, **changed)


def finding(message: str) -> Finding:
    from envlock.report import Severity

    return Finding(code="file-differs", severity=Severity.DIFFERS, component="python", message=message)


def make_key(folder: Path, name: str) -> Path:
    """An Ed25519 key without a passphrase."""
    path = folder / name
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path


def allow(path: Path, **names: Path) -> Path:
    """An allowed-signers file: name=KEY, each as `name@example`."""
    rows = [
        f'{name}@example namespaces="envlock" {key.with_suffix(".pub").read_text()}'
        for name, key in names.items()
    ]
    path.write_text("".join(rows))
    return path


def sign_file(path: Path, key: Path, namespace: str = "envlock") -> Path:
    """As a host does it: PATH.sig beside PATH."""
    words = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(key), str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path.with_name(path.name + ".sig")
