"""`require()` in real processes: out of the zipapp with nothing installed, alone and among ranks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import envlock
from envlock.lock.file import write_lock
from envlock.observe.zipapp import write_agent
from tests.support import torch_store
from tests.support.environments import (
    SERIES,
    Subject,
    copy_tree,
    flip_byte,
    lock_of,
    make_subject,
    replace_file,
    uv,
)
from tests.support.pythons import pythons_at_hand
from tests.support.wheels import Wheel, make_wheel

ROOT = Path(__file__).resolve().parents[2]
MODULE = f"lib/python{SERIES}/site-packages/demo/__init__.py"

TRAIN = """
import sys

sys.path.insert(0, "envlock-agent.pyz")
from envlock_agent import require

report = require("envlock.lock")
print("training", report.verdict, report.level)
"""


def demo() -> Wheel:
    return make_wheel(
        "demo",
        "1.0",
        files={"demo/__init__.py": b"VERSION = '1.0'\n", "demo/data.bin": bytes(3000)},
        entry_points="[console_scripts]\ndemo = demo:main\n",
    )


@dataclass(kw_only=True)
class Job:
    """A folder with an environment of one wheel, its lock, the zipapp and a program: nothing of envlock."""

    root: Path
    prefix: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python"

    def program(self, text: str, name: str = "train.py") -> None:
        (self.root / name).write_text(text)

    def start(self, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "train.py"],
            cwd=self.root,
            env={**self.environment, **(more or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, more: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        process = self.start(more)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def ranks(
        self, count: int, more: Mapping[int, Mapping[str, str]] | None = None
    ) -> list[tuple[int, str, str]]:
        """`count` processes as torchrun starts them."""
        started = [
            self.start({**self.environment, **as_rank(number, count), **(more or {}).get(number, {})})
            for number in range(count)
        ]
        ended = [process.communicate(timeout=60) for process in started]
        return [(process.returncode, *texts) for process, texts in zip(started, ended, strict=True)]


def as_rank(number: int, count: int, run: int = 0) -> dict[str, str]:
    """What torchrun tells its processes."""
    return {
        "LOCAL_RANK": str(number),
        "RANK": str(number),
        "LOCAL_WORLD_SIZE": str(count),
        "WORLD_SIZE": str(count),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "29500",
        "TORCHELASTIC_RUN_ID": "none",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_ERROR_FILE": f"/tmp/torchelastic_{run}/none_{run}/attempt_0/{number}/error.json",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return make_subject(tmp_path_factory.mktemp("subject"), [demo()], settings={"DEMO": "1"})


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "envlock-agent.pyz"
    write_agent(path)
    return path


def job_of(root: Path, prefix: Path, agent: Path) -> Job:
    (root / "envlock-agent.pyz").symlink_to(agent)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(root),
        "TMPDIR": str(root / "t"),
        "ENVLOCK_CACHE_DIR": str(root / "cache"),
        "DEMO": "1",
    }
    (root / "t").mkdir()
    job = Job(root=root, prefix=prefix, environment=environment)
    job.program(TRAIN)
    return job


@pytest.fixture
def job(subject: Subject, agent: Path, short_path: Path) -> Job:
    write_lock(short_path / "envlock.lock", subject.lock)
    return job_of(short_path, subject.prefix, agent)


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a socket has 108 bytes."""
    return tmp_path_factory.mktemp("j")


@pytest.fixture
def flipped(subject: Subject) -> Iterator[Callable[[], None]]:
    """Change a byte of the environment; the fixture puts it back."""
    path = subject.prefix / MODULE
    content = path.read_bytes()
    yield lambda: flip_byte(path)
    replace_file(path, content)


def last_lines(err: str) -> str:
    """The exception, without the traceback above it."""
    lines = err.splitlines()
    first = max(number for number, line in enumerate(lines) if line.startswith("envlock"))
    return "\n".join(lines[first:])


# Alone


