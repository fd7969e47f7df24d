"""Many facts documents against one lock: outputs and exit statuses whole."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.lock import write_lock
from envlock.observe import LocalTarget, expectation_of, observe_local
from tests.support.environments import PLATFORM, make_subject
from tests.support.wheels import make_wheel

Envlock = Callable[..., tuple[int, str, str]]
Fleet = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, str]:
    """A lock, the facts of an environment of it, and its runtime hash."""
    folder = tmp_path_factory.mktemp("made")
    subject = make_subject(folder, [make_wheel("demo", "1.0", files={"demo/__init__.py": b"ONE = 1\n"})])
    target = LocalTarget(
        prefix=subject.prefix,
        level="content",
        environment={},
        expectation=expectation_of(subject.lock, PLATFORM),
    )
    return subject.lock, observe_local(target), subject.verify().expected


@pytest.fixture
def fleet(made: tuple[Any, Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Write `facts/NAME.json` for each name, changed by the function given for it."""
    write_lock(tmp_path / "envlock.lock", made[0])
    monkeypatch.chdir(tmp_path)

    def written(**hosts: Callable[[Any], None]) -> Path:
        (tmp_path / "facts").mkdir()
        for name, change in hosts.items():
            document = copy.deepcopy(made[1])
            document["host"]["name"] = name
            change(document)
            (tmp_path / "facts" / f"{name}.json").write_text(json.dumps(document))
        return tmp_path

    return written


@pytest.fixture
def envlock(capsys: pytest.CaptureFixture[str]) -> Envlock:
    def ran(*words: str) -> tuple[int, str, str]:
        status = run(cli, list(words))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return ran


def honest(_document: Any) -> None:
    pass


def preloaded(document: Any) -> None:
    document["libraries"] = [
        {"variable": "LD_PRELOAD", "file": "/opt/evil.so", "shadows": "", "instead": "", "takers": []}
    ]


def older(document: Any) -> None:
    document["distributions"] = [
        {**each, "version": "0.9", "digest": "0" * 64} if each["name"] == "demo" else each
        for each in document["distributions"]
    ]


def other_library(document: Any) -> None:
    document["python"]["standard_library"] = "f" * 64


def without_avx512(document: Any) -> None:
    document["kernels"] = {**document["kernels"], "aten": "AVX1", "threads": "99"}


def untimed(text: str) -> str:
    return re.sub(r" \(\d+\.\d\d s\)", "", text)


def test_all_match(fleet: Fleet, envlock: Envlock, made: tuple[Any, Any, str]) -> None:
    fleet(node1=honest, node2=honest, node3=honest)
    status, out, err = envlock(
        "verify", "--facts", "facts/node1.json", "facts/node2.json", "facts/node3.json"
    )
    assert (status, untimed(out), err) == (
        0,
        f"match: 3 of 3 hosts match\n       3  {made[2]} (as locked)\n",
        "",
    )


def test_hosts_are_grouped_by_numerics_class(
    fleet: Fleet, envlock: Envlock, made: tuple[Any, Any, str]
) -> None:
    fleet(node1=honest, node2=without_avx512, node3=honest, node4=without_avx512, node5=honest)
    status, out, err = envlock("verify", "--facts", "facts")
    lines = untimed(out).splitlines()
    assert (status, err, lines[0]) == (0, "", "match: 5 of 5 hosts match")
    assert lines[2] == "  2 numerics classes: between them results may differ in the last bits"
    assert lines[3].startswith("       3  node[1,3,5]: aten ")
    assert lines[4:] == ["       2  node[2,4]: aten AVX1, threads 99"]
    document = json.loads(envlock("verify", "--facts", "facts", "--json")[1])
    assert [each["count"] for each in document["numerics_classes"]] == [3, 2]
    assert document["numerics_classes"][1]["kernels"]["threads"] == "99"
    assert [row["numerics_class"] for row in document["hosts"]] == [0, 1, 0, 1, 0]


