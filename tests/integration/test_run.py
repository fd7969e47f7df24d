"""`envlock run`: a command in an environment that matches, its signals, its outputs, its receipt."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envlock.api import RunOrder, RunOutcome, VerifyRequest, compare_receipts, run
from envlock.errors import DiskFailed, ToolMissing, UsageFault
from envlock.lock import write_lock
from tests.support.environments import Subject, make_subject
from tests.support.wheels import make_wheel

DEMO = make_wheel("demo", "1.0", files={"demo.py": b"x = 1\n"})
WRITE = "import os, sys; open('out.txt', 'w').write(os.environ.get('DEMO', '') + ' '.join(sys.argv[1:]))"


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("run")
    made = make_subject(folder, [DEMO], settings={"DEMO": "on"})
    write_lock(folder / "envlock.lock", made.lock)
    return made


def order(subject: Subject, folder: Path, *words: str, **options: Any) -> RunOrder:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **options.pop("environment", {})}
    target = VerifyRequest(
        lock=subject.prefix.parent / "envlock.lock",
        prefix=subject.prefix,
        environment=environment,
        cache=subject.prefix.parent / "cache",
    )
    return RunOrder(
        **{
            "target": target,
            "words": words or ("python", "-c", WRITE),
            "receipt": folder / "receipt.json",
            "folder": folder,
            "outputs": ("out.txt",),
            "numerics": False,
            **options,
        }
    )


def done(outcome: RunOutcome) -> Any:
    assert outcome.receipt is not None
    return outcome.receipt


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "train.py").write_text(WRITE)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    environment = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "one"],
        cwd=folder,
        check=True,
        env={**os.environ, **environment},
    )
    return folder


def test_two_runs_in_two_folders_leave_equal_receipts(subject: Subject, tmp_path: Path) -> None:
    one, other = project(tmp_path / "one"), project(tmp_path / "other")
    first = done(run(order(subject, one, "python", "train.py")))
    run(order(subject, other, "python", "train.py"))
    assert compare_receipts(one / "receipt.json", other / "receipt.json").differences == ()
    assert (other / "out.txt").read_text() == "on"
    assert first["runtime"]["held"]
    assert first["code"]["changes"] is None
    assert len(first["code"]["commit"]) == 40
    assert first["outputs"]["out.txt"]["written"]


def test_each_thing_that_is_changed_is_the_first_difference(subject: Subject, tmp_path: Path) -> None:
    base = project(tmp_path / "base")
    run(order(subject, base, "python", "train.py"))
    found = {}
    for name, words, variables in (
        ("command", ("python", "train.py", "--lr=1"), {}),
        ("settings", ("python", "train.py"), {"OMP_NUM_THREADS": "3"}),
        ("commit", ("python", "train.py"), {}),
        ("outputs", ("python", "train.py"), {"UNWATCHED": "1"}),
    ):
        folder = project(tmp_path / name)
        if name == "commit":
            (folder / "train.py").write_text(f"{WRITE}\n")
        if name == "outputs":
            (base / "out.txt").unlink()
            program = "import os; open('out.txt', 'w').write(os.environ.get('UNWATCHED', 'x'))"
            run(order(subject, base, "python", "-c", program))
            run(order(subject, folder, "python", "-c", program, environment=variables))
        else:
            run(order(subject, folder, *words, environment=variables))
        [first, *_] = compare_receipts(base / "receipt.json", folder / "receipt.json").differences
        found[name] = (first.stage, first.what)
    assert found == {
        "command": ("command", "words"),
        "settings": ("settings", "OMP_NUM_THREADS"),
        "commit": ("commit", "uncommitted changes"),
        "outputs": ("outputs", "out.txt"),
    }


def test_another_environment_is_another_runtime(subject: Subject, tmp_path: Path) -> None:
    other = make_subject(
        tmp_path / "env", [make_wheel("demo", "1.0", files={"demo.py": b"x = 2\n"})], settings={"DEMO": "on"}
    )
    write_lock(tmp_path / "env" / "envlock.lock", other.lock)
    run(order(subject, tmp_path / "one"))
    run(order(other, tmp_path / "two"))
    [first, *_] = compare_receipts(
        tmp_path / "one" / "receipt.json", tmp_path / "two" / "receipt.json"
    ).differences
    assert (first.stage, first.what) == ("runtime", "hash")


def test_an_environment_that_does_not_match_runs_nothing(subject: Subject, tmp_path: Path) -> None:
    broken = make_subject(tmp_path / "env", [DEMO])
    write_lock(tmp_path / "env" / "envlock.lock", broken.lock)
    (broken.site / "demo.py").write_text("x = 2\n")
    outcome = run(order(broken, tmp_path / "here"))
    assert (outcome.report.verdict, outcome.receipt) == ("mismatch", None)
    assert list((tmp_path / "here").iterdir()) == []


def test_an_environment_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    changing = make_subject(tmp_path / "env", [DEMO])
    write_lock(tmp_path / "env" / "envlock.lock", changing.lock)
    program = "import demo, pathlib; pathlib.Path(demo.__file__).write_text('x = 2\\n')"
    outcome = run(order(changing, tmp_path / "here", "python", "-c", program, outputs=()))
    receipt = done(outcome)
    assert (receipt["runtime"]["held"], receipt["exit_status"]) == (False, 0)
    assert receipt["about"]["end"]["verdict"] == "mismatch"
    assert "demo.py" in receipt["about"]["end"]["findings"][0]


def test_no_secret_is_in_the_receipt(subject: Subject, tmp_path: Path) -> None:
    variables = {"HF_TOKEN": "hidden-1", "WANDB_API_KEY": "hidden-2"}
    words = ("python", "-c", "pass", "--api-key", "hidden-3", "https://me:hidden-4@host/")
    run(order(subject, tmp_path / "here", *words, environment=variables, outputs=()))
    assert "hidden" not in (tmp_path / "here" / "receipt.json").read_text()


def test_outputs_that_are_missing_or_old_are_told(subject: Subject, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "old").mkdir()
    (here / "old" / "model").write_text("1")
    outcome = run(order(subject, here, "python", "-c", "pass", outputs=("old", "gone")))
    assert (outcome.unwritten, outcome.missing) == (("old",), ("gone",))


@pytest.mark.parametrize(
    ("program", "status"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_status_of_the_command_is_kept(
    subject: Subject, tmp_path: Path, program: str, status: int
) -> None:
    outcome = run(order(subject, tmp_path / "here", "python", "-c", program, outputs=()))
    assert done(outcome)["exit_status"] == status


def test_the_libraries_of_the_process_are_seen(subject: Subject, tmp_path: Path) -> None:
    program = "import time; time.sleep(.2)"
    outcome = run(order(subject, tmp_path / "here", "python", "-c", program, outputs=()))
    libraries = done(outcome)["about"]["libraries"]
    assert libraries["looks"] >= 1
    assert any("libc" in file or "python" in file for file in libraries["system"])


def test_a_command_that_is_not_there(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(ToolMissing) as caught:
        run(order(subject, tmp_path / "here", "no-such-command"))
    assert caught.value.message == "`no-such-command` cannot be started: it is not there"
    assert not (tmp_path / "here" / "receipt.json").exists()


def test_a_receipt_that_could_not_be_written_is_told_before_the_run(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(DiskFailed) as caught:
        run(order(subject, tmp_path / "here", receipt=tmp_path / "nowhere" / "receipt.json"))
    assert caught.value.message == "the receipt cannot be written: no such file or directory"
    assert not (tmp_path / "here" / "out.txt").exists()


def test_no_command_and_a_receipt_that_is_an_output(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"^there is no command to run$"):
        run(replace(order(subject, tmp_path / "here"), words=()))
    with pytest.raises(UsageFault, match=r"is the receipt and cannot be an output of the command$"):
        run(order(subject, tmp_path / "here", outputs=("receipt.json",)))


def test_a_signal_reaches_the_command_and_the_receipt_is_written(subject: Subject, tmp_path: Path) -> None:
    program = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        "pathlib.Path('ready').touch(); time.sleep(60)"
    )
    lock, prefix = subject.prefix.parent / "envlock.lock", subject.prefix
    words = ["run", "--no-numerics", "-l", str(lock), "--prefix", str(prefix), "--", "python", "-c", program]
    process = subprocess.Popen([sys.executable, "-m", "envlock", *words], cwd=tmp_path)
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 9
    assert json.loads((tmp_path / "envlock-receipt.json").read_text())["exit_status"] == 9


def test_the_receipt_of_an_earlier_run_stays(subject: Subject, tmp_path: Path) -> None:
    """It was overwritten without a word; and as a file that git does not know it would be other code."""
    folder = project(tmp_path / "here")
    lock, prefix = subject.prefix.parent / "envlock.lock", subject.prefix
    words = ["run", "--no-numerics", "-l", str(lock), "--prefix", str(prefix), "--output", "out.txt"]
    command = [sys.executable, "-m", "envlock", *words]
    run_it = ("python", "train.py")
    assert said(folder, *command, *run_it).stderr == "receipt: envlock-receipt.json\n"
    first = (folder / "envlock-receipt.json").read_bytes()
    assert said(folder, *command, *run_it).stderr == "receipt: envlock-receipt-2.json\n"
    assert (folder / "envlock-receipt.json").read_bytes() == first
    one, two = folder / "envlock-receipt.json", folder / "envlock-receipt-2.json"
    assert compare_receipts(one, two).differences == ()
    named = said(folder, *command, "--receipt", "envlock-receipt.json", *run_it)
    assert named.stderr == "receipt: envlock-receipt.json, in the place of the one that was there\n"


def test_a_receipt_takes_the_place_of_no_other_file(subject: Subject, tmp_path: Path) -> None:
    folder = project(tmp_path / "here")
    with pytest.raises(UsageFault) as caught:
        run(order(subject, folder, receipt=folder / "train.py"))
    assert caught.value.message == f"`{folder / 'train.py'}` is there and is no receipt: it would be lost"
    assert (folder / "train.py").read_text() == WRITE
    (folder / "empty.json").touch()
    assert not run(order(subject, folder, receipt=folder / "empty.json", keep=True)).replaced
    assert (folder / "empty-2.json").exists()


def said(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_the_words_of_the_command_are_its_own(subject: Subject, tmp_path: Path) -> None:
    """`--json` behind the command is not for envlock."""
    lock, prefix = subject.prefix.parent / "envlock.lock", subject.prefix
    words = ["run", "-q", "--no-numerics", "-l", str(lock), "--prefix", str(prefix)]
    program = "import sys; print(sys.argv[1:])"
    command = [sys.executable, "-m", "envlock", *words]
    plain = said(tmp_path, *command, "python", "-c", program, "--json", "-l")
    assert (plain.returncode, plain.stdout, plain.stderr) == (0, "['--json', '-l']\n", "")
    missing = said(tmp_path, *command, "--", "nowhere", "--json")
    assert (missing.returncode, missing.stdout) == (6, "")
    assert missing.stderr == (
        "error: `nowhere` cannot be started: it is not there [tool-missing]\n\n"
        "hint: it is looked for in the environment's `bin`, then on PATH\n"
    )


EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist-receipt"
WEIGHTS = [word for name in ("w1.npy", "w2.npy", "result.json") for word in ("--output", name)]


def trained(folder: Path, *more: str) -> Path:
    """The example in a folder of its own, synced and run; its receipt."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".venv", "*.npy", "*.json"))
    envlock = [sys.executable, "-m", "envlock"]
    synced = said(folder, *envlock, "sync")
    assert synced.returncode == 0, synced.stderr
    done = said(folder, *envlock, "run", *WEIGHTS, "--prefix", ".venv", "--", "python", "train.py", *more)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1]) > 0.8
    return folder / "envlock-receipt.json"


@pytest.mark.slow
def test_the_example_is_equal_in_two_folders_and_differs_by_its_seed(tmp_path: Path) -> None:
    first, second = trained(tmp_path / "one"), trained(tmp_path / "two")
    found = compare_receipts(first, second)
    assert (found.differences, found.outputs_equal) == ((), True)
    other = compare_receipts(first, trained(tmp_path / "three", "--seed", "1"))
    assert [each.what for each in other.differences] == ["words", "result.json", "w1.npy", "w2.npy"]
