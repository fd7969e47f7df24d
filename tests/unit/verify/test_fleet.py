"""Many hosts from their answers alone: who is missing, who is alike, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from envlock.errors import CouldNotTell
from envlock.observe.answers import Answer
from envlock.report import Finding, Report, Severity, Verdict
from envlock.report.fleet import FleetReport, Group, NumericsClass
from envlock.verify.fleet import ExpectedHosts, judge_fleet
from tests.unit.verify.observed import told

HINT = "it may be down, or without `python3`; the engine's own output tells"
NOTHING = ExpectedHosts()


def finding(component: str = "distribution:six", severity: Severity = Severity.DIFFERS) -> Finding:
    return Finding(code="x", severity=severity, component=component, message=f"{component} is another")


def report(*findings: Finding, verdict: Verdict = Verdict.MATCH) -> Report:
    return Report(
        verdict=verdict, expected="rt1:a", observed="rt1:b", level="content", target="/env", findings=findings
    )


class Judge:
    """Judges by the document's own word, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, document: Any) -> Report:
        self.asked += 1
        if "raises" in document:
            raise document["raises"]
        found = tuple(map(finding, document["odd"]))
        return report(*found, verdict=Verdict.MISMATCH if found else Verdict.MATCH)


def answer(host: str = "a", *odd: str, rank: str = "", size: int = 0, **changed: Any) -> Answer:
    document = {
        "host": {"name": host, "libc": "glibc 2.36"},
        "timing": {"total": 0.5, "files": 3},
        "kernels": {},
        "python": None,
        "odd": list(odd),
        **changed,
    }
    return Answer(host=host, document=document, rank=rank, size=size)


def judged(*answers: Answer, expected: ExpectedHosts = NOTHING, judge: Judge | None = None) -> FleetReport:
    return judge_fleet(iter(answers), judge or Judge(), expected)


def messages(*answers: Answer, expected: ExpectedHosts = NOTHING) -> list[str]:
    return [each.message for each in judged(*answers, expected=expected).findings]


def test_alike_hosts_are_one_group_and_judged_once() -> None:
    judge = Judge()
    found = judged(
        answer("n10"), answer("n9", timing={"total": 9, "files": 3}), answer("n2", "six"), judge=judge
    )
    assert judge.asked == 2
    assert found == FleetReport(
        verdict=Verdict.MISMATCH,
        groups=(
            Group(
                verdict=Verdict.MATCH,
                expected="rt1:a",
                observed="rt1:b",
                level="content",
                explanation=None,
                hosts=("n9", "n10"),
            ),
            Group(
                verdict=Verdict.MISMATCH,
                expected="rt1:a",
                observed="rt1:b",
                level="content",
                explanation="six is another",
                hosts=("n2",),
                findings=(finding("six"),),
                found=1,
            ),
        ),
        classes=(NumericsClass(kernels={}, hosts=("n2", "n9", "n10")),),
    )


@pytest.mark.parametrize(
    ("changed", "times"),
    [
        ({}, 1),
        ({"host": {"name": "c", "libc": "glibc 2.36"}}, 1),
        ({"host": {"name": "a", "libc": "glibc 2.17"}}, 2),
        ({"level": "metadata"}, 2),
        ({"timing": {"total": 2}}, 1),
        # What is not formed is judged each time.
        ({"timing": {"total": "0.5"}}, 3),
        ({"timing": {"total": True}}, 3),
        ({"timing": [0.5]}, 3),
        ({"host": {"name": 1}}, 3),
        ({"host": {}}, 3),
        ({"host": ["b"]}, 3),
    ],
)
def test_what_says_the_same_is_judged_once(changed: dict[str, Any], times: int) -> None:
    first, odd = answer(), answer()
    odd.document.update(changed)
    judge = Judge()
    judged(first, odd, odd, judge=judge)
    assert judge.asked == times


def test_equal_values_are_the_same_whether_they_are_one_object_or_two() -> None:
    row = ["x"]
    judge = Judge()
    judged(answer(paths=[row, row]), answer(paths=[["x"], ["x"]]), judge=judge)
    assert judge.asked == 1