def test_the_odd_ones_are_named_with_a_reason(
    fleet: Fleet, envlock: Envlock, made: tuple[Any, Any, str]
) -> None:
    fleet(node1=honest, node2=preloaded, node3=honest, node4=preloaded, node5=older, node10=honest)
    status, out, err = envlock("verify", "--facts", "facts", "--json")
    document = json.loads(out)
    other = document["groups"][2]["runtime_hash"]["observed"]
    assert status == 1
    assert [group["count"] for group in document["groups"]] == [3, 2, 1]
    assert document["counts"] == {"hosts": 6, "match": 3, "groups": 3}
    status, out, err = envlock("verify", "--facts", "facts")
    assert (status, untimed(out), err) == (
        1,
        "mismatch: node[2,4]: `LD_PRELOAD` loads `/opt/evil.so` into every process\n"
        "mismatch: node5: demo 0.9 is installed, the lock has 1.0\n"
        "\n"
        "mismatch: 3 of 6 hosts match\n"
        f"       3  {made[2]} (as locked)\n"
        f"       2  {made[2]} (as locked)\n"
        f"       1  {other}\n",
        "",
    )


def test_a_host_that_is_missing_is_never_a_match(fleet: Fleet, envlock: Envlock) -> None:
    fleet(node1=honest, node2=honest)
    status, out, _ = envlock("verify", "-q", "--facts", "facts", "--expect-hosts", "3")
    assert status == 8
    assert out.startswith("unknown: 1 of 3 did not answer\n")
    status, out, _ = envlock(
        "verify", "-q", "--facts", "facts", "--expect-hosts", "node1,node2.cluster,node7"
    )
    assert status == 8
    assert out.startswith("unknown: 1 of 3 did not answer: node7\n")
    assert envlock("verify", "-q", "--facts", "facts", "--expect-hosts", "2")[0] == 0


def test_a_document_twice_does_not_stand_in_for_a_missing_host(fleet: Fleet, envlock: Envlock) -> None:
    fleet(node1=honest)
    words = ("verify", "--facts", "facts/node1.json", "facts/node1.json", "--expect-hosts", "2", "--json")
    status, out, _ = envlock(*words)
    document = json.loads(out)
    assert (status, document["verdict"]) == (8, "incomplete")
    assert [row["name"] for row in document["hosts"]] == ["node1 (1)", "node1 (2)"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "`torn.json` is no facts document: Expecting value: line 1 column 1 (char 0)"),
        ("{}", "what it answered is no facts document: its schema is not `envlock.facts/1`"),
        ("[" * 100_000, "`torn.json` is no facts document: maximum recursion depth exceeded"),
    ],
)
def test_what_is_no_facts_document_is_a_host_that_is_incomplete(
    fleet: Fleet, envlock: Envlock, content: str, why: str
) -> None:
    folder = fleet(node1=honest)
    (folder / "facts" / "torn.json").write_text(content)
    status, out, _ = envlock("verify", "--facts", "facts", "--json")
    document = json.loads(out)
    assert (status, document["verdict"]) == (8, "incomplete")
    assert [row["verdict"] for row in document["hosts"]] == ["match", "incomplete"]
    assert document["hosts"][1]["explanation"].startswith(why)


def test_a_value_of_another_type_is_not_judged(fleet: Fleet, envlock: Envlock) -> None:
    def spoilt(document: Any) -> None:
        document["distributions"] = 7

    fleet(node1=honest, node2=spoilt)
    status, out, _ = envlock("verify", "--facts", "facts", "--json")
    assert status == 8
    assert json.loads(out)["hosts"][1]["explanation"] == (
        "what it answered is no facts document: `distributions` is no list"
    )


def test_a_document_a_line(fleet: Fleet, envlock: Envlock) -> None:
    folder = fleet(node1=honest, node2=older)
    lines = [(folder / "facts" / f"node{number}.json").read_text() for number in (1, 2)]
    (folder / "all.jsonl").write_text("\n".join([*lines, "", "{"]))
    status, out, _ = envlock("verify", "--facts", "all.jsonl", "--json")
    rows = {row["name"]: row["verdict"] for row in json.loads(out)["hosts"]}
    assert (status, rows) == (1, {"node1": "match", "node2": "mismatch", "all.jsonl:4": "incomplete"})


