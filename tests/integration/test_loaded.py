"""`verify --level loaded` on real processes that load real libraries, compiled here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock.api import RunningRequest, VerifyRequest, verify_loaded, verify_running
from envlock.errors import CouldNotTell
from envlock.lock import write_lock
from envlock.report import Finding, Report, Severity
from tests.support.compiled import compile_extension, compile_library
from tests.support.environments import Subject, make_subject, replace_file
from tests.support.unmeasured import unmeasured
from tests.support.wheels import Wheel, make_wheel

pytestmark = pytest.mark.slow

LATE = "int late(void) { return %d; }"
# As cuDNN does: the part is opened by its name alone, long after the loader has read what is NEEDED.
OPENS_LATE = """
static int answer(void) {
    void *part = dlopen("libcudnn_ops.so.9", RTLD_NOW);
    return part ? ((int (*)(void)) dlsym(part, "late"))() : -1;
}
"""
RUNPATH = ("-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/../late.libs")
RPATH = ("-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../late.libs")


def late_wheel(folder: Path, *flags: str) -> Wheel:
    return make_wheel(
        "late",
        "1.0",
        files={
            "late/__init__.py": b"from late import _load\n\nvalue = _load.value\n",
            "late/_load.so": compile_extension(folder, "_load", OPENS_LATE, *flags),
            "late.libs/libcudnn_ops.so.9": compile_library(folder, "libcudnn_ops.so.9", LATE % 1),
        },
    )


@dataclass(frozen=True, kw_only=True)
class Real:
    """An environment with a lock on disk, and a planted library of the same name as a locked one."""

    subject: Subject
    planted: Path

    def verify(self, **variables: str) -> Report:
        return verify_loaded(self.request(variables))

    def request(self, variables: Mapping[str, str]) -> VerifyRequest:
        prefix = self.subject.prefix
        return VerifyRequest(lock=prefix.parent / "envlock.lock", prefix=prefix, environment=variables)

    @contextmanager
    def job(self, **variables: str) -> Iterator[int]:
        """A process that has imported `late` and waits."""
        code = "import sys, late\nprint(late.value, flush=True)\nsys.stdin.read()"
        with subprocess.Popen(
            [self.subject.python, "-c", code], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process.pid

    def verify_job(self, pid: int) -> Report:
        return verify_running(RunningRequest(lock=self.subject.prefix.parent / "envlock.lock", pid=pid))


def made(folder: Path, *flags: str) -> Real:
    subject = make_subject(folder, [late_wheel(folder / "cc", *flags)], settings={"DEMO_SETTING": "1"})
    write_lock(folder / "envlock.lock", subject.lock)
    planted = folder / "planted/libcudnn_ops.so.9"
    compile_library(planted.parent, planted.name, LATE % 2)
    return Real(subject=subject, planted=planted)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    return made(tmp_path_factory.mktemp("late"), *RUNPATH)


def turned(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity is not Severity.NOTE]


def owners(report: Report) -> set[str]:
    assert report.loaded is not None
    return {each.owner for each in report.loaded.libraries}


LOCKED = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/late.libs/libcudnn_ops.so.9"


def test_a_clean_process_gives_no_finding(real: Real) -> None:
    report = real.verify()
    assert (turned(report), report.level, report.verdict) == ([], "loaded", "match")
    assert report.loaded is not None
    assert report.loaded.imported == ("late",)
    assert owners(report) == {"locked", "interpreter", "system"}
    names = {Path(each.file).name for each in report.loaded.libraries if each.owner == "locked"}
    assert names == {"_load.so", "libcudnn_ops.so.9"}


def test_a_planted_part_that_is_opened_late(real: Real) -> None:
    report = real.verify(LD_LIBRARY_PATH=str(real.planted.parent))
    assert [finding.code for finding in turned(report)] == ["shadowing-library", "loaded-foreign"]
    assert (
        turned(report)[1].message == f"`{real.planted}` is loaded beside or in place of the locked `{LOCKED}`"
    )
    assert report.verdict == "mismatch"


def test_rpath_keeps_a_planted_part_out(tmp_path: Path) -> None:
    """DT_RPATH is searched before LD_LIBRARY_PATH: the plant is told, and that it is loaded is not."""
    real = made(tmp_path, *RPATH)
    report = real.verify(LD_LIBRARY_PATH=str(real.planted.parent))
    assert "loaded-foreign" not in {finding.code for finding in report.findings}
    assert "foreign" not in owners(report)


def test_a_preloaded_second_runtime(real: Real, tmp_path: Path) -> None:
    compile_library(tmp_path, "libcudnn_ops.so.8", LATE % 3)
    second = tmp_path / "libcudnn_ops.so.8"
    report = real.verify(LD_PRELOAD=str(second))
    assert [(each.code, each.path) for each in turned(report)] == [
        ("preloaded-library", str(second)),
        ("loaded-foreign", str(second)),
    ]


def test_a_library_of_nobody(real: Real, tmp_path: Path) -> None:
    compile_library(tmp_path, "libspy.so", LATE % 4)
    found = turned(real.verify(LD_PRELOAD=str(tmp_path / "libspy.so")))
    assert found[1].message == (
        f"`{tmp_path}/libspy.so` is loaded, and is neither locked nor of the system or the interpreter"
    )


def test_a_shadowed_module(real: Real, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text("")
    report = real.verify(PYTHONPATH=str(tmp_path))
    assert {each.code for each in turned(report)} == {"shadowing-path", "loaded-foreign"}
    assert f"the module `late` comes from `{tmp_path}/late.py`, outside of the environment" in {
        each.message for each in turned(report)
    }


def test_what_was_compiled_here_is_a_note(real: Real, tmp_path: Path) -> None:
    cache = tmp_path / "torch_extensions/py311"
    compile_library(cache, "libmine.so", LATE % 5)
    with real.job(LD_PRELOAD=str(cache / "libmine.so"), DEMO_SETTING="1") as pid:
        report = real.verify_job(pid)
    assert {each.code for each in turned(report)} == {"preloaded-library"}
    assert "compiled" in owners(report)
    assert "a library that was compiled on this host is loaded: not locked" in {
        each.message for each in report.findings
    }


def test_a_running_job_is_judged_by_its_own_environment(real: Real) -> None:
    with real.job(LD_LIBRARY_PATH=str(real.planted.parent)) as pid:
        report = real.verify_job(pid)
    assert [each.code for each in turned(report)] == ["setting-unset", "shadowing-library", "loaded-foreign"]
    with real.job(DEMO_SETTING="1") as pid:
        report = real.verify_job(pid)
    assert (turned(report), report.verdict) == ([], "match")
    assert report.loaded is not None
    assert (report.loaded.pid, report.loaded.imported) == (pid, ())


def test_a_library_that_is_replaced_under_a_job(tmp_path: Path) -> None:
    real = made(tmp_path, *RUNPATH)
    path = real.subject.prefix / LOCKED
    with real.job(DEMO_SETTING="1") as pid:
        replace_file(path, path.read_bytes())
        (found,) = turned(real.verify_job(pid))
    assert (found.code, found.path) == ("loaded-replaced", LOCKED)
    assert found.message == (
        f"`{path}` was replaced by another file after the process loaded it: what runs is not what is on disk"
    )


def test_a_module_that_cannot_be_imported(tmp_path: Path) -> None:
    real = made(tmp_path, "-Wl,-rpath,$ORIGIN")
    broken = compile_extension(
        tmp_path, "_load", "int nowhere(void); static int answer(void) { return nowhere(); }"
    )
    replace_file(real.subject.site / "late/_load.so", broken)
    found = {each.code: each for each in real.verify().findings}
    assert "file-differs" in found
    assert found["import-failed"].message.startswith(
        "`import late` fails, so what it loads is not known: ImportError: "
    )


def test_what_is_no_job(real: Real) -> None:
    with pytest.raises(CouldNotTell, match=r"^there is no process 4194305, or it has ended$"):
        real.verify_job(4194305)
    sleep = shutil.which("sleep")
    assert sleep is not None
    with subprocess.Popen([sleep, "60"]) as process:
        try:
            with pytest.raises(CouldNotTell) as caught:
                real.verify_job(process.pid)
        finally:
            process.kill()
    assert caught.value.message == f"process {process.pid} does not say which environment it belongs to"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_job_of_another_user(real: Real) -> None:
    script = f"""
import os
from envlock.observe.loaded import find_job
os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
find_job({os.getpid()})
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unmeasured())
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .endswith(f"process {os.getpid()} belongs to another user: what it has loaded is not shown")
    )
