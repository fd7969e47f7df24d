"""A fleet through real engines: one tampered node is named, the rest match, and what is dead is no match."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.lock import write_lock
from tests.support.engines import as_root, loopback_sshd, node_script
from tests.support.environments import copy_tree, make_subject, replace_file
from tests.support.ray_nodes import loopback_ray
from tests.support.slurm import loopback_slurm
from tests.support.tools import need
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.slow
Verify = Callable[..., tuple[int, Any]]


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """Three environments, the last of them tampered, and what is said of it."""

    lock: Path
    prefixes: tuple[Path, ...]
    expected: str
    said: str


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Nodes:
    folder = tmp_path_factory.mktemp("nodes")
    # Enough files that facts with a changed one need many lines.
    files = {f"demo/part{number}.py": f"VALUE = {number}\n".encode() for number in range(400)}
    subject = make_subject(folder, [make_wheel("demo", "1.0", files={"demo/__init__.py": b"", **files})])
    prefixes = [subject.prefix, folder / "copy", folder / "tampered"]
    for prefix in prefixes[1:]:
        copy_tree(subject.prefix, prefix)
    path = Path("lib", subject.site.parent.name, "site-packages", "demo", "part7.py")
    replace_file(prefixes[2] / path, b"VALUE = 8\n")
    write_lock(folder / "envlock.lock", subject.lock)
    return Nodes(
        lock=folder / "envlock.lock",
        prefixes=tuple(prefixes),
        expected=subject.verify().expected,
        said=f"`{path}` is not the file of demo 1.0",
    )


@pytest.fixture
def verify(nodes: Nodes, capsys: pytest.CaptureFixture[str]) -> Verify:
    def verified(*words: str) -> tuple[int, Any]:
        status = run(cli, ["verify", "-l", str(nodes.lock), "--json", *words])
        return status, json.loads(capsys.readouterr().out)

    return verified


def _outcome(document: Any) -> list[tuple[str, str | None]]:
    """What is said of each host, by rank; the host's own name is this machine's."""
    rows = sorted(document["hosts"], key=lambda row: str(row["name"]))
    return [(row["verdict"], row["explanation"]) for row in rows]


def test_mpirun_of_open_mpi(nodes: Nodes, verify: Verify, tmp_path: Path) -> None:
    need("mpirun")
    script = node_script(tmp_path, [*nodes.prefixes, nodes.prefixes[0]], "OMPI_COMM_WORLD_RANK")
    words = ["mpirun", *as_root(), "--oversubscribe", "-np", "4", str(script)]
    status, document = verify("--launcher", shlex.join(words), "--shared", str(tmp_path))
    assert (status, document["verdict"], document["findings"]) == (1, "mismatch", [])
    match = ("match", None)
    assert _outcome(document) == [match, match, ("mismatch", nodes.said), match]
    assert [group["runtime_hash"]["observed"] == nodes.expected for group in document["groups"]] == [
        True,
        False,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["node.sh"]  # the agent is gone


def test_a_rank_that_dies_is_no_match(nodes: Nodes, verify: Verify, tmp_path: Path) -> None:
    need("mpirun")
    script = node_script(tmp_path, nodes.prefixes[:2], "OMPI_COMM_WORLD_RANK")
    text = script.read_text().replace("exec", '[ "$OMPI_COMM_WORLD_RANK" = 1 ] && kill -9 $$\nexec')
    script.write_text(text)
    words = ["mpirun", *as_root(), "--oversubscribe", "-np", "2", str(script)]
    status, document = verify(
        "--launcher", shlex.join(words), "--shared", str(tmp_path), "--expect-hosts", "2"
    )
    assert (status, document["verdict"]) == (8, "incomplete")
    codes = [finding["code"] for finding in document["findings"]]
    assert codes == ["host-missing", "launcher-failed"]


def test_ssh_with_the_agent_over_standard_input(nodes: Nodes, verify: Verify, tmp_path: Path) -> None:
    need("sshd", "ssh", "ssh-keygen")
    with loopback_sshd(tmp_path / "ssh", nodes.prefixes) as config:
        for number, expected in enumerate([("match", None), ("match", None), ("mismatch", nodes.said)]):
            status, document = verify("--launcher", f"ssh -F {config} node{number}")
            assert _outcome(document) == [expected], document
            assert status == (0 if expected[0] == "match" else 1)


def test_pdsh_over_ssh(nodes: Nodes, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("sshd", "ssh", "ssh-keygen", "pdsh")
    with loopback_sshd(tmp_path / "ssh", nodes.prefixes) as config:
        monkeypatch.setenv("PDSH_SSH_ARGS", f"-F {config} %h")
        status, document = verify("--launcher", "pdsh -R ssh -w node[0-2]", "--shared", str(tmp_path))
    assert (status, document["verdict"], document["findings"]) == (1, "mismatch", [])
    assert sorted(_outcome(document), key=str) == sorted(
        [("match", None), ("match", None), ("mismatch", nodes.said)], key=str
    )


def test_a_host_that_cannot_be_reached(nodes: Nodes, verify: Verify, tmp_path: Path) -> None:
    need("sshd", "ssh", "ssh-keygen")
    with loopback_sshd(tmp_path / "ssh", nodes.prefixes) as config:
        pass
    status, document = verify("--launcher", f"ssh -F {config} node0")
    assert (status, document["verdict"], document["hosts"]) == (8, "incomplete", [])
    codes = [finding["code"] for finding in document["findings"]]
    assert codes == ["host-missing", "launcher-failed"]
    assert "Connection refused" in document["findings"][1]["message"]


@pytest.mark.parametrize("how", ["over standard input", "in a shared directory"])
def test_srun_of_slurm(
    nodes: Nodes, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    need("srun", "slurmctld", "slurmd", "munged", "sinfo", root=True)
    script = node_script(tmp_path, nodes.prefixes, "SLURM_PROCID")
    with loopback_slurm() as config:
        monkeypatch.setenv("SLURM_CONF", str(config))
        shared = ("--shared", str(tmp_path)) if how == "in a shared directory" else ()
        engine = f"srun --label -N 3 --ntasks-per-node=1 {script}"
        status, document = verify("--launcher", engine, *shared)
    assert (status, document["verdict"], document["findings"]) == (1, "mismatch", [])
    assert _outcome(document) == [("match", None), ("match", None), ("mismatch", nodes.said)]


def test_a_task_of_srun_that_dies_is_named(
    nodes: Nodes, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("srun", "slurmctld", "slurmd", "munged", "sinfo", root=True)
    script = node_script(tmp_path, nodes.prefixes, "SLURM_PROCID")
    script.write_text(script.read_text().replace("exec", '[ "$SLURM_PROCID" = 2 ] && exit 3\nexec'))
    with loopback_slurm() as config:
        monkeypatch.setenv("SLURM_CONF", str(config))
        status, document = verify("--launcher", f"srun -N 3 --ntasks-per-node=1 {script}")
    assert (status, document["verdict"]) == (8, "incomplete")
    assert _outcome(document) == [("match", None), ("match", None)]
    assert document["findings"][0]["message"] == "1 of 3 did not answer: rank 2"
    assert [row["code"] for row in document["findings"]] == ["host-missing", "launcher-failed"]


def test_nodes_of_a_ray_cluster(nodes: Nodes) -> None:
    """By hand (`uv pip install ray`): a busy machine does not start three raylets within their own limits."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed")
    need("unshare", "nsenter", "ip", "pkill", root=True)
    verify = [sys.executable, "-m", "envlock", "verify", "--json", "-l", str(nodes.lock), "--ray"]
    with loopback_ray(nodes.prefixes) as ray:
        done = ray.run(*verify, ray.address)
        document = json.loads(done.stdout)
        assert (done.returncode, document["verdict"], document["findings"]) == (1, "mismatch", []), (
            done.stderr
        )
        match = ("match", None)
        assert sorted(_outcome(document), key=str) == [match, match, ("mismatch", nodes.said)]
        assert {row["name"].partition(":")[0] for row in document["hosts"]} == {os.uname().nodename}
        ray.kill(2)  # the tampered one
        done = ray.run(*verify, ray.address)
        document = json.loads(done.stdout)
        assert (done.returncode, document["verdict"], document["findings"]) == (8, "incomplete", [])
        assert sorted(row["verdict"] for row in document["hosts"]) == ["incomplete", "match", "match"]
