"""`pytest --envlock`, run as people run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envlock.lock.file import write_lock
from tests.support.environments import SERIES, lock_of, uv, uv_online
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.slow  # an environment with pytest of the package index

ROOT = Path(__file__).resolve().parents[2]
DEMO = make_wheel("demo-of-envlock", "1.0", files={"demo_of_envlock/__init__.py": b"VALUE = 1\n"})


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pytest and envlock beside what is locked, as a project's own would have them."""
    folder = tmp_path_factory.mktemp("plugin")
    made = folder / "env"
    uv("venv", "--python", sys.executable, made)
    uv_online("pip", "install", "--prefix", made, "pytest", "pytest-xdist", ROOT)
    uv("pip", "install", "--no-deps", "--python", made / "bin" / "python", DEMO.write(folder))
    return made


@pytest.fixture
def project(prefix: Path, tmp_path: Path) -> Path:
    """A test, and the lock of the environment that `env` leads to."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_one.py").write_text("def test_one():\n    assert True\n")
    write_lock(tmp_path / "envlock.lock", lock_of([DEMO], tmp_path))
    (tmp_path / "env").symlink_to(prefix)
    return tmp_path


def run(project: Path, *options: str) -> tuple[int, list[str], list[str]]:
    """Exit status, what pytest prints, and what it says to stderr where it exits before any test."""
    python = str((project / "env").resolve() / "bin" / "python")
    command = [python, "-m", "pytest", "-p", "no:cacheprovider", *options, str(project)]
    done = subprocess.run(command, check=False, cwd=project, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def ran(lines: list[str]) -> bool:
    return any("test_one.py" in line for line in lines)


def header(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("envlock: ")]


def test_a_match_is_in_the_header(project: Path) -> None:
    status, lines, told = run(project, "--envlock", "-n", "1")
    assert (status, told) == (0, [])
    (line,) = header(lines)
    assert line.startswith("envlock: match rt1:")
    assert line.endswith(" (content)")  # nothing is known of it, so a warm look is at every byte


def test_without_the_option_nothing_is_looked_at(project: Path) -> None:
    (project / "envlock.lock").write_text("no lock")
    status, lines, told = run(project)
    assert (status, header(lines), told) == (0, [], [])


def test_no_test_runs_in_another_environment(project: Path, prefix: Path) -> None:
    other = make_wheel("another", "2.0", files={"another.py": b""})
    write_lock(project / "other.lock", lock_of([other], project))
    status, lines, told = run(project, "--envlock", "--envlock-lock", "other.lock")
    assert (status, ran(lines)) == (1, False)
    assert told == [
        f"Exit: this environment is not what `{project}/other.lock` says: 1 finding [environment-differs]",
        f"  where  {prefix}",
        "  differs  another 2.0 is locked and not installed",
        "  hint: `envlock sync` installs it",
    ]


def test_a_lockfile_with_a_fault(project: Path) -> None:
    (project / "envlock.lock").write_text("version = 1\n")
    status, lines, told = run(project, "--envlock")
    assert (status, ran(lines)) == (3, False)
    assert told[0].startswith(f"Exit: `{project}"[:60])
    assert told[0].endswith("` has 6 faults [lockfile-invalid]")


def test_a_level_that_there_is_not(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\nenvlock_level = deep\n")
    status, lines, told = run(project, "--envlock")
    assert (status, ran(lines)) == (4, False)
    assert told[0] == "ERROR: envlock_level is `deep`; it is one of roots, warm, content"


def test_what_the_tests_change_is_found_after_them(project: Path, prefix: Path) -> None:
    module = f"lib/python{SERIES}/site-packages/demo_of_envlock/__init__.py"
    assert run(project, "--envlock", "--envlock-after")[0] == 0
    change = f"open({str(prefix / module)!r}, 'w').write('VALUE = 2\\n')"
    (project / "test_one.py").write_text(f"def test_one():\n    {change}\n")
    difference = f"  differs  `{module}` is not the file of demo-of-envlock 1.0"
    try:
        status, lines, _ = run(project, "--envlock", "--envlock-after")
        assert status == 1
        assert "1 passed" in lines[-1]
        assert difference in lines
        status, lines, told = run(project, "--envlock")
        assert (status, ran(lines), told[2]) == (1, False, difference)
    finally:
        (prefix / module).write_bytes(b"VALUE = 1\n")