@pytest.mark.parametrize(
    ("answered", "explanation"),
    [
        (Answer(host="a", fault="it has no `python3`"), "it has no `python3`"),
        (
            answer(raises=ValueError("no schema")),
            "what it answered is no facts document: no schema",
        ),
        (answer(raises=RecursionError("too deep")), "what it answered is no facts document: too deep"),
        (answer(raises=CouldNotTell("this host is linux-riscv64")), "this host is linux-riscv64"),
    ],
)
def test_a_host_without_facts_is_told_and_the_fleet_is_incomplete(answered: Answer, explanation: str) -> None:
    if answered.document is not None:
        answered.document["timing"] = None  # not formed, as what raises cannot be marshalled
    found = judged(answer("b"), answered)
    assert found.verdict is Verdict.INCOMPLETE
    assert found.groups[1] == Group(
        verdict=Verdict.INCOMPLETE,
        expected=None,
        observed=None,
        level=None,
        explanation=explanation,
        hosts=("a",),
    )
    assert found.findings == ()
    assert found.classes == (NumericsClass(kernels={}, hosts=("b",)),)


def test_a_document_that_is_none_is_judged_as_it_is() -> None:
    def judge(document: Any) -> Report:
        raise ValueError(f"not {document}")

    found = judge_fleet([Answer(host="a", document=[1])], judge, NOTHING)
    assert [each.explanation for each in found.groups] == ["what it answered is no facts document: not [1]"]


def test_only_what_counts_is_kept_and_the_first_hundred() -> None:
    note = finding("host", Severity.NOTE)
    unknown = finding("path", Severity.UNKNOWN)
    many = tuple(finding(f"distribution:d{number:03}") for number in range(101))
    found = judge_fleet([answer()], lambda _: report(note, *many, unknown), NOTHING).groups[0]
    assert (found.findings, found.found) == (many[:100], 102)
    assert found.explanation == "distribution:d000 is another (and 100 other components)"


def test_groups_the_largest_match_first() -> None:
    answers = [
        Answer(host="z", fault="x"),
        Answer(host="y", fault="x"),
        Answer(host="x", fault="x"),
        answer("c", "one"),
        answer("b", "other"),
        answer("f", "other"),
        answer("d", "third"),
        answer("a"),
    ]
    assert [each.hosts for each in judged(*answers).groups] == [
        ("a",),
        ("b", "f"),
        ("c",),
        ("d",),
        ("x", "y", "z"),
    ]


def test_classes_by_kernels_the_largest_first() -> None:
    rows: list[tuple[str, Mapping[str, str]]] = [
        ("n3", {"gpu": "T4"}),
        ("n10", {"gpu": "H100", "cpu": "AVX2"}),
        ("n1", {"gpu": "A100"}),
        ("n9", {"cpu": "AVX2", "gpu": "H100"}),
    ]
    assert judged(*(answer(host, kernels=kernels) for host, kernels in rows)).classes == (
        NumericsClass(kernels={"cpu": "AVX2", "gpu": "H100"}, hosts=("n9", "n10")),
        NumericsClass(kernels={"gpu": "A100"}, hosts=("n1",)),
        NumericsClass(kernels={"gpu": "T4"}, hosts=("n3",)),
    )


def test_hosts_with_several_documents_are_told_apart() -> None:
    found = judged(
        answer("a", rank="10"), answer("a", rank="9"), answer("b"), answer("b"), answer("c", rank="0")
    )
    assert found.groups[0].hosts == ("a rank 9", "a rank 10", "b (1)", "b (2)", "c")
    assert found.classes[0].hosts == found.groups[0].hosts


def test_names_in_their_natural_order() -> None:
    long = "1" * 253
    hosts = ("rack2-node10", long, "rack2-node9", "rack10-node1", "9", "node", "rack2")
    assert judged(*map(answer, hosts)).groups[0].hosts == (
        "9",
        long,
        "node",
        "rack2",
        "rack2-node9",
        "rack2-node10",
        "rack10-node1",
    )


@pytest.mark.parametrize("hosts", [("node1", "node01"), ("node01", "node1")])
def test_numbers_of_one_value_have_an_order_of_their_own(hosts: tuple[str, str]) -> None:
    assert judged(*map(answer, hosts)).groups[0].hosts == ("node01", "node1")


def test_no_host() -> None:
    found = judged()
    assert (found.verdict, found.groups, found.classes) == (Verdict.INCOMPLETE, (), ())
    assert [told(each) for each in found.findings] == [
        ("host-missing", "unknown", "host", None, None, None, "no host answered", HINT)
    ]
    assert messages(expected=ExpectedHosts(names=("a",))) == ["no host answered"]


def test_as_many_as_answer_are_enough_where_no_number_is_given() -> None:
    assert judged(answer("a"), answer("b")).findings == ()
    assert judged(answer("a"), answer("b"), expected=ExpectedHosts(count=2)).findings == ()
    assert judged(answer("a", rank="0", size=1), answer("b", rank="1", size=1)).findings == ()


