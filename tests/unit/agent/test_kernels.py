"""The class of a host's numbers in short, by what its CPU and its GPUs are."""

from __future__ import annotations

import os
from typing import Any

import pytest

from envlock.agent.gpu import nothing
from envlock.agent.kernels import aten_capability, kernel_class
from envlock.agent.numerics.cpu import Cpu

AVX512 = Cpu("GenuineIntel", ["sse4.2", "avx", "avx2", "fma", "avx512f"])


@pytest.mark.parametrize(
    ("features", "asked", "capability"),
    [
        (AVX512.features, "", "AVX512"),
        (AVX512.features, "avx2", "AVX2"),
        (AVX512.features[:-1], "avx512", "AVX512"),
        (AVX512.features[:-1], "", "AVX2"),
        (["sse4.2"], "", "DEFAULT"),
        (["asimd", "sve"], "avx2", ""),
        ([], "", ""),
    ],
)
def test_what_aten_chooses(features: list[str], asked: str, capability: str) -> None:
    assert aten_capability(Cpu("", features), asked) == capability


def test_threads_where_the_system_does_not_say_which_cores_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("envlock.agent.kernels.this_cpu", lambda: AVX512)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    gpus: Any = {**nothing(), "devices": [{"capability": "9.0", "multiprocessors": None}]}
    assert kernel_class({"MKL_CBWR": "AVX2"}, gpus) == {
        "cpu-vendor": "GenuineIntel",
        "aten": "AVX512",
        "threads": "7",
        "mkl-cbwr": "AVX2",
        "gpu": "sm_90",
    }
