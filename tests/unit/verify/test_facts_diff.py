"""Two hosts by their facts: every difference whole, the likeliest cause first."""

from __future__ import annotations

from typing import Any, cast

import pytest

from envlock.agent.facts import CondaFacts, Facts, GpuDeviceFacts, GpuFacts, LibraryFacts
from envlock.agent.gpu import nothing
from envlock.report import Finding, Report, Severity, Verdict
from envlock.report.facts_diff import Difference, FactsDiff
from envlock.verify.facts_diff import diff_facts, diff_lock
from tests.unit.verify.observed import SITE, installed, observed, on_path, python

Row = tuple[str, str, str | None, str | None]
OTHER = python(version="3.12.1", soabi="cpython-312-x86_64-linux-gnu", standard_library="2")


def rows(differences: tuple[Difference, ...]) -> list[Row]:
    return [(each.component, each.message, each.old, each.new) for each in differences]


def differing(old: Facts, new: Facts) -> list[Row]:
    """What can matter; there is nothing harmless."""
    found = diff_facts(old, new)
    assert found.harmless == ()
    return rows(found.differences)


def harmless(old: Facts, new: Facts) -> list[Row]:
    found = diff_facts(old, new)
    assert (found.differences, found.explanation) == ((), None)
    return rows(found.harmless)


def gpu(*devices: GpuDeviceFacts, **changed: Any) -> GpuFacts:
    return cast(GpuFacts, {**nothing(), "devices": list(devices), **changed})


def device(**changed: Any) -> GpuDeviceFacts:
    found = {
        "name": "NVIDIA H100",
        "capability": "9.0",
        "multiprocessors": 132,
        "memory": 80 * 2**30,
        "mig": False,
        "ecc": True,
        "persistence": False,
    }
    return cast(GpuDeviceFacts, {**found, **changed})


def test_the_same_facts_differ_in_nothing() -> None:
    assert diff_facts(observed(installed()), observed(installed())) == FactsDiff(
        differences=(), harmless=(), explanation=None
    )


def test_causes_in_their_order_and_the_first_explains() -> None:
    """All at once; what another Python brings is not told of each distribution."""
    library = cast(LibraryFacts, {"file": "/x/libc.so"})
    old = observed(installed(), python=python(standard_library="1"))
    new = observed(
        installed(digest="9" * 64),
        installed("torch", "2.6.0"),
        python=OTHER,
        host={"libc": "glibc 2.36", "cpu_level": "x86-64-v3"},
        gpu=gpu(device()),
        conda=cast(CondaFacts, {"packages": [{"name": "xz", "version": "5", "build": "h_0", "digest": "a"}]}),
        libraries=[library],
        environment={"A": "1"},
        foreign=[{"file": "/env/x.py", "kind": "module", "role": "site", "detail": "", "system": False}],
        paths=[on_path("/x")],
        bytecode=[{"file": "x.pyc", "source": "x.py", "reason": "is another"}],
        level="metadata",
    )
    found = diff_facts(old, new)
    assert [each.component for each in found.differences] == [
        "python",
        "host:cpu_level",
        "gpu:devices",
        "distribution:torch",
        "distributions",
        "conda:xz",
        "library",
        "environment:A",
        "foreign",
        "path",
        "bytecode",
    ]
    assert [each.component for each in found.harmless] == ["gpu:modes", "level"]
    assert found.explanation == (
        "Python: `cpython 3.11.7 (cpython-311-x86_64-linux-gnu)` and "
        "`cpython 3.12.1 (cpython-312-x86_64-linux-gnu)` (and 10 other differences)"
    )


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"A": "1"}, "A: none and `1`"),
        ({"A": "1", "B": "2"}, "A: none and `1` (and 1 other difference)"),
        ({"A": "1", "B": "2", "C": "3"}, "A: none and `1` (and 2 other differences)"),
    ],
)
def test_the_explanation_counts_the_others(environment: dict[str, str], line: str) -> None:
    assert diff_facts(observed(), observed(environment=environment)).explanation == line


def test_a_python_that_is_not_there() -> None:
    called = "cpython 3.11.7 (cpython-311-x86_64-linux-gnu)"
    assert differing(observed(python=None), observed()) == [
        ("python", f"Python: none and `{called}`", None, called)
    ]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("1", "2", [("python", "the standard library of one Python has other bytes", "1", "2")]),
        ("1", "1", []),
        (None, "2", []),
        ("1", None, []),
    ],
)
def test_the_standard_library(old: str | None, new: str | None, found: list[Row]) -> None:
    one, other = (observed(python=python(standard_library=digest)) for digest in (old, new))
    assert differing(one, other) == found
    assert differing(observed(python=None), observed(python=None)) == []