def test_the_program_is_that_of_the_page() -> None:
    assert f"```py{TRAIN}```\n" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_a_match_lets_the_program_go_on(job: Job) -> None:
    assert job.run() == (0, "training match content\n", "")
    assert job.run() == (0, "training match warm\n", "")


def test_a_byte_stops_it(job: Job, flipped: Callable[[], None], subject: Subject) -> None:
    flipped()
    status, out, err = job.run()
    assert (status, out) == (1, "")
    assert last_lines(err) == (
        "envlock_agent.rooms.errors.EnvironmentDiffers: this environment is not what `envlock.lock` says: "
        "1 finding [environment-differs]\n"
        f"  where  {subject.prefix}\n"
        f"  differs  `{MODULE}` is not the file of demo 1.0\n"
        "  hint: `envlock sync --repair` restores it"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "  differs  `DEMO` is not set here; the lock has `1`"),
        ("2", "  differs  `DEMO` is `2`, the lock has `1`"),
    ],
)
def test_a_setting_counts_as_the_job_has_it(job: Job, value: str | None, told: str) -> None:
    del job.environment["DEMO"]
    status, _, err = job.run({"DEMO": value} if value else {})
    assert (status, told in err.splitlines()) == (1, True)


def test_what_cannot_be_read_is_an_error_of_its_own(job: Job) -> None:
    text = (job.root / "envlock.lock").read_text()
    (job.root / "envlock.lock").write_text(text.replace('DEMO = "1"', 'DEMO = "2"').replace("glibc", "glib"))
    status, _, err = job.run()
    assert status == 1
    lock = job.root / "envlock.lock"
    assert "envlock_agent.rooms.errors.LockfileInvalid: `" in err
    assert f"  {lock}, glib: unknown key `glib`" in err
    (job.root / "envlock.lock").unlink()
    status, _, err = job.run()
    assert last_lines(err) == (
        "envlock_agent.rooms.errors.LockfileInvalid: there is no lockfile [lockfile-invalid]\n"
        f"  where  {lock}\n"
        "  hint: `envlock lock` makes it"
    )


@pytest.mark.slow
def test_the_start_up_code_of_the_environment_runs_once_and_not_in_the_check(
    job: Job, subject: Subject
) -> None:
    """And it is found, though it ran before `require` did."""
    path = subject.site / "evil.pth"
    ran = job.root / "ran"
    path.write_text(f"import os; open({str(ran)!r}, 'a').write('%d ' % os.getpid())\n")
    try:
        status, _, err = job.run()
    finally:
        path.unlink()
    assert status == 1
    assert "evil.pth`, and it runs when Python starts" in err
    assert len(set(ran.read_text().split())) == 1


def test_other_modules_beside_the_program_do_not_reach_the_check(job: Job) -> None:
    """The folder of the program, and PYTHONPATH, may hold anything by the name of what the check imports."""
    (job.root / "json.py").write_text("raise SystemExit('not the library')\n")
    job.program(TRAIN.replace('sys.path.insert(0, "e', 'sys.path.remove(sys.path[0]); sys.path.insert(0, "e'))
    assert job.run()[:2] == (0, "training match content\n")


CASES: Mapping[str, Callable[[Subject], Path]] = {
    "module": lambda subject: _write(subject.site / "other.py", b""),
    "pth": lambda subject: _write(subject.site / "x.pth", b"import this_is_not_there\n"),
    "script": lambda subject: _write(subject.bin / "demo", b"#!/bin/sh\n"),
    "bin": lambda subject: _write(subject.bin / "click.py", b""),
    "library": lambda subject: _write(subject.site / "demo" / "libx.so", b"\x7fELF"),
    "record": lambda subject: _write(subject.site / "demo-1.0.dist-info" / "RECORD", b"a,,\n"),
    "config": lambda subject: _write(
        subject.prefix / "pyvenv.cfg",
        (subject.prefix / "pyvenv.cfg").read_bytes().replace(b"= false", b"= true"),
    ),
    "python": lambda subject: _write(subject.bin / "python3", b"#!/bin/sh\n"),
}


