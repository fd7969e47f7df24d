"""The whole verdict from facts alone, the interpreter, and the nodes of a job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envlock.agent.merkle import PythonIdentity, runtime_hash
from envlock.lock.model import Stack
from envlock.lock.runtime import conda_runtime_hash, runtime_tree
from envlock.report import Report, Verdict
from envlock.verify import Judgement, judge
from envlock.verify.interpreter import judge_python, observed_python
from envlock.verify.nodes import Node, with_nodes
from tests.unit.lock.values import PATHS, conda_package, six, with_conda
from tests.unit.lock.values import lock as make_lock
from tests.unit.verify.observed import installed, observed, python, told

LOCK = replace(make_lock(six()), settings={"OMP_NUM_THREADS": "4"})
EXPECTED = runtime_hash(runtime_tree(LOCK, "linux-64"))
WANTED = PythonIdentity("cpython", "3.11", "cpython-311-x86_64-linux-gnu", "", "0", "0")


def report(
    *items: Any, strict: bool = False, in_job: bool = False, gpu: bool = False, **facts: Any
) -> Report:
    how = Judgement(
        platform="linux-64", entries=lambda _digest: None, strict=strict, in_job=in_job, require_gpu=gpu
    )
    return judge(LOCK, observed(*(items or (installed(),)), **facts), how)


def test_a_match_says_what_was_looked_at() -> None:
    found = report()
    assert (found.verdict, found.expected, found.observed) == (Verdict.MATCH, EXPECTED, EXPECTED)
    assert (found.level, found.target) == ("content", "/env")
    assert (found.counts, found.timing) == ({"files": 7}, {"total": 0.5})
    assert [each.code for each in found.findings] == ["setting-unset"]


def test_each_part_is_judged() -> None:
    found = report(
        installed(version="1.0"),
        python_faults=[["bin/python", "is a script"]],
        foreign=[{"file": "x.py", "kind": "module", "role": "site", "detail": "", "system": False}],
        environment={"OMP_NUM_THREADS": "5"},
        gpu=True,
        unreadable=[["x", "denied"]],
    )
    assert found.verdict is Verdict.MISMATCH
    assert sorted(each.code for each in found.findings) == [
        "foreign-interpreter",
        "foreign-module",
        "no-gpu",
        "setting-differs",
        "unreadable",
        "version-differs",
    ]
    assert found.observed not in (None, EXPECTED)
    unreadable = next(each for each in found.findings if each.code == "unreadable")
    assert told(unreadable) == (
        "unreadable",
        "unknown",
        "host",
        "x",
        None,
        None,
        "`x` could not be looked at: denied",
        "run as a user who can read it, or make the environment again: `envlock sync`",
    )


def test_what_could_not_be_read_has_no_runtime_hash() -> None:
    assert report(installed(digest=None), unreadable=[["x", "denied"]]).verdict is Verdict.INCOMPLETE
    assert report(installed(digest=None)).observed is None
    assert report(python=None).observed is None


def test_how_to_judge_is_handed_on() -> None:
    extra = installed("extra")
    assert report(installed(), extra).verdict is Verdict.MATCH
    assert report(installed(), extra, strict=True).verdict is Verdict.MISMATCH
    assert report(in_job=True).verdict is Verdict.MISMATCH
    assert report(gpu=True).verdict is not Verdict.MATCH
    item = installed(digest="0" * 64, entries="envlock-dist-v1\0six\x001.17.0\0")
    lists = {LOCK.distributions[0].wheels[0].digest: b"envlock-dist-v1\0six\x001.17.0\0lib\0a\0sha256\x001\n"}
    how = Judgement(platform="linux-64", entries=lists.get)
    codes = [each.code for each in judge(LOCK, observed(item), how).findings]
    assert codes == ["file-missing", "setting-unset"]


def test_the_host_is_held_against_the_stack_of_its_platform() -> None:
    stack = Stack(torch="2.6.0", cuda="12.4", variant="cu124", gpu_archs=("sm_90",), driver="525.60.13")
    lock = replace(make_lock(six()), stack={"linux-64": stack})
    host = {"libc": "glibc 2.36", "nvidia_driver": "550.54.14", "gpu_devices": "nvidia0"}
    seen = {**host, "libcuda": "/usr/lib/libcuda.so.1", "nvidia_capabilities": "7.0"}
    how = Judgement(platform="linux-64", entries=lambda _digest: None)
    found = judge(lock, observed(installed(), host=seen), how)
    assert [each.code for each in found.findings] == ["no-code-for-gpu"]


def judged_conda(**changed: Any) -> Report:
    how = Judgement(platform="linux-64", entries=lambda _digest: None)
    lock = with_conda(make_lock(six()), conda_package("numpy"))
    return judge(lock, observed(installed(), conda=conda_facts(numpy(**changed))), how)


def test_a_conda_prefix_counts_in_the_runtime_hash() -> None:
    found = judged_conda(digest=PATHS)
    expected = conda_runtime_hash(with_conda(make_lock(six()), conda_package("numpy")), "linux-64")
    assert (found.verdict, found.findings) == (Verdict.MATCH, ())
    assert found.expected == found.observed == expected
    assert judged_conda(digest=None).observed is None
    row = {"path": "a", "file": "a", "expected": "1", "observed": "2", "reason": "is another file"}
    other = judged_conda(digest="0" * 64, changed=[row])
    assert (other.verdict, other.expected) == (Verdict.MISMATCH, expected)
    assert other.observed not in (None, expected)


def test_facts_that_contradict_themselves_are_no_match() -> None:
    """Other bytes than the record's, and no file that differs: an agent that says so is at fault."""
    found = judged_conda(digest="0" * 64)
    assert found.verdict is Verdict.MISMATCH
    assert [(each.code, each.expected, each.observed) for each in found.findings] == [
        ("conda-record-edited", PATHS, "0" * 64)
    ]


