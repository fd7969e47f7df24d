"""Engines as they misbehave: the words that come back of a launcher, a container engine, Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envlock.agent.expect import NOTHING
from envlock.agent.host import platform_name
from envlock.errors import CouldNotTell, DiskFailed, EnvlockError, ToolFailed, ToolMissing, UsageFault
from envlock.observe import container as container_module
from envlock.observe import container_numerics, launcher, ray_cluster
from envlock.observe.answers import Answer
from envlock.observe.container import (
    ContainerTarget,
    inside_container,
    inside_image,
    observe_inside,
    observe_running,
)
from envlock.observe.container_numerics import runner_inside
from envlock.observe.launcher import Launch, Launched, order_of
from envlock.observe.numerics import NumericsTarget
from envlock.observe.ray_cluster import RayCluster
from envlock.observe.zipapp import agent_bytes

HOST = os.uname().nodename
PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of nothing but its interpreter."""
    made = tmp_path_factory.mktemp("p") / "env"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    home = Path(os.path.realpath(sys.executable)).parent
    (made / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    return made


@pytest.fixture(autouse=True, scope="module")
def _written_once() -> Iterator[None]:
    """The zipapp: half of the time of these tests."""
    data = agent_bytes()
    with pytest.MonkeyPatch.context() as patch:
        for module in (launcher, container_module, container_numerics, ray_cluster):
            patch.setattr(module, "agent_bytes", lambda: data)
        yield


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(mode)
    return str(path)


def refused(call: Callable[[], Any], kind: type[EnvlockError]) -> tuple[str, str | None, str | None]:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.message, caught.value.where, caught.value.hint


# A launcher


def launch(command: str, prefix: Path, **options: Any) -> Launch:
    return Launch(
        command=command,
        expectations={platform_name() or "": NOTHING},
        environment=PATH,
        level="roots",
        prefix=str(prefix),
        **{"python": sys.executable, "timeout_seconds": 300, **options},
    )


def ran(command: str, prefix: Path, **options: Any) -> tuple[list[Answer], list[str]]:
    launched = Launched(launch=launch(command, prefix, **options))
    return list(launched.answers()), launched.faults


def test_two_tasks_with_their_ranks_out_of_a_shared_folder(tmp_path: Path, prefix: Path) -> None:
    """Nothing of what was handed over stays there."""
    shared = tmp_path / "shared"
    shared.mkdir()
    engine = script(
        tmp_path / "srun",
        'export SLURM_NTASKS=2\nfor SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@"; done\n',
    )
    answers, faults = ran(engine, prefix, shared=shared)
    assert ([(each.host, each.rank, each.size) for each in answers], faults) == (
        [(HOST, "0", 2), (HOST, "1", 2)],
        [],
    )
    assert {each.document["prefix"] for each in answers} == {str(prefix)}
    assert list(shared.iterdir()) == []


def test_the_agent_by_standard_input_and_a_prefix_that_is_not_there(tmp_path: Path) -> None:
    answers, faults = ran(script(tmp_path / "ssh", 'exec "$@"\n'), tmp_path / "none")
    fault = f"there is no environment at `{tmp_path}/none`"
    assert (answers, faults) == ([Answer(host=HOST, fault=fault)], [])


def test_what_an_engine_says_at_its_end(tmp_path: Path, prefix: Path) -> None:
    engine = script(tmp_path / "srun", "printf 'first\\n\\033[2Jno such node\\n---\\n' >&2\nexit 7\n")
    assert ran(engine, prefix) == ([], [f"`{engine}` ended with exit status 7: ?[2Jno such node"])
    assert ran(script(tmp_path / "srun", "exit 7\n"), prefix) == (
        [],
        [f"`{engine}` ended with exit status 7"],
    )


def test_a_task_that_begins_and_does_not_finish(tmp_path: Path, prefix: Path) -> None:
    """Its first lines came, and of its answer one piece."""
    engine = script(tmp_path / "srun", '"$@" | head -n 3\n')
    (answer,), _ = ran(engine, prefix)
    words = "it began to look and did not finish"
    assert answer.fault is not None
    assert (answer.host, answer.document, answer.fault.partition(":")[0]) == (HOST, None, words)
    assert answer.fault.startswith(f"{words}: 1 of ")
    engine = script(tmp_path / "srun", '"$@" | head -n 1\n')
    assert ran(engine, prefix)[0] == [Answer(host=HOST, fault=words)]


def test_an_engine_that_does_not_want_to_end_is_killed(
    tmp_path: Path, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "_GRACE_SECONDS", 0.1)
    engine = script(tmp_path / "srun", "trap '' TERM\nexec >&- \nwhile :; do sleep 0.1; done\n")
    assert ran(engine, prefix, timeout_seconds=0.3) == ([], [f"`{engine}` was ended after 0.3 s"])


@pytest.mark.parametrize(
    ("command", "options", "kind", "told"),
    [
        ("ssh 'a", {}, UsageFault, ("`--launcher` cannot be read: No closing quotation", "ssh 'a", None)),
        (
            "/dev/null",
            {},
            ToolFailed,
            ("`/dev/null` cannot be started: Permission denied", None, None),
        ),
        (
            "ssh a",
            {"shared": Path("/dev/null/x")},
            DiskFailed,
            ("cannot write to `/dev/null/x`: Not a directory", "/dev/null/x", None),
        ),
        (
            "ssh a",
            {"shared": Path("/a b")},
            UsageFault,
            (
                "`--shared` is `/a b`: a shell and an engine without one read that differently",
                None,
                "name one of letters, digits and `_./+:=@-`",
            ),
        ),
    ],
)
def test_what_a_launcher_cannot_be(
    prefix: Path, command: str, options: Mapping[str, Any], kind: type[EnvlockError], told: tuple[str, ...]
) -> None:
    assert refused(lambda: ran(command, prefix, **options), kind) == told


# Containers

NAME = "job"


@pytest.fixture
def engine(tmp_path: Path, prefix: Path) -> Path:
    """`inspect` prints what lies beside it; `exec` runs here what it would run in the container."""
    inspected = {
        "Id": "ab" * 32,
        "Config": {"Env": [f"VIRTUAL_ENV={prefix}", "EMPTY"]},
        "RootFS": {"Layers": ["sha256:" + "cd" * 32]},
    }
    (tmp_path / "inspected").write_text(json.dumps([inspected]))
    runs = f'case "$2" in inspect) exec cat {tmp_path}/inspected;; esac\nshift 3\nexec "$@"\n'
    return Path(script(tmp_path / "engine", runs))


def container(engine: Path, **options: Any) -> ContainerTarget:
    return ContainerTarget(engine=str(engine), name=NAME, lockfile=b"", environment=PATH, **options)


def test_a_container_that_runs(engine: Path, prefix: Path) -> None:
    inside = inside_container(container(engine))
    assert (inside.prefix, inside.place, dict(inside.environment)) == (
        str(prefix),
        "",
        {"VIRTUAL_ENV": str(prefix), "EMPTY": ""},
    )
    words = ("exec", "--interactive", NAME, "/other/bin/python")
    assert inside_container(container(engine, prefix="/other")).words == words


def test_a_container_of_an_image_sees_no_network_and_writes_nothing(engine: Path, prefix: Path) -> None:
    inside = inside_image(container(engine, gpus=True))
    assert inside.words == (
        "run",
        "--rm",
        "--interactive",
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--tmpfs={inside.place}:mode=1777",
        "--gpus=all",
        f"--entrypoint={prefix}/bin/python",
        NAME,
    )


def test_the_probes_run_in_the_container(engine: Path, prefix: Path) -> None:
    """There is no NumPy and no torch: a document without a probe."""
    target = container(engine)
    numerics = NumericsTarget(python=Path("/not/looked/at"), environment={"LANG": "C"})
    end = runner_inside(target, inside_container(target))(numerics, ())
    document = json.loads(end.document)
    assert (end.status, end.at, end.said, document["probes"], document["versions"]) == (
        0,
        "class",
        "",
        {},
        {},
    )


def test_a_lockfile_that_the_agent_cannot_read(engine: Path) -> None:
    told = refused(lambda: observe_running(container(engine)), CouldNotTell)
    assert told[0].startswith(f"the agent could not look at `{NAME}`: envlock-agent: `/")
    assert told[1:] == (NAME, "`--prefix DIR` names the environment inside of it")


def test_a_python_that_is_not_there(engine: Path) -> None:
    target = container(engine, prefix="/none")
    with pytest.raises(CouldNotTell) as caught:
        observe_running(target)
    assert caught.value.message.startswith(f"the agent could not look at `{NAME}`: ")
    assert "/none/bin/python: not found" in caught.value.message
    script(engine, f'case "$2" in inspect) exec cat {engine.parent}/inspected;; esac\n')
    numerics = NumericsTarget(python=Path("/not/looked/at"), environment={})
    with pytest.raises(CouldNotTell) as caught:
        runner_inside(target, inside_container(target))(numerics, ())
    assert caught.value.message == f"the probes could not be run in `{NAME}`: it says nothing"


def test_an_image_or_a_container_that_is_not_there(engine: Path) -> None:
    script(engine, "printf 'warning\\nno such object\\n' >&2\nexit 125\n")
    for look, kind, hint in (
        (observe_running, "container", f"`{engine} ps` lists those that run"),
        (observe_inside, "image", f"`{engine} pull {NAME}`, or name a reference in a registry"),
    ):
        with pytest.raises(CouldNotTell) as caught:
            look(container(engine))
        error = caught.value
        assert (error.message, error.where, error.hint, error.facts) == (
            f"`{engine}` has no {kind} `{NAME}`",
            NAME,
            hint,
            ((f"{engine} says", "no such object"),),
        )


@pytest.mark.parametrize("inspected", ["[]", "{}", "[1]"])
def test_an_engine_that_does_not_tell_what_an_image_is(engine: Path, inspected: str) -> None:
    (engine.parent / "inspected").write_text(inspected)
    told = refused(lambda: observe_inside(container(engine)), ToolFailed)
    assert told[0].startswith(f"`{engine}` does not tell what `{NAME}` is: ")


def test_an_engine_that_is_not_installed(tmp_path: Path) -> None:
    told = refused(lambda: observe_inside(container(tmp_path / "none")), ToolMissing)
    assert told == (
        f"`{tmp_path}/none` cannot be started: no such file or directory",
        None,
        "install it, or verify the image from outside: a reference, `oci:DIR`, or a saved archive",
    )


def test_a_container_of_ours_is_removed_where_its_end_is_not_waited_for(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by an interrupt, or when its time is over."""
    monkeypatch.setattr("envlock.observe.container._MOST_SECONDS", 0.5)
    inspect = f'case "$2" in inspect) exec cat {engine.parent}/inspected;; esac\n'
    script(engine, f'{inspect}echo "$1 $2 $3" >> {engine.parent}/ran\ncase $1 in run) exec sleep 60;; esac\n')
    with pytest.raises(subprocess.TimeoutExpired):
        observe_inside(container(engine))
    started, removed = (engine.parent / "ran").read_text().splitlines()
    name = started.split("=")[1].split()[0]
    assert (started.split()[0], removed) == ("run", f"rm --force {name}")


# Ray


def ray_of(
    monkeypatch: pytest.MonkeyPatch, nodes: list[Any], get: Callable[[Any], Any], **more: Any
) -> list[str]:
    """A module that does here what Ray does on the nodes; the list says that it was left."""
    left: list[str] = []

    def remote(**options: Any) -> Callable[[Callable[..., str]], Any]:
        assert (options["num_cpus"], options["max_retries"]) == (0, 0)
        where = options["scheduling_strategy"]
        return lambda look: SimpleNamespace(remote=lambda *words: (where.node_id, look, words))

    strategy = SimpleNamespace(
        NodeAffinitySchedulingStrategy=lambda node_id, soft: SimpleNamespace(node_id=node_id, soft=soft)
    )
    module = SimpleNamespace(
        init=lambda **_: sys.stdout.write("Ray says hello\n"),
        shutdown=lambda: left.append("left"),
        nodes=lambda: nodes,
        remote=remote,
        wait=lambda tasks, num_returns, timeout: None,
        get=lambda task, timeout: get(task),
    )
    module.__dict__.update(more)
    monkeypatch.setitem(sys.modules, "ray", module)
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategy)
    return left


def node(name: str, *, alive: bool = True) -> dict[str, Any]:
    return {"NodeID": name, "NodeManagerHostname": name, "NodeManagerAddress": name, "Alive": alive}


@pytest.fixture
def cluster(prefix: Path) -> RayCluster:
    order = order_of(launch("ray", prefix), "ab" * 16)
    return RayCluster(address="auto", order=order, timeout_seconds=1)


def test_each_node_of_a_cluster_answers_or_has_a_reason(
    cluster: RayCluster, prefix: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class GetTimeoutError(Exception):
        pass

    def get(task: Any) -> Any:
        name, look, words = task
        if name == "slow":
            raise GetTimeoutError
        return "Warning: a line of the job's own\n" if name == "odd" else look(*words)

    left = ray_of(monkeypatch, [node("sound"), node("slow"), node("odd"), node("gone", alive=False)], get)
    answers = {each.host: each for each in cluster.answers()}
    assert answers["sound"].document["prefix"] == str(prefix)
    assert {name: each.fault for name, each in answers.items()} == {
        "gone": "Ray lists this node as dead",
        "sound": None,
        "slow": "no answer: GetTimeoutError: GetTimeoutError",
        "odd": "what it answered is no document of the agent",
    }
    assert left == ["left"]
    assert capsys.readouterr() == ("", "Ray says hello\n")


def test_a_node_that_has_no_environment_says_so(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of(launch("ray", prefix / "none"), "ab" * 16)
    ray_of(monkeypatch, [node("a")], lambda task: task[1](*task[2]))
    (answer,) = RayCluster(address="auto", order=order, timeout_seconds=1).answers()
    assert answer == Answer(host="a", fault=f"there is no environment at `{prefix}/none`")


def test_a_cluster_that_is_not_there(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise ConnectionError("Could not find any\n  running Ray instance. \x1b[0m")

    left = ray_of(monkeypatch, [], lambda _: None, init=init)
    assert refused(lambda: list(cluster.answers()), CouldNotTell) == (
        "there is no Ray cluster at `auto`: Could not find any running Ray instance. ?[0m",
        None,
        "`ray status --address ADDRESS` tells what is there",
    )
    assert left == []


def test_without_ray(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert refused(lambda: list(cluster.answers()), ToolMissing) == (
        "`--ray` needs Ray, which is not installed",
        None,
        "`pip install 'torch-envlock[ray]'`",
    )