def _write(path: Path, content: bytes) -> Path:
    replace_file(path, content)
    return path


def _slow_but(quick: str, values: Sequence[str]) -> list[Any]:
    return [value if value == quick else pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize("case", _slow_but("script", sorted(CASES)))
def test_the_verdict_is_that_of_verify(case: str, job: Job, agent: Path, tmp_path: Path) -> None:
    """Whatever is wrong: the findings of the zipapp are those of `envlock verify --in-job`, every one."""
    subject = make_subject(tmp_path / "own", [demo()], settings={"DEMO": "1"})
    CASES[case](subject)
    job.prefix = subject.prefix
    job.program(
        "import json, sys\nsys.path.insert(0, 'envlock-agent.pyz')\n"
        "from envlock_agent import require, EnvironmentDiffers, EnvlockError\n"
        "try:\n    require('envlock.lock')\n"
        "except EnvironmentDiffers as error:\n    print(json.dumps(error.report.to_json()))\n"
    )
    _, out, err = job.run()
    report = envlock.verify(
        job.root / "envlock.lock",
        prefix=subject.prefix,
        in_job=True,
        environment=job.environment,
        cache=tmp_path / "c",
    )
    expected = report.to_json()
    assert expected["verdict"] == "mismatch"
    found = json.loads(out or "{}")
    assert {**found, "timing": {}} == {**expected, "timing": {}}, err


def test_the_installed_one_is_the_same_function(job: Job, flipped: Callable[[], None]) -> None:
    """Where envlock can be imported; its libraries are found as the running process found them."""
    import packaging
    import tomli

    folders = {str(Path(each.__file__).parents[1]) for each in (envlock, packaging, tomli) if each.__file__}
    program = f"import sys\nsys.path += {sorted(folders)!r}\nimport envlock\n"
    job.program(program + "print(envlock.require().verdict, envlock.require.__module__)\n")
    assert job.run() == (0, "match envlock.job.require\n", "")
    flipped()
    status, _, err = job.run()
    assert (status, "envlock.errors.EnvironmentDiffers: " in err) == (1, True)


@pytest.mark.parametrize("series", _slow_but("3.8", ["3.8", "3.9", "3.10", "3.12", "3.13", "3.14"]))
@pytest.mark.slow
def test_other_pythons(series: str, agent: Path, short_path: Path) -> None:
    if series not in pythons_at_hand():
        pytest.skip(
            f"no CPython {series} on this machine: `uv python install {series}` where it may download"
        )
    lock = lock_of([demo()], short_path / "wheels", python=series, settings={"DEMO": "1"})
    write_lock(short_path / "envlock.lock", lock)
    prefix = short_path / "env"
    uv("venv", "--python", pythons_at_hand()[series], prefix)
    install = ("pip", "install", "--no-deps", "--no-index", "--link-mode=copy", "--python")
    uv(*install, prefix / "bin" / "python", short_path / "wheels" / demo().filename)
    job = job_of(short_path, prefix, agent)
    assert job.run() == (0, "training match content\n", "")
    flip_byte(prefix / "lib" / f"python{series}" / "site-packages" / "demo" / "__init__.py")
    status, out, err = job.run()
    assert (status, out) == (1, "")
    assert (
        f"  differs  `lib/python{series}/site-packages/demo/__init__.py` is not the file of demo 1.0" in err
    )
    (short_path / "envlock.lock").write_text("version = 1\nversion = 1\n")
    status, _, err = job.run()
    assert (status, "LockfileInvalid: `" in err, "not valid TOML" in err) == (1, True, True)


# Among the ranks of a node

COUNTED = """
import os, sys, time
sys.path.insert(0, "envlock-agent.pyz")
import envlock_agent.rooms.job.child as child
from envlock_agent import require

look = child.answered
def counted(question):
    with open("looks", "a") as file:
        file.write(os.environ["LOCAL_RANK"])
    {before}
    return look(question)
child.answered = counted
print(require("envlock.lock", timeout_seconds={seconds}).verdict)
"""


def looks(job: Job) -> str:
    path = job.root / "looks"
    found = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return found


def test_one_rank_looks_and_all_go_on(job: Job) -> None:
    job.program(COUNTED.format(before="", seconds=30))
    assert job.ranks(4) == [(0, "match\n", "")] * 4
    assert looks(job) == "0"
    assert [path for path in job.root.glob("t/envlock-*/*") if path.is_socket()] == []


@pytest.mark.slow
def test_all_fail_together_with_the_same_words(
    job: Job, flipped: Callable[[], None], subject: Subject
) -> None:
    """And the next run, whose processes are numbered alike, has a verdict of its own."""
    job.program(COUNTED.format(before="", seconds=30))
    content = (subject.prefix / MODULE).read_bytes()
    flipped()
    ended = job.ranks(4)
    assert [status for status, _, _ in ended] == [1] * 4
    assert len({last_lines(err) for _, _, err in ended}) == 1
    assert f"  differs  `{MODULE}` is not the file of demo 1.0" in ended[3][2]
    assert looks(job) == "0"
    replace_file(subject.prefix / MODULE, content)
    assert job.ranks(4) == [(0, "match\n", "")] * 4
    flipped()
    assert [status for status, _, _ in job.ranks(4)] == [1] * 4


def test_a_lockfile_that_is_not_there_is_told_to_all(job: Job) -> None:
    (job.root / "envlock.lock").unlink()
    ended = job.ranks(3)
    assert len({last_lines(err) for _, _, err in ended}) == 1
    assert "LockfileInvalid: there is no lockfile [lockfile-invalid]" in ended[2][2]


@pytest.mark.slow
def test_a_rank_0_that_dies_is_noticed_at_once(job: Job) -> None:
    job.program(COUNTED.format(before="os.kill(os.getpid(), 9)", seconds=600))
    ended = job.ranks(3)
    assert [status for status, _, _ in ended] == [-signal.SIGKILL, 1, 1]
    assert [last_lines(err) for _, _, err in ended[1:]] == [
        "envlock_agent.rooms.errors.CouldNotTell: local rank 0 ended before it had a verdict on this "
        "environment [could-not-tell]\n  hint: its own output says why"
    ] * 2


@pytest.mark.slow
def test_what_an_older_run_left_behind_is_not_taken_for_an_answer(job: Job) -> None:
    """Where nothing tells two runs apart: the socket of the dead one is there, and answers nobody."""
    job.program(COUNTED.format(before="os.kill(os.getpid(), 9)", seconds=600))
    alike = {"TORCHELASTIC_ERROR_FILE": ""}
    assert job.run({**as_rank(0, 2), **alike})[0] == -signal.SIGKILL
    assert [path for path in job.root.glob("t/envlock-*/*") if path.is_socket()] != []
    job.program(COUNTED.format(before="", seconds=30))
    looks(job)
    assert job.ranks(2, {0: alike, 1: alike}) == [(0, "match\n", "")] * 2
    assert looks(job) == "0"


@pytest.mark.slow
def test_a_rank_0_that_does_not_come_is_waited_for_so_long(job: Job) -> None:
    job.program(COUNTED.format(before="", seconds=0.3))
    status, _, err = job.run(as_rank(1, 2))
    assert (status, looks(job)) == (1, "")
    assert last_lines(err) == (
        "envlock_agent.rooms.errors.CouldNotTell: local rank 0 told no verdict on this environment within "
        "0.3 s [could-not-tell]\n"
        "  hint: every rank calls `require()`; `timeout_seconds` is how long they wait for rank 0"
    )


@pytest.mark.slow
def test_rank_0_does_not_wait_for_ranks_that_never_ask(job: Job) -> None:
    """But for a while at its end."""
    waits = "import envlock_agent.rooms.job.telling as telling; telling._LATE_SECONDS = 0.1"
    job.program(COUNTED.format(before=waits, seconds=600))
    assert job.run(as_rank(0, 2)) == (0, "match\n", "")


@pytest.mark.slow
def test_a_rank_0_that_is_done_early_tells_those_who_come_late(job: Job) -> None:
    job.program(COUNTED.format(before="", seconds=30))
    first = job.start(as_rank(0, 2))
    assert first.stdout is not None
    assert first.stdout.readline() == "match\n"
    assert job.run(as_rank(1, 2)) == (0, "match\n", "")
    assert first.communicate(timeout=120) == ("", "")
    assert looks(job) == "0"


@pytest.mark.slow
def test_a_rank_under_other_variables_looks_for_itself(job: Job) -> None:
    job.program(COUNTED.format(before="", seconds=30))
    ended = job.ranks(3, {2: {"DEMO": "2"}})
    assert [status for status, _, _ in ended] == [0, 0, 1]
    assert "  differs  `DEMO` is `2`, the lock has `1`" in ended[2][2].splitlines()
    assert sorted(looks(job)) == ["0", "2"]


@pytest.mark.parametrize("spoil", ["shared", "long"])
@pytest.mark.slow
def test_where_ranks_cannot_meet_each_looks_for_itself(job: Job, spoil: str) -> None:
    job.program(COUNTED.format(before="", seconds=30))
    if spoil == "shared":  # somebody else may enter, so somebody else may answer
        (job.root / "t" / f"envlock-{os.getuid()}").mkdir(mode=0o777)
        (job.root / "t" / f"envlock-{os.getuid()}").chmod(0o777)
    else:
        job.environment["TMPDIR"] = str(job.root / ("t" * 100))
        (job.root / ("t" * 100)).mkdir()
    assert job.ranks(2) == [(0, "match\n", "")] * 2
    assert sorted(looks(job)) == ["0", "1"]


@pytest.mark.slow
def test_a_second_call_is_answered_anew(job: Job) -> None:
    job.program(COUNTED.format(before="", seconds=30) + "print(require('envlock.lock').level)\n")
    assert job.ranks(2) == [(0, "match\nwarm\n", "")] * 2
    assert looks(job) == "00"


# Among the nodes of a job


@dataclass(frozen=True, kw_only=True)
class TwoNodes:
    """Two environments of one lock, and a store as torchrun's agent opens it."""

    jobs: tuple[Job, Job]
    environment: Mapping[str, str]

    def run(self, ranks: int = 2) -> list[list[tuple[int, str, str]]]:
        """The ranks of each node: status, output, errors."""
        started = [[self._start(node, rank, ranks) for rank in range(ranks)] for node in range(2)]
        ended = [[(process, process.communicate(timeout=60)) for process in node] for node in started]
        return [[(process.returncode, *texts) for process, texts in node] for node in ended]

    def _start(self, node: int, rank: int, ranks: int) -> subprocess.Popen[str]:
        place = {"GROUP_RANK": str(node), "GROUP_WORLD_SIZE": "2", "RANK": str(node * ranks + rank)}
        return self.jobs[node].start({**as_rank(rank, ranks), **place, **self.environment})


@pytest.fixture
def two_nodes(subject: Subject, agent: Path, short_path: Path) -> TwoNodes:
    folders = [short_path / "0", short_path / "1"]
    prefixes = [subject.prefix, short_path / "1" / "env"]
    for folder in folders:
        (folder / "torch").mkdir(parents=True)
        (folder / "torch" / "__init__.py").touch()
        (folder / "torch" / "distributed.py").write_bytes(Path(torch_store.__file__).read_bytes())
        write_lock(folder / "envlock.lock", subject.lock)
    copy_tree(prefixes[0], prefixes[1])
    store = torch_store.TCPStore(
        "127.0.0.1", 0, is_master=True, timeout=timedelta(), wait_for_workers=False, multi_tenant=True
    )
    jobs = [job_of(folder, prefix, agent) for folder, prefix in zip(folders, prefixes, strict=True)]
    for job in jobs:
        job.program(COUNTED.format(before="", seconds=30))
    told = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }
    return TwoNodes(jobs=(jobs[0], jobs[1]), environment=told)