def test_the_standard_library_of_most_is_held_against_each(fleet: Fleet, envlock: Envlock) -> None:
    fleet(node1=honest, node2=honest, node3=other_library)
    status, out, _ = envlock("verify", "--facts", "facts", "--json")
    (finding,) = json.loads(out)["findings"]
    assert (status, finding["code"], finding["severity"]) == (0, "standard-library-differs", "note")
    assert finding["message"].endswith(" is another one than on 2 hosts: node3")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x.json",), "unexpected argument `x.json`"),
        (("--facts", "x", "--launcher", "ssh a"), "`--facts` and `--launcher` are two ways to get facts"),
        (("--shared", "x"), "`--shared` is where `--launcher` puts the agent"),
        (("--expect-hosts", "3"), "`--expect-hosts` goes with `--launcher`, `--ray` or `--facts`"),
        (
            ("--facts", "x", "--expect-hosts", "3,4"),
            "`--expect-hosts 3,4` is no number of hosts and no list of names",
        ),
        (("--launcher", ""), "`--launcher` names no command"),
        (
            ("--launcher", "mpirun -np 2"),
            "`mpirun` does not hand its standard input to every task, so the agent would not arrive",
        ),
        (
            ("--launcher", "ssh a", "--agent-python", "python 3"),
            "`--agent-python` is `python 3`: a shell and an engine without one read that differently",
        ),
        (("--launcher", "ssh a", "--level", "numerics"), "`--level numerics` is for the environment at hand"),
        (("--launcher", "ssh a", "--python", "x"), "`--launcher` takes no `--python`"),
    ],
)
def test_slips(fleet: Fleet, envlock: Envlock, words: tuple[str, ...], message: str) -> None:
    fleet()
    status, out, err = envlock("verify", *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message} [usage]\n")


def test_an_engine_that_is_not_there(fleet: Fleet, envlock: Envlock) -> None:
    fleet()
    status, _, err = envlock("verify", "--launcher", "no-such-engine -n 3")
    assert status == 6
    assert err.startswith("error: `no-such-engine` is not installed [tool-missing]\n")


def test_an_engine_that_hangs_is_ended(fleet: Fleet, envlock: Envlock) -> None:
    fleet()
    status, out, _ = envlock("verify", "--launcher", "sh -c 'sleep 60'", "--timeout", "0.2", "--json")
    document = json.loads(out)
    assert (status, document["verdict"]) == (8, "incomplete")
    assert [finding["message"] for finding in document["findings"]] == [
        "no host answered",
        "`sh` was ended after 0.2 s",
    ]


def other_host(document: Any) -> None:
    document["host"]["kernel"] = "9.9"
    document["environment"] = {**document["environment"], "OMP_NUM_THREADS": "3"}
    older(document)


def test_diff_of_two_hosts(fleet: Fleet, envlock: Envlock, made: tuple[Any, Any, str]) -> None:
    fleet(node1=honest, node2=other_host)
    kernel = made[1]["host"]["kernel"]
    assert envlock("diff", "facts/node1.json", "facts/node2.json") == (
        1,
        "differs: demo: `1.0` and `0.9` (and 1 other difference)\n"
        "\n"
        "what differs, the most likely cause first:\n"
        "  demo: `1.0` and `0.9`\n"
        "  OMP_NUM_THREADS: none and `3`\n"
        "\n"
        "what is harmless:\n"
        f"  kernel: `{kernel}` and `9.9`\n"
        "  name: `node1` and `node2`\n",
        "",
    )


def test_diff_of_two_hosts_that_are_alike(fleet: Fleet, envlock: Envlock) -> None:
    fleet(node1=honest, node2=honest)
    status, out, _ = envlock("diff", "facts/node1.json", "facts/node2.json", "--json")
    assert (status, json.loads(out)) == (
        0,
        {
            "schema": "envlock.facts-diff/1",
            "old": "facts/node1.json",
            "new": "facts/node2.json",
            "equal": True,
            "explanation": None,
            "differences": [],
            "harmless": [
                {
                    "component": "host:name",
                    "message": "name: `node1` and `node2`",
                    "old": "node1",
                    "new": "node2",
                }
            ],
        },
    )


