"""Numbers against a reference: fault, expected, cause. Pure values in, findings out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from envlock.agent.numerics.document import NumericsFacts, ProbeFacts
from envlock.lock.numerics import Reference
from envlock.lock.runtime import runtime_hash
from envlock.report import Finding
from envlock.verify.knobs import Knob, knobs
from envlock.verify.numerics import (
    Judging,
    Trial,
    compare,
    judge_numerics,
    not_recorded,
    reference_for,
    restored_by,
)
from tests.unit.lock.values import lock, reference, six

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


def test_equal_numbers_are_no_finding() -> None:
    summary, findings = judge_numerics(compare(reference(), observed()), (), ABOUT)
    assert findings == ()
    assert (summary.equal, summary.differences, summary.class_name) == (2, (), summary.reference)


def test_other_bits_in_the_same_class_are_a_fault() -> None:
    (finding,) = judged(observed({"matmul-f32": "9" * 64}))
    assert (finding.code, finding.severity, finding.component) == (
        "numerics-fault",
        "differs",
        "numerics:matmul-f32",
    )
    assert finding.message == (
        "`matmul-f32` (what matmul-f32 does) gives other bits, and this host is of the reference's class "
        "nc1:0123456789abcdef: none of the sampled values changed: the difference is among the others"
    )
    assert (finding.expected, finding.observed) == ("1" * 64, "9" * 64)


def test_other_bits_in_another_class_are_expected() -> None:
    (finding,) = judged(observed({"matmul-f32": "9" * 64}, host={**HERE, "aten": "AVX512"}))
    assert (finding.code, finding.severity) == ("numerics-moved", "note")
    assert finding.message == (
        "expected on another class of host (aten AVX512 instead of AVX2): the probe (a small fixed "
        "computation) matmul-f32 gave other bits (none of the sampled values changed: the difference is "
        "among the others)"
    )


def test_what_may_never_move_is_a_fault_in_every_class() -> None:
    (finding,) = judged(observed({"sort": "9" * 64}, host={**HERE, "aten": "AVX512"}))
    assert finding.code == "numerics-fault"
    assert "no hardware and no setting may move it" in finding.message


def test_the_knob_that_restores_the_bits_is_the_cause() -> None:
    host = {**HERE, "threads": "1"}
    facts = observed({"matmul-f32": "9" * 64}, host=host)
    comparison = compare(reference(), facts)
    (knob,) = knobs(reference().host, host, {})
    again = observed(host=HERE)
    trial = Trial(knobs=(knob,), restored=restored_by(comparison, again))
    (finding,) = judged(facts, trial)
    assert (finding.code, finding.severity) == ("numerics-knob", "note")
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


def test_a_probe_that_does_not_repeat_is_told_and_no_fault() -> None:
    found = judged(observed({"matmul-f32": "9" * 64}, repeats=False))
    assert [each.code for each in found] == ["numerics-unstable"]


def test_a_probe_that_did_not_run_is_unknown() -> None:
    facts = observed()
    del facts["probes"]["matmul-f32"]
    facts["failed"]["matmul-f32"] = "it ended the process with signal 11"
    (finding,) = judged(facts)
    assert (finding.code, finding.severity) == ("numerics-not-run", "unknown")
    assert finding.message == (
        "the probe `matmul-f32` (what matmul-f32 does) has a reference and gave no result here: it ended the "
        "process with signal 11"
    )


def test_a_library_that_does_not_load_is_one_finding_with_its_last_words() -> None:
    facts = observed()
    facts["probes"].clear()
    facts["broken"]["torch"] = "OSError: libc10.so: cannot open shared object file"
    (finding,) = judged(facts)
    assert (finding.code, finding.component) == ("numerics-not-imported", "numerics:torch")
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
    assert finding.hint == (
        "if you trust the results of this host, `envlock numerics record` here adds one; else record on a "
        "host whose results you trust, and use the lock that it writes"
    )


def test_knobs_follow_from_what_differs() -> None:
    there = {
        "threads": "4",
        "aten": "AVX2",
        "onednn-isa": "Intel AVX2",
        "openblas-core": "Haswell",
        "numpy-simd": "X86_V3",
        "mkl-cbwr": "COMPATIBLE",
    }
    here = {
        "threads": "2",
        "aten": "AVX512",
        "onednn-isa": "Intel AVX-512 with Intel DL Boost",
        "openblas-core": "SkylakeX",
        "numpy-simd": "X86_V3 X86_V4",
    }
    assert [str(knob) for knob in knobs(there, here, {})] == [
        "OMP_NUM_THREADS=4",
        "OPENBLAS_CORETYPE=Haswell",
        "ATEN_CPU_CAPABILITY=avx2",
        "ONEDNN_MAX_CPU_ISA=AVX2",
        "NPY_DISABLE_CPU_FEATURES=X86_V4",
        "MKL_CBWR=COMPATIBLE",
    ]


def test_a_variable_that_is_set_is_first_tried_unset() -> None:
    found = knobs({"threads": "4"}, {"threads": "1"}, {"OMP_NUM_THREADS": "1", "HOME": "/root"})
    assert [str(knob) for knob in found] == ["unset OMP_NUM_THREADS", "OMP_NUM_THREADS=4"]
    assert found[0].turned({"OMP_NUM_THREADS": "1", "HOME": "/root"}) == {"HOME": "/root"}
    assert found[1].turned({"HOME": "/root"}) == {"HOME": "/root", "OMP_NUM_THREADS": "4"}


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
