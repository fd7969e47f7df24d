"""The knobs that may have moved a result: from two classes of host and an environment, what to try.

A knob is tried by running the probes again under it; only what restores the bits is named as the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from envlock.agent.environment import WATCHED

# Which of the watched variables reach a numeric library of the CPU or GPU.
_NUMERIC = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "MKL_DYNAMIC",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
    "TORCH_BLAS_PREFER_CUBLASLT",
)

# oneDNN's own words for an instruction set -> what ONEDNN_MAX_CPU_ISA calls it; the richest first.
_ONEDNN = (
    ("AMX", "AVX512_CORE_AMX"),
    ("float16", "AVX512_CORE_FP16"),
    ("AVX-512 with Intel DL Boost and bfloat16", "AVX512_CORE_BF16"),
    ("AVX-512 with Intel DL Boost", "AVX512_CORE_VNNI"),
    ("AVX-512", "AVX512_CORE"),
    ("AVX2 with Intel DL Boost", "AVX2_VNNI"),
    ("AVX2", "AVX2"),
    ("AVX", "AVX"),
    ("SSE4.1", "SSE41"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Knob:
    """A variable and the value to try, None to unset it; `because` is what was seen."""

    variable: str
    value: str | None
    because: str

    def __str__(self) -> str:
        return f"unset {self.variable}" if self.value is None else f"{self.variable}={self.value}"

    def turned(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment with this knob turned."""
        rest = {name: value for name, value in environment.items() if name != self.variable}
        return rest if self.value is None else {**rest, self.variable: self.value}


def knobs(
    reference: Mapping[str, str], here: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Knob, ...]:
    """What to try to get from the class `here` to that of the reference, the likeliest first.

    A variable that is set here is first tried unset: the reference may have been made without it.
    """
    found = [*_unset(environment), *_between(reference, here)]
    known: dict[tuple[str, str | None], Knob] = {}
    for knob in found:
        if environment.get(knob.variable) != knob.value:
            known.setdefault((knob.variable, knob.value), knob)
    return tuple(known.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlocked:
    """A variable that steers numeric libraries, is set, and is in no lock; `decides` in words."""

    variable: str
    value: str
    decides: str


def unlocked(environment: Mapping[str, str], settings: Mapping[str, str]) -> tuple[Unlocked, ...]:
    """The knobs that are set in an environment and not in a lock: other hosts may not have them."""
    return tuple(
        Unlocked(variable=name, value=environment[name], decides=WATCHED[name])
        for name in _NUMERIC
        if environment.get(name) and name not in settings
    )


def _unset(environment: Mapping[str, str]) -> Iterator[Knob]:
    for name in _NUMERIC:
        if name in environment:
            because = f"`{name}` is `{environment[name]}` here and decides {WATCHED[name]}"
            yield Knob(variable=name, value=None, because=because)


def _between(reference: Mapping[str, str], here: Mapping[str, str]) -> Iterator[Knob]:
    for key, (variable, spelled, subject) in _TURNS.items():
        wanted, found = reference.get(key), here.get(key)
        if wanted == found:
            continue
        value = spelled(wanted or "", found or "")
        if value is not None:
            because = f"{subject} {_said(found)} here, {_said(wanted)} in the reference"
            yield Knob(variable=variable, value=value, because=because)


def _said(value: str | None) -> str:
    return f"`{value}`" if value else "none"


Spelled = Callable[[str, str], str | None]  # (of the reference, here) -> value, None: it cannot be said


def _same(wanted: str, _here: str) -> str | None:
    return wanted or None


def _lower(wanted: str, _here: str) -> str | None:
    return wanted.lower() or None


def _onednn(wanted: str, _here: str) -> str | None:
    return next((name for words, name in _ONEDNN if words in wanted), None)


def _disabled(wanted: str, here: str) -> str | None:
    more = [name for name in here.split() if name not in wanted.split()]
    return " ".join(more) or None


_TURNS: Mapping[str, tuple[str, Spelled, str]] = {
    "threads": ("OMP_NUM_THREADS", _same, "the number of threads is"),
    "openblas-core": ("OPENBLAS_CORETYPE", _same, "OpenBLAS chose"),
    "openblas-threads": ("OPENBLAS_NUM_THREADS", _same, "the number of OpenBLAS' threads is"),
    "aten": ("ATEN_CPU_CAPABILITY", _lower, "PyTorch's kernels are for"),
    "onednn-isa": ("ONEDNN_MAX_CPU_ISA", _onednn, "oneDNN's kernels are for"),
    "numpy-simd": ("NPY_DISABLE_CPU_FEATURES", _disabled, "NumPy's loops are for"),
    "mkl-cbwr": ("MKL_CBWR", _same, "MKL_CBWR is"),
    "cublas-workspace": ("CUBLAS_WORKSPACE_CONFIG", _same, "the workspace of cuBLAS is"),
    "tf32-override": ("NVIDIA_TF32_OVERRIDE", _same, "NVIDIA_TF32_OVERRIDE is"),
}
