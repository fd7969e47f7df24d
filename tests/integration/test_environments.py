"""Jobs and environments that are not plain: user sites, shared script names, partial passes."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from envlock.report import Severity, Verdict
from tests.support.environments import SERIES, Subject, make_subject
from tests.support.wheels import Wheel, make_wheel

pytestmark = pytest.mark.slow  # each makes an environment of its own


def shared_script(name: str) -> Wheel:
    files = {f"{name}/__init__.py": b"def main(): pass\n"}
    return make_wheel(name, "1.0", files=files, entry_points=f"[console_scripts]\ntool = {name}:main\n")


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return make_subject(tmp_path, [shared_script("one"), shared_script("two")])


def test_two_locked_distributions_may_claim_one_script(subject: Subject) -> None:
    report = subject.verify()
    assert report.verdict is Verdict.MATCH
    script = subject.bin / "tool"
    script.write_bytes(script.read_bytes().replace(b"import main", b"import main as main"))
    codes = [f.code for f in subject.verify().findings if f.severity is not Severity.NOTE]
    assert codes == ["script-differs", "script-differs"]


def test_a_pass_that_reads_only_what_changed_says_so(subject: Subject, tmp_path: Path) -> None:
    subject.cache = tmp_path / "cache"
    assert subject.verify(level="warm").level == "content"
    for path in subject.site.rglob("*.py"):
        os.utime(path, (1, 1))
    assert subject.verify(level="warm").level == "warm"
    assert subject.verify(level="content").level == "content"


def test_the_user_site_of_the_job_counts(subject: Subject, tmp_path: Path) -> None:
    """With the system's site-packages let in, the user's come too: those of the job's own environment."""
    config = subject.prefix / "pyvenv.cfg"
    config.write_text(config.read_text().replace("site-packages = false", "site-packages = true"))
    for variable, base in (("PYTHONUSERBASE", tmp_path / "base"), ("HOME", tmp_path / "home")):
        site = (
            base if variable == "PYTHONUSERBASE" else base / ".local"
        ) / f"lib/python{SERIES}/site-packages"
        site.mkdir(parents=True)
        (site / "evil.pth").write_text("import os\n")
        subject.environment = {variable: str(base)}
        assert str(site / "evil.pth") in {finding.path for finding in subject.verify().findings}
        subject.environment = {variable: str(base), "PYTHONNOUSERSITE": "1"}
        assert str(site / "evil.pth") not in {finding.path for finding in subject.verify().findings}


def test_bytecode_that_cannot_be_read_is_not_called_a_match(subject: Subject) -> None:
    pyc = Path(importlib.util.cache_from_source(str(subject.site / "one/__init__.py")))
    pyc.mkdir(parents=True)
    report = subject.verify()
    assert report.verdict is Verdict.MATCH  # a folder of that name is nothing that Python would load
    pyc.rmdir()
    pyc.symlink_to("/proc/self/mem")
    assert subject.verify().verdict is not Verdict.MATCH


def test_an_entry_point_on_pythonpath_that_a_locked_package_loads(tmp_path: Path) -> None:
    torch = make_wheel("torch", "1.0", files={"torch/__init__.py": b""})
    subject = make_subject(tmp_path, [torch])
    info = tmp_path / "path" / "backend-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[torch.backends]\nevil = evil:start\n")
    subject.environment["PYTHONPATH"] = str(tmp_path / "path")
    found = [f for f in subject.verify().findings if f.severity is not Severity.NOTE]
    assert [finding.message for finding in found] == [
        f"`{tmp_path}/path` is on sys.path by PYTHONPATH and has an entry point in `torch.backends`, "
        "which the locked torch loads by itself"
    ]


def test_a_shebang_with_dots_is_followed_as_the_kernel_does(tmp_path: Path) -> None:
    """uv writes such a line when it is given a relative `--python`; through a link it leads elsewhere."""
    subject = make_subject(tmp_path, [shared_script("one")])
    (tmp_path / "here").mkdir()
    script = subject.bin / "tool"
    content = script.read_bytes()
    plain, dotted = str(subject.python).encode(), f"{tmp_path}/here/../env/bin/python".encode()
    script.write_bytes(content.replace(plain, dotted))
    assert subject.verify().verdict is Verdict.MATCH
    (tmp_path / "far").mkdir()
    (tmp_path / "here").rmdir()
    (tmp_path / "here").symlink_to(tmp_path / "far" / "deeper")
    (tmp_path / "far" / "deeper").mkdir()
    assert subject.verify().verdict is Verdict.MISMATCH


def test_a_file_that_comes_back_is_seen_by_a_partial_pass(tmp_path: Path) -> None:
    """It lies outside the site directories, where no folder's row tells that it is there again."""
    files = {"demo/__init__.py": b"", "{data}/data/share/demo/table.txt": b"1 2 3\n"}
    subject = make_subject(tmp_path, [make_wheel("demo", "1.0", files=files)])
    subject.cache = tmp_path / "cache"
    table = subject.prefix / "share/demo/table.txt"
    table.unlink()
    assert subject.verify(level="warm").verdict is Verdict.MISMATCH
    table.write_bytes(b"1 2 3\n")
    assert subject.verify(level="warm").verdict is Verdict.MATCH