def test_the_host() -> None:
    old = observed(host={"libc": "glibc 2.36", "name": "a", "kernel": "6.1", "nvidia_capabilities": "9.0"})
    new = observed(
        host={
            "libc": "glibc 2.17",
            "name": "b",
            "nvidia_driver": "550.54.14",
            "platform": "linux-64",
            "libstdcxx": "3.4.30",
            "cpu_level": "x86-64-v3",
            "glibc_tunables": "x",
            "libcuda": "/usr/lib/libcuda.so.1",
        }
    )
    found = diff_facts(old, new)
    assert rows(found.differences) == [
        ("host:cpu_level", "CPU level: none and `x86-64-v3`", None, "x86-64-v3"),
        ("host:glibc_tunables", "glibc_tunables: none and `x`", None, "x"),
        ("host:libc", "C library: `glibc 2.36` and `glibc 2.17`", "glibc 2.36", "glibc 2.17"),
        ("host:libstdcxx", "GLIBCXX: none and `3.4.30`", None, "3.4.30"),
        ("host:nvidia_driver", "NVIDIA driver: none and `550.54.14`", None, "550.54.14"),
        ("host:platform", "platform: none and `linux-64`", None, "linux-64"),
    ]
    assert rows(found.harmless) == [
        ("host:kernel", "kernel: `6.1` and none", "6.1", None),
        ("host:name", "name: `a` and `b`", "a", "b"),
    ]


def test_gpus_and_kernels() -> None:
    kinds = "1 x NVIDIA A100 (?), 2 x NVIDIA H100 (9.0, 132 SMs, 80 GiB, MIG)"
    plain = device(name="NVIDIA A100", capability=None, multiprocessors=None, memory=None, mig=None)
    two = device(mig=True)
    old = observed(
        gpu=gpu(two, plain, two, driver="550.1"), kernels={"aten": "AVX2", "blas": "x", "gpu": "1"}
    )
    new = observed(gpu=gpu(fault="no-library"), kernels={"aten": "AVX512", "mkl": "y", "gpu": "2"})
    found = diff_facts(old, new)
    assert rows(found.differences) == [
        ("gpu:devices", f"GPUs: `{kinds}` and none", kinds, None),
        ("gpu:driver", "user-space NVIDIA driver: `550.1` and none", "550.1", None),
        ("gpu:fault", "why NVML tells nothing: none and `no-library`", None, "no-library"),
        ("kernels:aten", "aten: `AVX2` and `AVX512`", "AVX2", "AVX512"),
        ("kernels:blas", "blas: `x` and none", "x", None),
        ("kernels:mkl", "mkl: none and `y`", None, "y"),
    ]


def test_how_gpus_are_looked_after_is_harmless() -> None:
    old = observed(gpu=gpu(device(), device(), libcuda="/a", toolkit="1.14", driver="1"))
    new = observed(
        gpu=gpu(device(), device(ecc=None, persistence=True), driver="1", toolkit="1.15"),
        prefix="/other",
        level="metadata",
    )
    modes = "True/False True/False", "True/False None/True"
    assert harmless(old, new) == [
        ("gpu:modes", f"ECC, persistence: `{modes[0]}` and `{modes[1]}`", *modes),
        ("gpu:libcuda", "libcuda: `/a` and none", "/a", None),
        ("gpu:toolkit", "toolkit: `1.14` and `1.15`", "1.14", "1.15"),
        ("prefix", "prefix: `/env` and `/other`", "/env", "/other"),
        ("level", "level: `content` and `metadata`", "content", "metadata"),
    ]


def test_variables() -> None:
    assert differing(
        observed(environment={"B": "1", "C": ""}), observed(environment={"A": "2", "B": "2"})
    ) == [
        ("environment:A", "A: none and `2`", None, "2"),
        ("environment:B", "B: `1` and `2`", "1", "2"),
        ("environment:C", "C: empty and none", "", None),
    ]


def test_distributions_by_version() -> None:
    """The first of each name is the one that is imported."""
    old = observed(installed("b", "1"), installed("b", "2"), installed("c", "1", digest="1"))
    new = observed(installed("b", "3"), installed("a", "1"), installed("c", "2", digest="2"))
    assert differing(old, new) == [
        ("distribution:a", "a: none and `1`", None, "1"),
        ("distribution:b", "b: `1` and `3`", "1", "3"),
        ("distribution:c", "c: `1` and `2`", "1", "2"),
    ]


def test_a_digest_that_is_not_known_differs_in_nothing() -> None:
    assert differing(observed(installed(digest=None)), observed(installed(digest="2"))) == []
    assert differing(observed(installed(digest="1")), observed(installed(digest=None))) == []


def file(path: str, seen: str | None = "1") -> dict[str, Any]:
    return {"place": "lib", "path": path, "file": path, "claimed": "0", "observed": seen}


