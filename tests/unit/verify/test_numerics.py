"""Numbers against a reference: fault, expected, cause. Pure values in, findings out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from envlock.agent.numerics.document import NumericsFacts, ProbeFacts
from envlock.lock.numerics import ProbeReference, Reference
from envlock.lock.runtime import runtime_hash
from envlock.report import Finding
from envlock.report.model import Numerics, ProbeDifference
from envlock.verify.knobs import Knob, knobs
from envlock.verify.numerics import (
    Judging,
    Trial,
    compare,
    judge_numerics,
    not_computed,
    not_recorded,
    reference_for,
    restored_by,
)
from tests.unit.lock.values import lock, reference, six
from tests.unit.verify.observed import told

HERE = {"aten": "AVX2", "cpu-vendor": "GenuineIntel", "threads": "4"}
ABOUT = Judging(may_move=lambda name: name != "sort", exercises=lambda name: f"what {name} does")


def observed(
    changed: Mapping[str, str] | None = None, *, host: Mapping[str, str] = HERE, repeats: bool = True
) -> NumericsFacts:
    """What the probes of `reference()` gave, `changed` ones with another hash."""
    hashes = {"matmul-f32": "1" * 64, "sort": "2" * 64, **(changed or {})}
    samples = {"matmul-f32": ("float32", "AACAPwAAAEA="), "sort": ("int64", "AQAAAAAAAAA=")}
    probes = {
        name: ProbeFacts(
            sha256=sha256,
            dtype=samples[name][0],
            size=2,
            sample=samples[name][1],
            repeats=repeats,
            seconds=0.1,
        )
        for name, sha256 in hashes.items()
    }
    return NumericsFacts(
        {
            "schema": "envlock.numerics/1",
            "class": "nc1:0123456789abcdef" if host == HERE else "nc1:ffffffffffffffff",
            "host": dict(host),
            "versions": {},
            "probes": probes,
            "failed": {},
            "broken": {},
            "seconds": {"import": 1.0, "probes": 0.5},
        }
    )


def judged(facts: NumericsFacts, *trials: Trial, of: Reference | None = None) -> tuple[Finding, ...]:
    return judge_numerics(compare(of or reference(), facts), trials, ABOUT)[1]


def probes(**samples: str) -> tuple[Reference, NumericsFacts]:
    """A reference with float32 probes of [1, 2] each, and another class of host where each gave a sample."""
    rows = tuple(
        ProbeReference(name=name, dtype="float32", sha256="1" * 64, sample="AACAPwAAAEA=") for name in samples
    )
    facts = observed(host={**HERE, "aten": "AVX512"})
    one = facts["probes"].pop("matmul-f32")
    del facts["probes"]["sort"]
    for name, sample in samples.items():
        facts["probes"][name] = {**one, "sha256": "9" * 64, "sample": sample}
    return reference(probes=rows), facts


NEAR = "AQCAPwAAAEA="  # 1 unit in the last place more than 1
FAR = "AACAPwAAQEA="  # 3 in place of 2
NEAR_WORDS = (
    "50 % of the values changed, typically by 1 unit in the last place and at most by 6e-08 of the largest "
    "value"
)
FAR_WORDS = (
    "50 % of the values changed, typically by 4.1943e+06 units in the last place and at most by 0.5 of the "
    "largest value"
)


def test_equal_numbers_are_no_finding() -> None:
    summary, findings = judge_numerics(compare(reference(), observed()), (), ABOUT)
    assert findings == ()
    assert (summary.equal, summary.differences, summary.class_name) == (2, (), summary.reference)


def test_other_bits_in_the_same_class_are_a_fault() -> None:
    (finding,) = judged(observed({"matmul-f32": "9" * 64}))
    assert told(finding) == (
        "numerics-fault",
        "differs",
        "numerics:matmul-f32",
        None,
        "1" * 64,
        "9" * 64,
        "`matmul-f32` (what matmul-f32 does) gives other bits, and this host is of the reference's class "
        "nc1:0123456789abcdef: none of the sampled values changed: the difference is among the others",
        "do not use results of this host: `envlock verify --level content` names changed libraries; where "
        "there are none, run this again, then suspect memory or CPU",
    )


def test_a_summary_says_how_far_each_probe_went() -> None:
    of, facts = probes(a=NEAR, b="AACAPwAAAEA=", c=FAR, d="AACAPw==")
    facts["probes"]["b"]["sha256"] = "1" * 64
    del facts["probes"]["d"]
    summary, _ = judge_numerics(compare(of, facts), (), ABOUT)
    differences = [
        ProbeDifference(
            name=name,
            changed_percent=50.0,
            median_ulp=ulp,
            max_relative=relative,
            repeats=True,
            cause=None,
            because=None,
            words=words,
        )
        for name, ulp, relative, words in [
            ("a", 1.0, 2.0**-24, NEAR_WORDS),
            ("c", 4194304.0, 0.5, FAR_WORDS),
        ]
    ]
    assert summary == Numerics(
        class_name="nc1:ffffffffffffffff",
        reference="nc1:0123456789abcdef",
        host={**HERE, "aten": "AVX512"},
        reference_host=HERE,
        equal=1,
        differences=tuple(differences),
        seconds={"import": 1.0, "probes": 0.5},
    )


def test_a_percentage_has_one_decimal() -> None:
    of, facts = probes(a="AQCAPwAAAEAAAABA")
    whole = replace(of, probes=(replace(of.probes[0], sample="AACAPwAAAEAAAABA"),))
    (difference,) = judge_numerics(compare(whole, facts), (), ABOUT)[0].differences
    assert difference.changed_percent == 33.3


@pytest.mark.parametrize(("dtype", "sample"), [("float32", "AACAPwAAAEA="), ("int8", "AAAA")])
def test_a_sample_of_another_type_is_changed_altogether(dtype: str, sample: str) -> None:
    of, facts = probes(a=sample)
    facts["probes"]["a"]["dtype"] = "int32"
    whole = replace(of, probes=(replace(of.probes[0], dtype=dtype, sample=sample),))
    (difference,) = judge_numerics(compare(whole, facts), (), ABOUT)[0].differences
    assert (difference.words, difference.median_ulp) == ("100 % of the values changed", None)


def test_other_bits_in_another_class_are_expected() -> None:
    (finding,) = judged(observed({"matmul-f32": "9" * 64}, host={**HERE, "aten": "AVX512"}))
    assert told(finding) == moved(
        "aten AVX512 instead of AVX2",
        "the probe (a small fixed computation) matmul-f32 gave other bits (none of the sampled values "
        "changed: the difference is among the others)",
    )


def moved(values: str, what: str) -> tuple[Any, ...]:
    return (
        "numerics-moved",
        "note",
        "numerics",
        None,
        None,
        None,
        f"expected on another class of host ({values}): {what}",
        "compare results by a tolerance here, not by bits; `envlock numerics profile portable` prints "
        "settings under which fewer probes move, more slowly",
    )


def test_values_of_a_class_that_one_host_does_not_have() -> None:
    host = {"cpu-vendor": "GenuineIntel", "threads": "8", "mkl": "2024"}
    (finding,) = judged(observed({"matmul-f32": "9" * 64}, host=host))
    assert finding.message.startswith(
        "expected on another class of host (aten none instead of AVX2, mkl 2024 instead of none, threads 8 "
        "instead of 4): the probe"
    )


@pytest.mark.parametrize(
    ("samples", "worst"),
    [
        ({"a": NEAR, "b": FAR, "c": NEAR}, f"b, {FAR_WORDS}"),
        ({"b": FAR, "a": NEAR, "c": NEAR}, f"b, {FAR_WORDS}"),
        # The share that changed decides between those of one distance, and where there is none.
        ({"a": "", "c": "AACAPwAAAEA=", "b": NEAR}, f"b, {NEAR_WORDS}"),
        ({"a": "AACAPwAAAEA=", "b": ""}, "b, 100 % of the values changed"),
    ],
)
def test_the_worst_of_many_is_told(samples: Mapping[str, str], worst: str) -> None:
    of, facts = probes(**samples)
    (finding,) = judged(facts, of=of)
    names = ", ".join(samples)
    assert told(finding) == moved(
        "aten AVX512 instead of AVX2",
        f"{len(samples)} probes (small fixed computations) gave other bits: {names} (the most: {worst})",
    )


def test_what_may_never_move_is_a_fault_in_every_class() -> None:
    (finding,) = judged(observed({"sort": "9" * 64}, host={**HERE, "aten": "AVX512"}))
    assert finding.code == "numerics-fault"
    assert finding.message == (
        "`sort` (what sort does) gives other bits, and no hardware and no setting may move it: none of the "
        "sampled values changed: the difference is among the others"
    )


def test_a_probe_that_nothing_is_known_of_has_its_name_alone() -> None:
    about = replace(ABOUT, exercises=lambda name: {"sort": "", "matmul-f32": ""}[name])
    facts = observed({"sort": "9" * 64})
    del facts["probes"]["matmul-f32"]
    messages = [each.message for each in judge_numerics(compare(reference(), facts), (), about)[1]]
    assert messages == [
        "`sort` gives other bits, and no hardware and no setting may move it: none of the sampled values "
        "changed: the difference is among the others",
        "the probe `matmul-f32` has a reference and gave no result here: it was not run",
    ]


def test_the_knob_that_restores_the_bits_is_the_cause() -> None:
    host = {**HERE, "threads": "1"}
    facts = observed({"matmul-f32": "9" * 64}, host=host)
    comparison = compare(reference(), facts)
    (knob,) = knobs(reference().host, host, {})
    again = observed(host=HERE)
    trial = Trial(knobs=(knob,), restored=restored_by(comparison, again))
    (finding,) = judged(facts, trial)
    assert (finding.code, finding.severity, finding.component) == ("numerics-knob", "note", "numerics")
    assert finding.message == (
        "the number of threads is `1` here, `4` in the reference: the probe (a small fixed computation) "
        "matmul-f32 gave other bits (none of the sampled values changed: the difference is among the "
        "others); `OMP_NUM_THREADS=4` restores the bits"
    )
    assert finding.hint == (
        "for the numbers of the reference: `OMP_NUM_THREADS=4` before the job; for all hosts to have the "
        "same, set the variable under `[tool.envlock.settings]`, then `envlock lock` and "
        "`envlock numerics record`"
    )


def test_a_knob_explains_even_in_the_same_class() -> None:
    knob = Knob(variable="X", value=None, because="`X` is set")
    trial = Trial(knobs=(knob,), restored=frozenset({"matmul-f32"}))
    (finding,) = judged(observed({"matmul-f32": "9" * 64}), trial)
    assert finding.code == "numerics-knob"
    assert finding.message.endswith("`unset X` restores the bits")


def test_the_fewest_knobs_are_named() -> None:
    one, other = (Knob(variable=name, value="1", because=f"{name} is seen") for name in "AB")
    both = Trial(knobs=(one, other), restored=frozenset({"matmul-f32"}))
    alone = Trial(knobs=(other,), restored=frozenset({"matmul-f32"}))
    host = {**HERE, "aten": "AVX512"}
    (finding,) = judged(observed({"matmul-f32": "9" * 64}, host=host), both, alone)
    assert finding.message.startswith("B is seen: ")


def test_causes_by_how_much_they_explain_and_hardware_last() -> None:
    """Of several knobs that together restore a probe, all are named."""
    one, other, third = (Knob(variable=name, value="1", because=f"{name} is seen") for name in "ABC")
    of, facts = probes(a=NEAR, b=NEAR, c=NEAR, d=NEAR)
    trials = (
        Trial(knobs=(one, other), restored=frozenset({"b"})),
        Trial(knobs=(third,), restored=frozenset({"c", "d"})),
    )
    what = "gave other bits"
    assert [each.message for each in judged(facts, *trials, of=of)] == [
        f"C is seen: 2 probes (small fixed computations) {what}: c, d (the most: c, {NEAR_WORDS}); `C=1` "
        "restores the bits of all 2",
        f"A is seen; B is seen: the probe (a small fixed computation) b {what} ({NEAR_WORDS}); `A=1 B=1` "
        "restores the bits",
        "expected on another class of host (aten AVX512 instead of AVX2): the probe (a small fixed "
        f"computation) a {what} ({NEAR_WORDS})",
    ]


def test_a_probe_that_does_not_run_again_was_not_restored() -> None:
    comparison = compare(reference(), observed({"matmul-f32": "9" * 64, "sort": "9" * 64}))
    again = observed()
    del again["probes"]["matmul-f32"]
    assert restored_by(comparison, again) == {"sort"}
    assert restored_by(comparison, observed({"sort": "9" * 64})) == {"matmul-f32"}


def test_a_probe_that_does_not_repeat_is_told_and_no_fault() -> None:
    (finding,) = judged(observed({"matmul-f32": "9" * 64}, repeats=False))
    assert told(finding) == (
        "numerics-unstable",
        "note",
        "numerics:matmul-f32",
        None,
        None,
        None,
        "`matmul-f32` gives other bits each time on this host: it has no reference to keep",
        "`torch.use_deterministic_algorithms(True)` replaces such kernels, or refuses them",
    )


def test_a_probe_that_did_not_run_is_unknown() -> None:
    facts = observed()
    del facts["probes"]["matmul-f32"]
    facts["failed"]["matmul-f32"] = "it ended the process with signal 11"
    (finding,) = judged(facts)
    assert told(finding) == (
        "numerics-not-run",
        "unknown",
        "numerics:matmul-f32",
        None,
        None,
        None,
        "the probe `matmul-f32` (what matmul-f32 does) has a reference and gave no result here: it ended the "
        "process with signal 11",
        "the other probes are judged; `envlock numerics record` on this host leaves it out",
    )


def test_what_a_library_that_does_not_load_would_have_run_is_told_by_that() -> None:
    facts = observed()
    del facts["probes"]["matmul-f32"]
    facts["broken"] = {"torch": "x", "numpy": "y"}
    assert compare(reference(), facts).missing == {
        "matmul-f32": "torch could not be imported; numpy could not be imported"
    }
    assert [each.component for each in judged(facts)] == ["numerics:numpy", "numerics:torch"]
    facts["failed"]["matmul-f32"] = "out of memory"
    assert [each.component for each in judged(facts)][2:] == ["numerics:matmul-f32"]


def test_a_library_that_does_not_load_is_one_finding_with_its_last_words() -> None:
    facts = observed()
    facts["probes"].clear()
    facts["broken"]["torch"] = "OSError: libc10.so: cannot open shared object file"
    (finding,) = judged(facts)
    assert (finding.code, finding.severity) == ("numerics-not-imported", "unknown")
    assert finding.component == "numerics:torch"
    assert finding.message == (
        "`torch` is installed and cannot be imported, so nothing was computed with it: OSError: libc10.so: "
        "cannot open shared object file"
    )
    assert finding.hint == (
        "`python -c 'import torch'` in the environment says all of it; where the bytes are as locked, a "
        "library of the system is missing, or a variable is set that it does not bear"
    )


def test_the_nearest_class_is_taken_and_only_of_these_bytes() -> None:
    base = lock(six())
    runtime = runtime_hash(base, "linux-64")
    near = reference(class_name="nc1:" + "1" * 16, runtime=runtime, host={**HERE, "threads": "8"})
    far = reference(class_name="nc1:" + "0" * 16, runtime=runtime, host={"aten": "DEFAULT"})
    stale = reference(runtime="rt1:" + "b" * 64)
    whole = replace(base, numerics=(far, near, stale))
    assert reference_for(whole, "linux-64", observed(), runtime) == near
    assert reference_for(replace(base, numerics=(stale,)), "linux-64", observed(), runtime) is None


def test_nothing_recorded() -> None:
    base = lock(six())
    assert not_recorded(base, "linux-64").message == "the lock has no numeric reference for linux-64"
    stale = replace(base, numerics=(reference(),))
    finding = not_recorded(stale, "linux-64")
    assert finding.message == "the lock's numeric references were recorded under another runtime hash"
    assert (finding.code, finding.severity) == ("numerics-not-recorded", "unknown")
    assert finding.component == "numerics"
    assert finding.hint == (
        "if you trust the results of this host, `envlock numerics record` here adds one; else record on a "
        "host whose results you trust, and use the lock that it writes"
    )


def test_a_reference_without_a_probe_is_none() -> None:
    """Nothing computed is nothing proved: `0 of 0 probes equal` was a match."""
    base = lock(six())
    runtime = runtime_hash(base, "linux-64")
    empty = replace(reference(runtime=runtime), probes=())
    assert reference_for(replace(base, numerics=(empty,)), "linux-64", observed(), runtime) is None


def test_a_fault_beside_files_that_differ_points_at_them() -> None:
    about = replace(ABOUT, bytes_differ=True)
    (finding,) = judge_numerics(compare(reference(), observed({"sort": "9" * 64})), (), about)[1]
    assert finding.hint == (
        "do not use results of this environment: files of it are not what the lock says, which can do this; "
        "`envlock sync --repair`, then verify again"
    )


def test_nothing_to_compute_with() -> None:
    assert told(not_computed()) == (
        "numerics-not-run",
        "unknown",
        "numerics",
        None,
        None,
        None,
        "neither NumPy nor torch is in this environment, and envlock computes with nothing else",
        "`envlock verify --level content` proves the bytes, which is all there is to prove here",
    )