def test_fewer_than_expected() -> None:
    found = judged(answer("a"), expected=ExpectedHosts(count=3))
    assert found.verdict is Verdict.INCOMPLETE
    assert [told(each) for each in found.findings] == [
        ("host-missing", "unknown", "host", None, None, None, "2 of 3 did not answer", HINT)
    ]


def test_more_than_expected() -> None:
    found = judged(answer("a"), answer("b"), expected=ExpectedHosts(count=1))
    assert found.verdict is Verdict.MATCH
    message = "2 answered where 1 were expected"
    assert [told(each) for each in found.findings] == [
        ("host-unexpected", "note", "host", None, None, None, message, None)
    ]


def test_two_documents_of_one_host_are_one_without_ranks() -> None:
    assert messages(answer("a"), answer("a"), expected=ExpectedHosts(count=2)) == ["1 of 2 did not answer"]
    both = answer("a", rank="0"), answer("a", rank="1")
    assert messages(*both, expected=ExpectedHosts(count=2)) == []


def test_missing_ranks_are_named_where_the_engine_told_them() -> None:
    there = answer("a", rank="1", size=4), answer("b", rank="3", size=2)
    assert messages(*there) == ["2 of 4 did not answer: rank 0, rank 2"]
    assert messages(*there, expected=ExpectedHosts(count=4)) == ["2 of 4 did not answer: rank 0, rank 2"]
    assert messages(*there, expected=ExpectedHosts(count=5)) == ["3 of 5 did not answer"]
    assert messages(answer("a", rank="1", size=3), answer("b")) == ["1 of 3 did not answer"]


@pytest.mark.parametrize(
    ("size", "listed"),
    [
        (21, ", ".join(f"rank {number}" for number in range(1, 21))),
        (22, ", ".join(f"rank {number}" for number in range(1, 21)) + " and 1 more"),
    ],
)
def test_twenty_are_named(size: int, listed: str) -> None:
    assert messages(answer("a", rank="0", size=size)) == [f"{size - 1} of {size} did not answer: {listed}"]


def test_hosts_by_name_with_or_without_their_domain() -> None:
    names = ExpectedHosts(names=("a", "b.x.org", "c.x.org", "d"), count=9)
    there = answer("a.x.org"), answer("b"), answer("c.x.org"), answer("d")
    assert messages(*there, expected=names) == []
    found = judged(answer("a"), answer("f.y"), answer("e"), answer("b.z"), expected=names)
    assert [told(each) for each in found.findings] == [
        (
            "host-missing",
            "unknown",
            "host",
            None,
            None,
            None,
            "3 of 4 did not answer: b.x.org, c.x.org, d",
            HINT,
        ),
        (
            "host-unexpected",
            "note",
            "host",
            None,
            None,
            None,
            "2 answered and were not expected: e, f.y",
            None,
        ),
    ]


def test_faults_of_the_engine_make_it_incomplete() -> None:
    found = judge_fleet([answer()], Judge(), NOTHING, lambda: ["srun ended with status 1"])
    assert found.verdict is Verdict.INCOMPLETE
    assert [told(each) for each in found.findings] == [
        ("launcher-failed", "unknown", "host", None, None, None, "srun ended with status 1", None)
    ]


def test_a_mismatch_outweighs_a_missing_host() -> None:
    assert judged(answer("a", "six"), expected=ExpectedHosts(count=2)).verdict is Verdict.MISMATCH


def test_standard_libraries_that_are_not_those_of_most() -> None:
    def python(digest: str | None, version: str = "3.11.7") -> dict[str, Any]:
        return {"implementation": "cpython", "version": version, "standard_library": digest}

    found = judged(
        answer("A", python=python("2")),
        answer("b", python=python("1")),
        answer("a", python=python("1")),
        answer("n10", python=python("3")),
        answer("n9", python=python("3")),
        answer("n9", python=python("3")),
        answer("y", python=python(None)),
        answer("c", python=python("4", "3.10.1")),
        answer("d", python=python("5", "3.10.1")),
    )
    assert found.verdict is Verdict.MATCH
    code = "standard-library-differs"
    assert [told(each) for each in found.findings] == [
        (code, "note", "host", None, None, None, message, None)
        for message in [
            "the standard library of cpython 3.10.1 is another one than on 1 host: d",
            "the standard library of cpython 3.11.7 is another one than on 2 hosts: n9, n10",
            "the standard library of cpython 3.11.7 is another one than on 2 hosts: A",
        ]
    ]
