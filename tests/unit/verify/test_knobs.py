"""What to try to get from one class of host to another."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envlock.verify.knobs import Knob, Unlocked, knobs, unlocked


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


@pytest.mark.parametrize(
    ("there", "here", "found"),
    [
        (
            {"threads": "4"},
            {},
            [("OMP_NUM_THREADS", "4", "the number of threads is none here, `4` in the reference")],
        ),
        ({}, {"threads": "4"}, []),
        ({"threads": ""}, {"threads": "4"}, []),
        ({}, {"aten": "AVX2"}, []),
        ({"aten": "AVX2"}, {"aten": "AVX2"}, []),
        ({"onednn-isa": "of another kind"}, {}, []),
        (
            {"onednn-isa": "Intel AVX-512 with Intel DL Boost"},
            {"onednn-isa": "Intel AVX2"},
            [
                (
                    "ONEDNN_MAX_CPU_ISA",
                    "AVX512_CORE_VNNI",
                    "oneDNN's kernels are for `Intel AVX2` here, `Intel AVX-512 with Intel DL Boost` in the "
                    "reference",
                )
            ],
        ),
        ({"numpy-simd": "X86_V3"}, {}, []),
        ({"numpy-simd": "X86_V3 X86_V4"}, {"numpy-simd": "X86_V3"}, []),
        (
            {},
            {"numpy-simd": "X86_V3 X86_V4"},
            [
                (
                    "NPY_DISABLE_CPU_FEATURES",
                    "X86_V3 X86_V4",
                    "NumPy's loops are for `X86_V3 X86_V4` here, none in the reference",
                )
            ],
        ),
        ({}, {"mkl-cbwr": "COMPATIBLE"}, []),
        (
            {"cublas-workspace": ":4096:8", "tf32-override": "0"},
            {"tf32-override": "1"},
            [
                (
                    "CUBLAS_WORKSPACE_CONFIG",
                    ":4096:8",
                    "the workspace of cuBLAS is none here, `:4096:8` in the reference",
                ),
                (
                    "NVIDIA_TF32_OVERRIDE",
                    "0",
                    "NVIDIA_TF32_OVERRIDE is `1` here, `0` in the reference",
                ),
            ],
        ),
    ],
)
def test_what_differs_gives(
    there: Mapping[str, str], here: Mapping[str, str], found: list[tuple[str, str, str]]
) -> None:
    assert knobs(there, here, {}) == tuple(
        Knob(variable=variable, value=value, because=because) for variable, value, because in found
    )


def test_a_knob_that_is_already_so_is_not_tried() -> None:
    """And of one value that several ask for, the first reason is told."""
    there, here = {"threads": "4", "mkl-cbwr": "AVX2"}, {"threads": "1", "mkl-cbwr": "COMPATIBLE"}
    assert knobs(there, here, {"OMP_NUM_THREADS": "4", "HOME": "/root"}) == (
        Knob(
            variable="OMP_NUM_THREADS",
            value=None,
            because="`OMP_NUM_THREADS` is `4` here and decides the order of sums on the CPU",
        ),
        Knob(
            variable="MKL_CBWR",
            value="AVX2",
            because="MKL_CBWR is `COMPATIBLE` here, `AVX2` in the reference",
        ),
    )


def test_variables_of_numeric_libraries_that_are_not_locked() -> None:
    environment = {
        "NVIDIA_TF32_OVERRIDE": "0",
        "OMP_NUM_THREADS": "4",
        "MKL_CBWR": "AVX2",
        "MKL_DYNAMIC": "",
        "HOME": "/root",
        "PYTHONPATH": "/x",
    }
    assert unlocked(environment, {"MKL_CBWR": "COMPATIBLE"}) == (
        Unlocked(variable="OMP_NUM_THREADS", value="4", decides="the order of sums on the CPU"),
        Unlocked(variable="NVIDIA_TF32_OVERRIDE", value="0", decides="TF32 in every CUDA library"),
    )