@pytest.mark.slow
def test_all_nodes_match(two_nodes: TwoNodes) -> None:
    assert two_nodes.run() == [[(0, "match\n", "")] * 2] * 2
    assert [looks(job) for job in two_nodes.jobs] == ["0", "0"]


def test_a_tampered_node_stops_the_ranks_of_all(two_nodes: TwoNodes) -> None:
    flip_byte(two_nodes.jobs[1].prefix / MODULE)
    host, said = os.uname().nodename, f"`{MODULE}` is not the file of demo 1.0"
    named = f"  differs  node 1 (`{host}`): {said}"
    sound, tampered = two_nodes.run()
    assert [status for status, _, _ in [*sound, *tampered]] == [1] * 4
    for _, out, err in sound:
        assert (out, last_lines(err)) == (
            "",
            "envlock_agent.rooms.errors.EnvironmentDiffers: a node of this job is not what `envlock.lock` "
            f"says: 1 finding [environment-differs]\n  where  {two_nodes.jobs[0].prefix}\n{named}",
        )
    for _, out, err in tampered:
        assert (out, err.count(named), err.count(f"  differs  {said}")) == ("", 1, 1)
        assert "EnvironmentDiffers: this environment is not what `envlock.lock` says: 2 findings" in err


@pytest.mark.slow
def test_a_node_under_another_lock_is_named(two_nodes: TwoNodes, subject: Subject) -> None:
    lock = replace(subject.lock, settings={"DEMO": "2"})
    write_lock(two_nodes.jobs[1].root / "envlock.lock", lock)
    two_nodes.jobs[1].environment["DEMO"] = "2"
    ended = two_nodes.run(ranks=1)
    host = os.uname().nodename
    for status, _, err in [*ended[0], *ended[1]]:
        assert status == 1
        assert f"  differs  node 1 (`{host}`) is held against another lock than the others" in err