def test_a_conda_package_that_is_gone_and_a_prefix_that_is_none() -> None:
    lock = with_conda(make_lock(six()), conda_package("numpy"))
    how = Judgement(platform="linux-64", entries=lambda _digest: None)
    gone = judge(lock, observed(installed(), conda=conda_facts()), how)
    assert [each.code for each in gone.findings] == ["conda-package-missing"]
    assert gone.verdict is Verdict.MISMATCH
    plain = judge(lock, observed(installed()), how)
    assert plain.expected == plain.observed == runtime_hash(runtime_tree(lock, "linux-64"))


def numpy(**changed: Any) -> dict[str, Any]:
    found = {"name": "numpy", "version": "1.0", "build": "h0_0", "build_number": 0, "subdir": "linux-64"}
    rest = {"archive": "numpy-1.0-h0_0.conda", "sha256": "c" * 64, "md5": "d" * 32, "claimed": PATHS}
    lists = {"record": "conda-meta/numpy-1.0-h0_0.json", "changed": [], "scripts": [], "problems": []}
    return {**found, **rest, **lists, **changed}


def conda_facts(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"packages": list(packages), "problems": [], "clobbers": [], "extra": [], "extra_count": 0}


@pytest.mark.parametrize(
    ("changed", "label", "found", "wanted"),
    [
        ({"implementation": "pypy"}, "implementation", "pypy", "cpython"),
        ({"version": "3.12.1"}, "version", "3.12.1", "3.11"),
        ({"version": "3.1.1"}, "version", "3.1.1", "3.11"),
        ({"soabi": "x"}, "soabi", "x", "cpython-311-x86_64-linux-gnu"),
        ({"abiflags": "d"}, "abiflags", "d", ""),
        ({"debug": "1"}, "debug", "1", "0"),
        ({"gil_disabled": "1"}, "gil-disabled", "1", "0"),
    ],
)
def test_an_interpreter_that_differs(changed: dict[str, str], label: str, found: str, wanted: str) -> None:
    assert [told(each) for each in judge_python(WANTED, observed(python=python(**changed)))] == [
        (
            "python-differs",
            "differs",
            "python",
            None,
            wanted,
            found,
            f"the interpreter's {label} is `{found}`, the lock has `{wanted}`",
            "make the environment with Python 3.11: `envlock sync`",
        )
    ]


def test_a_patch_version_that_is_locked() -> None:
    exact = WANTED._replace(version="3.11.7")
    assert observed_python(exact, python()).version == "3.11.7"
    assert observed_python(exact, python(version="3.11.7.1")).version == "3.11.7.1"
    assert observed_python(WANTED, python()) == WANTED


def test_what_is_no_interpreter() -> None:
    facts = observed(python=None, python_faults=[["bin/python3", "is a script"]])
    assert [told(each) for each in judge_python(WANTED, facts)] == [
        (
            "foreign-interpreter",
            "foreign",
            "python",
            "bin/python3",
            None,
            None,
            "`bin/python3` is a script",
            "make the environment again: `envlock sync`",
        )
    ]


def node(number: int, **changed: Any) -> Node:
    one = Node(
        number=number,
        host=f"h{number}",
        platform="linux-64",
        verdict=Verdict.MATCH,
        expected="rt1:a",
        said=None,
    )
    return replace(one, **changed)


def test_nodes_that_agree() -> None:
    assert with_nodes(report(), [node(0), node(1)], {}) == report()


def test_nodes_that_differ_that_are_unknown_and_that_are_silent() -> None:
    nodes = [
        node(0),
        node(1, verdict=Verdict.MISMATCH, said="`x.py` is missing"),
        node(2, verdict=Verdict.INCOMPLETE, expected=None),
        node(3, expected="rt1:b"),
        node(4, platform="linux-aarch64", expected="rt1:c"),
        node(7, platform="osx-arm64", expected="rt1:d"),
    ]
    found = with_nodes(report(), nodes, {6: "no answer", 5: "died"})
    assert found.verdict is Verdict.MISMATCH
    wait = "every rank calls `require()`; `timeout_seconds` is how long a node waits for the others"
    assert [told(each) for each in found.findings if each.component.startswith("node")] == [
        ("node-differs", "differs", "node:1", None, None, None, "node 1 (`h1`): `x.py` is missing", None),
        (
            "node-lock-differs",
            "differs",
            "node:3",
            None,
            "rt1:a",
            "rt1:b",
            "node 3 (`h3`) is held against another lock than the others",
            "give every node the same `envlock.lock`",
        ),
        ("node-unknown", "unknown", "node:2", None, None, None, "node 2 (`h2`): incomplete", None),
        ("node-unknown", "unknown", "node:5", None, None, None, "node 5: died", wait),
        ("node-unknown", "unknown", "node:6", None, None, None, "node 6: no answer", wait),
    ]
    assert [each.code for each in found.findings if each.component.startswith("setting")] == ["setting-unset"]