def test_diff_names_the_file_that_one_host_has_changed(fleet: Fleet, envlock: Envlock) -> None:
    def edited(document: Any) -> None:
        (demo,) = (each for each in document["distributions"] if each["name"] == "demo")
        row = {"place": "lib", "path": "demo/__init__.py", "file": "x", "claimed": "0" * 64, "observed": None}
        demo.update(digest="0" * 64, changed=[row])

    fleet(node1=honest, node2=edited)
    status, out, _ = envlock("diff", "-q", "facts/node1.json", "facts/node2.json")
    assert (status, out) == (1, "differs: demo 1.0 has other files: `demo/__init__.py`\n")


def test_diff_under_another_python_tells_its_consequences_in_a_line(fleet: Fleet, envlock: Envlock) -> None:
    def rebuilt(document: Any) -> None:
        document["python"].update(version="3.12.1", standard_library="f" * 64)
        (demo,) = (each for each in document["distributions"] if each["name"] == "demo")
        demo.update(digest="0" * 64)

    fleet(node1=honest, node2=rebuilt)
    status, out, _ = envlock("diff", "facts/node1.json", "facts/node2.json", "--json")
    found = json.loads(out)
    assert status == 1
    assert [row["component"] for row in found["differences"]] == ["python", "distributions"]
    assert found["differences"][1]["message"] == (
        "other files of the same version, as another Python takes them: 1 distribution"
    )


@pytest.mark.parametrize("turned", [False, True])
def test_diff_of_a_lock_and_facts(fleet: Fleet, envlock: Envlock, turned: bool) -> None:
    fleet(node1=preloaded)
    words = ["envlock.lock", "facts/node1.json"]
    assert envlock("diff", *(reversed(words) if turned else words), "-q") == (
        1,
        "differs: `LD_PRELOAD` loads `/opt/evil.so` into every process\n",
        "",
    )


def test_ray_is_an_extra(fleet: Fleet, envlock: Envlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    fleet()
    assert envlock("verify", "--ray", "auto") == (
        6,
        "",
        "error: `--ray` needs Ray, which is not installed [tool-missing]\n"
        "\n"
        "hint: `pip install 'torch-envlock[ray]'`\n",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("--launcher", "ssh node1"),
            "error: `--ray` is a way to get facts of its own [usage]\n"
            "\n"
            "hint: leave `--facts` and `--launcher` out\n",
        ),
        (
            ("--shared", "."),
            "error: `--shared` and `--agent-python` go with `--launcher` [usage]\n"
            "\n"
            "hint: leave them out: Ray hands the agent over, and its own Python runs it\n",
        ),
    ],
)
def test_ray_beside_other_ways(envlock: Envlock, words: tuple[str, ...], told: str) -> None:
    assert envlock("verify", "--ray", "auto", *words) == (2, "", told)


def with_gpus(name: str, *, ecc: bool = True, driver: str = "550.54.14") -> Callable[[Any], None]:
    def change(document: Any) -> None:
        device = {"name": name, "capability": "9.0", "multiprocessors": 132, "memory": 80 << 30}
        document["gpu"]["devices"] = [{**device, "mig": False, "ecc": ecc, "persistence": True}] * 2
        document["gpu"]["driver"] = document["host"]["nvidia_driver"] = driver

    return change


def test_diff_of_two_hosts_with_other_gpus(fleet: Fleet, envlock: Envlock) -> None:
    fleet(a=with_gpus("NVIDIA H100 PCIe"), b=with_gpus("NVIDIA H100 80GB HBM3", ecc=False))
    status, out, _ = envlock("diff", "facts/a.json", "facts/b.json")
    said = (
        "GPUs: `2 x NVIDIA H100 PCIe (9.0, 132 SMs, 80 GiB)` and "
        "`2 x NVIDIA H100 80GB HBM3 (9.0, 132 SMs, 80 GiB)`"
    )
    assert status == 1
    assert out.splitlines()[0] == f"differs: {said}"
    assert "what is harmless:\n  name: `a` and `b`\n  ECC, persistence: `True/True True/True` and" in out