@pytest.mark.parametrize(
    ("old", "new", "which"),
    [
        ([], [], ""),
        ([file("same")], [file("same")], ""),
        ([file("a")], [file("a", "2")], ": `a`"),
        ([file("a")], [file("a", None)], ": `a`"),
        ([file("b"), file("same")], [file("c"), file("a"), file("same")], ": `a`, `b`, `c`"),
        ([file(name) for name in "dcba"], [], ": `a`, `b`, `c` and 1 more"),
    ],
)
def test_other_files_of_one_version(old: list[Any], new: list[Any], which: str) -> None:
    one, other = installed(digest="1", changed=old), installed(digest="2", changed=new)
    assert differing(observed(one), observed(other)) == [
        ("distribution:six", f"six 1.17.0 has other files{which}", "1", "2")
    ]


@pytest.mark.parametrize(("names", "counted"), [("a", "1 distribution"), ("abc", "3 distributions")])
def test_what_another_python_takes_is_one_line(names: str, counted: str) -> None:
    old = observed(*(installed(name, digest="1") for name in names))
    new = observed(*(installed(name, digest="2") for name in names), python=OTHER)
    message = f"other files of the same version, as another Python takes them: {counted}"
    assert differing(old, new)[1:] == [("distributions", message, None, None)]


def test_conda_packages() -> None:
    def conda(*packages: tuple[str, str, str | None]) -> CondaFacts:
        found = [
            {"name": name, "version": version, "build": "h0_0", "digest": digest}
            for name, version, digest in packages
        ]
        return cast(CondaFacts, {"packages": found})

    old = observed(conda=conda(("b", "1", "d"), ("c", "1", "d"), ("d", "1", None)))
    new = observed(conda=conda(("a", "1", None), ("b", "1", "e"), ("c", "1", "d"), ("d", "1", None)))
    assert differing(old, new) == [
        ("conda:a", "a: none and `1 h0_0`", None, "1 h0_0"),
        ("conda:b", "b: `1 h0_0 d` and `1 h0_0 e`", "1 h0_0 d", "1 h0_0 e"),
    ]


def test_what_is_there_on_one_host_only() -> None:
    """Relative to the prefix, which two hosts may have in different places."""

    def foreign(path: str, *, system: bool = False) -> dict[str, Any]:
        return {"file": path, "kind": "module", "role": "site", "detail": "", "system": system}

    old = observed(
        libraries=[{"file": "/l/b"}, {"file": "/l/a"}],
        foreign=[foreign("/env/x.py"), foreign("/env/same.py"), foreign("/usr/y.py", system=True)],
        paths=[on_path("/env/a"), on_path("/p")],
        bytecode=[{"file": "/env/x.pyc"}],
    )
    new = observed(
        prefix="/X/",
        libraries=[{"file": "/l/c"}, {"file": "/l/b"}],
        foreign=[foreign("/X/same.py"), foreign("/env/x.py")],
        paths=[on_path("/X/a"), on_path("/q")],
        bytecode=[{"file": "/X/y.pyc"}],
    )
    assert rows(diff_facts(old, new).differences) == [
        ("library", "`/l/a` is loaded first, in the first only", "/l/a", None),
        ("library", "`/l/c` is loaded first, in the second only", None, "/l/c"),
        (
            "foreign",
            "`/env/x.py` belongs to no distribution, in the second only",
            None,
            "/env/x.py",
        ),
        ("foreign", "`x.py` belongs to no distribution, in the first only", "x.py", None),
        ("path", "`/p` is on sys.path, in the first only", "/p", None),
        ("path", "`/q` is on sys.path, in the second only", None, "/q"),
        ("bytecode", "`x.pyc` is not what its source compiles to, in the first only", "x.pyc", None),
        ("bytecode", "`y.pyc` is not what its source compiles to, in the second only", None, "y.pyc"),
    ]


def test_a_lock_and_facts_by_what_judging_found() -> None:
    def finding(component: str, severity: Severity) -> Finding:
        return Finding(
            code="x",
            severity=severity,
            component=component,
            message="m",
            path=SITE,
            expected="1",
            observed="2",
        )

    findings = (
        finding("files", Severity.DIFFERS),
        finding("host", Severity.NOTE),
        finding("path", Severity.UNKNOWN),
    )
    report = Report(
        verdict=Verdict.MISMATCH, expected="", observed=None, level="", target="", findings=findings
    )
    assert diff_lock(report) == FactsDiff(
        differences=(
            Difference(component="files", message="m", old="1", new="2"),
            Difference(component="path", message="m", old="1", new="2"),
        ),
        harmless=(Difference(component="host", message="m", old="1", new="2"),),
        explanation="m",
    )
