"""`envlock bisect` on real environments: small wheels from a folder, and SciPy and NumPy as published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envlock import api
from envlock.lock import write_lock
from tests.support.environments import SERIES, lock_of
from tests.support.wheels import make_wheel

CHECK = "import left, right; raise SystemExit(3 if left.value + right.value > 3 else 0)"


def envlock(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envlock", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def locks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three distributions, all newer in bad.lock; `right` is to blame, and `needs` wants its own of it."""
    folder = tmp_path_factory.mktemp("bisect")
    for name, number in (("good", 1), ("bad", 2)):
        rows = [
            make_wheel("left", f"{number}.0", files={"left.py": b"value = 1\n"}),
            make_wheel("right", f"{number}.0", files={"right.py": f"value = {2 * number}\n".encode()}),
            make_wheel("needs", f"{number}.0", files={"needs.py": b""}, requires=[f"right=={number}.0"]),
        ]
        write_lock(folder / f"{name}.lock", lock_of(rows, folder / "wheels"))
    return folder


@pytest.mark.slow
def test_the_culprit_by_exit_status_and_what_moved_with_it(locks: Path, tmp_path: Path) -> None:
    words = [
        "bisect",
        "--wheelhouse",
        str(locks / "wheels"),
        str(locks / "good.lock"),
        str(locks / "bad.lock"),
    ]
    done = envlock(tmp_path, *words, "--", "python", "-c", CHECK)
    assert done.returncode == 0, done.stderr
    [first, along, *rest] = done.stdout.splitlines()
    assert {first, along} in (
        {
            "the result flips with right 1.0 → 2.0",
            "  moved with it, since a requirement says so: needs 1.0 → 2.0",
        },
        {
            "the result flips with needs 1.0 → 2.0",
            "  moved with it, since a requirement says so: right 1.0 → 2.0",
        },
    )
    assert rest[:3] == [
        "  GOOD         exit status 0",
        "  with this    exit status 3",
        "  BAD          exit status 3",
    ]
    again = envlock(tmp_path, *words, "--json", "--", "python", "-c", CHECK)
    assert json.loads(again.stdout)["steps"] == 0
    assert again.stderr == ""


@pytest.mark.slow
def test_a_setting_by_the_output(locks: Path, tmp_path: Path) -> None:
    from envlock.lock import read_lock

    good = read_lock(locks / "good.lock")
    write_lock(tmp_path / "good.lock", replace(good, settings={"MODE": "a"}))
    write_lock(tmp_path / "bad.lock", replace(read_lock(locks / "bad.lock"), settings={"MODE": "b"}))
    program = "import os; open('out', 'w').write(os.environ['MODE'])"
    words = ["--wheelhouse", str(locks / "wheels"), "--output", "out", "good.lock", "bad.lock"]
    done = envlock(tmp_path, "bisect", *words, "--", "python", "-c", program)
    assert done.stdout.splitlines()[0] == "the result flips with setting:MODE a → b", done.stderr


@pytest.mark.slow
def test_the_culprit_between_two_published_stacks(tmp_path: Path) -> None:
    """SciPy 1.14 took away `scipy.integrate.simps`; NumPy and threadpoolctl moved in the same update."""
    for name, pins in (
        ("good", ["numpy==1.26.4", "scipy==1.13.1", "threadpoolctl==3.4.0", "joblib==1.3.2"]),
        ("bad", ["numpy==2.0.2", "scipy==1.14.1", "threadpoolctl==3.5.0", "joblib==1.4.2"]),
    ):
        (tmp_path / name).mkdir()
        rows = "".join(f'    "{pin}",\n' for pin in pins)
        (tmp_path / name / "envlock.toml").write_text(f'python = "{SERIES}"\nrequirements = [\n{rows}]\n')
        api.lock(api.LockRequest(project=tmp_path / name), environment=os.environ)
    program = "from scipy.integrate import simps"
    done = envlock(
        tmp_path,
        "bisect",
        "good/envlock.lock",
        "bad/envlock.lock",
        "--",
        "python",
        "-W",
        "ignore",
        "-c",
        program,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "the result flips with scipy 1.13.1 → 1.14.1"


def test_no_command(tmp_path: Path) -> None:
    done = envlock(tmp_path, "bisect", "a.lock", "b.lock")
    assert (done.returncode, done.stderr) == (
        2,
        "error: there is no command to run [usage]\n\n"
        "hint: `envlock bisect GOOD.lock BAD.lock -- python check.py`\n",
    )
