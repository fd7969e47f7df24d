"""Which probes apply to a build of torch, and what is kept of one that a stopwatch decides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from envlock.agent.numerics.probe import Bench, Probe
from envlock.agent.numerics.session import Choice, _applies, _measured, all_probes


class Four:
    """An array as `fingerprint` needs one: one byte, the value 4."""

    dtype = SimpleNamespace(newbyteorder=lambda _order: None, itemsize=1)
    shape = (1,)

    def astype(self, _dtype: object, *, copy: bool) -> Four:
        return self

    def tobytes(self) -> bytes:
        return b"\4"


PROBES = {probe.name: probe for probe in all_probes()}


def torch_with(**distributed: bool) -> Any:
    """A stand-in for a build of torch with two GPUs: only what is asked of it before a probe runs."""
    found = SimpleNamespace(is_available=lambda: distributed.get("available", True))
    found.is_nccl_available = lambda: distributed.get("nccl", True)
    if distributed.get("gloo", True):
        found.ProcessGroupGloo = object
    gpus = 2 if distributed.get("two", True) else 1
    return SimpleNamespace(distributed=found, cuda=SimpleNamespace(device_count=lambda: gpus))


def applies(name: str, torch: Any, device: str) -> bool:
    return _applies(PROBES[name], Bench(torch, None, device), Choice())


def test_the_all_reduce_of_the_cpu_needs_gloo() -> None:
    assert applies("all-reduce", torch_with(), "cpu")
    assert not applies("all-reduce", torch_with(), "cuda")
    assert not applies("all-reduce", torch_with(gloo=False), "cpu")
    assert not applies("all-reduce", torch_with(available=False), "cpu")


def test_the_all_reduce_of_gpus_needs_nccl_and_two_of_them() -> None:
    assert applies("nccl-all-reduce", torch_with(), "cuda")
    assert not applies("nccl-all-reduce", torch_with(two=False), "cuda")
    assert not applies("nccl-all-reduce", torch_with(nccl=False), "cuda")
    assert not applies("nccl-all-reduce", torch_with(), "cpu")


def test_what_a_stopwatch_decides_has_no_reference() -> None:
    """Twice the same in one process is no proof there: the choice is made once for a process."""
    bench = Bench(None, None)
    for by_stopwatch in (False, True):
        probe = Probe("p", "numpy", "", True, lambda _bench: [Four()], by_stopwatch)
        assert _measured(probe, bench, 2)["repeats"] is not by_stopwatch
    assert PROBES["cudnn-benchmark"].by_stopwatch


def test_probes_have_names_of_their_own() -> None:
    assert len(PROBES) == len(all_probes())