@pytest.mark.slow
def test_a_node_that_cannot_look_leaves_none_going(two_nodes: TwoNodes) -> None:
    (two_nodes.jobs[0].root / "envlock.lock").unlink()
    first, second = two_nodes.run(ranks=1)
    assert "LockfileInvalid: there is no lockfile [lockfile-invalid]" in first[0][2]
    said = f"  unknown  node 0 (`{os.uname().nodename}`): there is no lockfile"
    assert (second[0][0], second[0][1], said in second[0][2]) == (1, "", True)


@pytest.mark.slow
def test_a_node_that_does_not_come_is_waited_for_so_long(two_nodes: TwoNodes) -> None:
    job = two_nodes.jobs[0]
    job.program(COUNTED.format(before="", seconds=0.5))
    status, _, err = job.run({**as_rank(0, 1), **two_nodes.environment, "GROUP_WORLD_SIZE": "2"})
    assert status == 1
    assert "  unknown  node 1: it told no verdict within 0.5 s" in err.splitlines()


@pytest.mark.slow
def test_nodes_without_torch_are_not_taken_for_alike(two_nodes: TwoNodes) -> None:
    for job in two_nodes.jobs:
        shutil.rmtree(job.root / "torch")
    for status, out, err in (node[0] for node in two_nodes.run(ranks=1)):
        assert (status, out) == (1, "")
        assert ": it cannot be asked: No module named 'torch'" in err


