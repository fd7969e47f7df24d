"""A Debian system Python, made by debootstrap, observed by the agent's one file inside of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from envlock.lock import dumps
from envlock.observe import parse_facts
from envlock.observe.zipapp import write_agent
from envlock.report import Report, Severity, Verdict
from envlock.verify import Judgement, judge
from tests.integration.test_honest import alarms, awkward_wheels
from tests.support.debian import PYTHON, debian_system
from tests.support.environments import PLATFORM, lock_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minimal Debian 12 with Python, pip and NumPy from Debian, and our wheels installed by that pip."""
    root = debian_system(tmp_path_factory.mktemp("debian") / "root")
    store = root / "wheels"
    files = [f"/wheels/{wheel.write(store).name}" for wheel in awkward_wheels()]
    _inside(
        root,
        "python3",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--break-system-packages",
        *files,
    )
    write_agent(root / "agent.pyz")
    return root


def _inside(root: Path, *command: str) -> str:
    done = subprocess.run(["chroot", root, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _verify(root: Path) -> Report:
    lock = lock_of(awkward_wheels(), root / "wheels", python=PYTHON)
    (root / "envlock.lock").write_text(dumps(lock))
    output = _inside(
        root, "python3", "-I", "-S", "-B", "/agent.pyz", "--prefix", "/usr", "--expect", "/envlock.lock"
    )
    facts = parse_facts(output.encode())
    assert json.loads(output) == facts
    return judge(lock, facts, Judgement(platform=PLATFORM, entries=lambda digest: None))


def test_an_honest_system_matches(system: Path) -> None:
    report = _verify(system)
    assert alarms(report) == []
    assert report.verdict is Verdict.MATCH
    notes = [finding.component for finding in report.findings if finding.code == "extra-distribution"]
    assert "distribution:numpy" in notes


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("usr/local/lib/python3.11/dist-packages/longer/a.py", "file-differs"),
        ("usr/local/lib/python3.11/dist-packages/evil.pth", "startup-file"),
        ("usr/lib/python3/dist-packages/numpy/version.py", "foreign-module"),
        ("usr/local/bin/click.py", "foreign-module"),
        ("usr/lib/python3.11/usercustomize.py", "startup-file"),
    ],
)
def test_a_tampered_system_is_named(system: Path, path: str, code: str) -> None:
    file = system / path
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"") + b"\nx = 1\n")
    try:
        findings = [f for f in _verify(system).findings if f.severity is not Severity.NOTE]
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
    assert [finding.code for finding in findings] == [code]
    assert findings[0].path == path.removeprefix("usr/")