# The real torchrun


def torch_python() -> str:
    """A Python with torch: TORCH_PYTHON, else the one that runs the tests."""
    candidate = os.environ.get("TORCH_PYTHON", sys.executable)
    done = subprocess.run([candidate, "-c", "import torch.distributed.run"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no torch here: TORCH_PYTHON names a Python that has it")
    return candidate


def torchrun_command(job: Job, words: Sequence[str]) -> list[str]:
    python = str(job.python)
    return [torch_python(), "-m", "torch.distributed.run", *words, "--no-python", python, "train.py"]


def torchrun(job: Job, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = torchrun_command(job, words)
    return subprocess.run(
        command, cwd=job.root, env=job.environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_torchrun_once_per_node(job: Job, flipped: Callable[[], None]) -> None:
    job.program(COUNTED.format(before="", seconds=60))
    words = ("--standalone", "--nproc-per-node=3")
    done = torchrun(job, words)
    assert (done.returncode, done.stdout, looks(job)) == (0, "match\n" * 3, "0"), done.stderr
    flipped()
    done = torchrun(job, words)
    assert (done.returncode, looks(job)) == (1, "0")
    assert done.stderr.count(f"  differs  `{MODULE}` is not the file of demo 1.0") == 3


@pytest.mark.slow
def test_torchrun_twice_at_once_and_restarted(job: Job) -> None:
    """Two runs on one node do not hear each other; a restart asks again."""
    job.program(
        COUNTED.format(before="time.sleep(1)", seconds=60)
        + "if os.environ['TORCHELASTIC_RESTART_COUNT'] == '0': sys.exit(3)\n"
    )
    words = ("--standalone", "--nproc-per-node=2", "--max-restarts=1")
    command = torchrun_command(job, words)
    started = [
        subprocess.Popen(command, cwd=job.root, env=job.environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outs = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert [out.count("match") >= 2 for out in outs] == [True, True]
    assert looks(job) == "0000"


TRAINS = """
import sys

sys.path.insert(0, "envlock-agent.pyz")
sys.path.append({site!r})  # beside the environment, which is not made of torch here
from envlock_agent import require

report = require("envlock.lock", timeout_seconds=100)
import torch

torch.distributed.init_process_group("gloo")
total = torch.ones(1)
torch.distributed.all_reduce(total)
print("trained on", int(total), report.verdict)
torch.distributed.destroy_process_group()
"""


def torchrun_nodes(nodes: TwoNodes, python: str, store: str) -> list[tuple[int, str, str]]:
    """A torchrun on each node, two ranks each: status, output, errors."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"GLOO_SOCKET_IFNAME": "lo"}
    meet = ["--master-addr=127.0.0.1", f"--master-port={port}"]
    if store == "of rank 0":  # as before torch 2.3
        environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
        meet = ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}", "--local-addr=127.0.0.1"]
    run = [python, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2", *meet]
    started = [
        subprocess.Popen(
            [*run, f"--node-rank={node}", "--no-python", str(job.python), "train.py"],
            cwd=job.root,
            env={**job.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node, job in enumerate(nodes.jobs)
    ]
    ended = [process.communicate(timeout=180) for process in started]
    return [(process.returncode, *texts) for process, texts in zip(started, ended, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["of the agent", "of rank 0"])
def test_torchrun_of_two_nodes(two_nodes: TwoNodes, store: str) -> None:
    python = torch_python()
    asked = [python, "-c", "import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))"]
    site = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    for job in two_nodes.jobs:
        shutil.rmtree(job.root / "torch")
        job.program(TRAINS.format(site=site))
    ended = torchrun_nodes(two_nodes, python, store)
    assert [row[:2] for row in ended] == [(0, "trained on 4 match\n" * 2)] * 2, ended
    flip_byte(two_nodes.jobs[1].prefix / MODULE)
    ended = torchrun_nodes(two_nodes, python, store)
    named = f" (`{os.uname().nodename}`): `{MODULE}` is not the file of demo 1.0"
    assert [(status, out, err.count(named)) for status, out, err in ended] == [(1, "", 2)] * 2, ended
