"""The class of a host where the CPU, the libraries or torch tell less, and ranks that do not come back."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envlock.agent.numerics import cpu, host_class, ranks, reduce_probes
from envlock.agent.numerics.cpu import this_cpu
from envlock.agent.numerics.fingerprint import SAMPLE, _places
from envlock.agent.numerics.probe import Bench
from envlock.agent.numerics.session import (
    Choice,
    _planned,
    exercises,
    last_words,
    main,
    may_move,
    measure,
)

LINUX_X86 = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="asks the CPUID instruction on Linux"
)

# The CPU


@LINUX_X86
def test_the_instruction_and_the_kernel_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that does not let memory be executed leaves its own word; so does another system."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    asked = this_cpu()
    assert cpu._ask_instruction() == asked
    monkeypatch.setattr("mmap.mmap", refuse)
    assert cpu._ask_instruction() is None
    told = this_cpu()
    assert (told.vendor, sorted(told.features)) == (asked.vendor, sorted(asked.features))
    monkeypatch.setattr("platform.system", lambda: "FreeBSD")
    assert cpu._ask_instruction() is None


ARM = "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nprocessor\t: 1\nFeatures\t: fp\n"


def test_an_arm_cpu_by_the_words_of_the_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(ARM)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr(cpu, "open", lambda _path: (tmp_path / "cpuinfo").open(), raising=False)
    assert this_cpu() == cpu.Cpu("0x41", ["asimd", "sve"])
    (tmp_path / "cpuinfo").unlink()
    monkeypatch.setattr("platform.processor", lambda: "")
    assert this_cpu() == cpu.Cpu("aarch64", [])


# What torch says of itself


def torch_of(**more: Any) -> Any:
    """A stand-in for a build of torch: only what the class asks of it."""
    backends = SimpleNamespace(
        mkl=SimpleNamespace(is_available=lambda: True),
        mkldnn=SimpleNamespace(is_available=lambda: more.get("onednn", False)),
        cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False)),
        cudnn=SimpleNamespace(allow_tf32=True),
    )
    gpu = SimpleNamespace(major=9, minor=0, multi_processor_count=132)
    return SimpleNamespace(
        backends=backends,
        get_num_threads=lambda: 3,
        ones=lambda *_: None,
        cuda=SimpleNamespace(
            is_available=lambda: more.get("gpu", False),
            get_device_properties=lambda _number: gpu,
            device_count=lambda: 2,
        ),
        __config__=SimpleNamespace(show=lambda: more.get("shown", "")),
    )


def class_of(torch: Any, environment: dict[str, str] | None = None) -> dict[str, str]:
    found = host_class.class_of(torch, None, environment or {})
    return {name: value for name, value in found.items() if not name.startswith("cpu-")}


def test_torch_before_2_1_says_its_kernels_in_its_configuration() -> None:
    shown = "PyTorch built with:\n  - CPU capability usage: AVX512\n"
    assert class_of(torch_of(shown=shown)) == {"aten": "AVX512", "threads": "3"}
    assert class_of(torch_of(), {"MKL_CBWR": "AVX2"}) == {"threads": "3", "mkl-cbwr": "AVX2"}


def test_a_onednn_that_cannot_be_made_to_talk() -> None:
    """`backends.mkldnn.verbose` came with torch 1.13."""
    assert class_of(torch_of(onednn=True)) == {"threads": "3"}


def test_a_gpu_is_part_of_the_class() -> None:
    environment = {"NVIDIA_TF32_OVERRIDE": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    assert class_of(torch_of(gpu=True), environment) == {
        "threads": "3",
        "gpu-arch": "sm_90",
        "gpu-sms": "132",
        "gpus": "2",
        "tf32-matmul": "off",
        "tf32-cudnn": "on",
        "tf32-override": "0",
        "cublas-workspace": ":4096:8",
    }


def test_what_c_code_prints_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    """And nothing of it comes through; afterwards the output is as it was."""
    library = ctypes.CDLL(None)
    said = host_class._standard_output(lambda: library.puts(b"onednn_verbose,info,cpu,isa:AVX2"))
    library.puts(b"after")
    library.fflush(None)
    assert (said, capfd.readouterr().out) == ("onednn_verbose,info,cpu,isa:AVX2\n", "after\n")


def test_a_library_is_asked_by_the_first_name_that_it_has() -> None:
    library = ctypes.CDLL(None)
    assert host_class._said(library, ("no_such_call", "gnu_get_libc_version"), ctypes.c_char_p) == (
        os.confstr("CS_GNU_LIBC_VERSION") or ""
    ).removeprefix("glibc ")
    assert host_class._said(library, ("getpid",), ctypes.c_int) == str(os.getpid())
    assert host_class._said(library, ("no_such_call",), ctypes.c_int) is None


def test_numpy_of_another_layout_has_no_features() -> None:
    assert "numpy" not in sys.modules
    assert host_class._numpy_features() == []
    assert host_class._mapped(r"^no-such-library") == []
    assert host_class.class_of(None, SimpleNamespace(), {}) == host_class.class_of(None, None, {})


# Ranks


@pytest.mark.parametrize(
    ("program", "seconds", "told"),
    [
        ("import sys; sys.exit('first\\nlast words')", 60, "rank 1 ended with 1: last words"),
        ("import sys; sys.exit(3)", 60, "rank 1 ended with 3: no word"),
        ("import time; time.sleep(60)", 0, "rank 0 did not end in 0 s"),
    ],
)
def test_a_rank_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch, program: str, seconds: int, told: str
) -> None:
    monkeypatch.setattr(ranks, "_MOST_SECONDS", seconds)
    first = "pass" if seconds else program
    started = [
        subprocess.Popen([sys.executable, "-IS", "-c", text], stderr=subprocess.PIPE)
        for text in (first, program)
    ]
    try:
        with pytest.raises(RuntimeError) as caught:
            ranks._wait(started)
    finally:
        for each in started:
            each.kill()
            each.communicate()
    assert str(caught.value) == told


def test_ranks_without_torch() -> None:
    """Each is a process of this Python, and finds the package where this one is."""
    with pytest.raises(
        RuntimeError, match=r"^rank 0 ended with 1: ModuleNotFoundError: No module named 'torch'$"
    ):
        ranks.reduced_by_processes(None, 2, "gloo")


STAND_IN = """
'''What of torch a rank asks for: they meet in files, and a tensor is a list of numbers.'''
import array, json, os, time
from types import SimpleNamespace
int32 = float32 = used = None

class Tensor(list):
    def __rshift__(self, bits): return Tensor(each >> bits for each in self)
    def __mul__(self, factor): return Tensor(each * factor for each in self)
    def to(self, _): return self
    reshape = to
    def cpu(self): return self

def frombuffer(data, dtype): return Tensor(array.array("i", data))
def save(values, path):
    with open(path, "w") as file: json.dump(values, file)
def load(path, map_location):
    with open(path) as file: return json.load(file)
def set_device(number):
    global used
    used = number
cuda = SimpleNamespace(set_device=set_device)

class distributed:
    def init_process_group(backend, init_method, rank, world_size, timeout):
        assert used == (rank if backend == "nccl" else None), used
        distributed.here = init_method.removeprefix("file://"), rank, world_size
    def all_reduce(values):
        place, rank, world = distributed.here
        save(values, "%s-%d.new" % (place, rank))
        os.rename("%s-%d.new" % (place, rank), "%s-%d" % (place, rank))
        shares = []
        while len(shares) < world:
            try:
                shares.append(load("%s-%d" % (place, len(shares)), None))
            except FileNotFoundError:
                time.sleep(0.01)
        values[:] = map(sum, zip(*shares))
    def barrier(): pass
    def destroy_process_group(): pass
"""


@pytest.mark.parametrize("backend", ["gloo", "nccl"])
def test_ranks_sum_what_each_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """Over NCCL each has a GPU of its own."""
    (tmp_path / "torch.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    torch: Any = importlib.import_module("torch")
    del sys.modules["torch"]
    shares = [ranks.share(Bench(torch, None), number) for number in range(3)]
    assert ranks.reduced_by_processes(torch, 3, backend) == [[sum(row) for row in zip(*shares, strict=True)]]


def test_ranks_that_end_with_different_sums() -> None:
    """A group that leaves each rank with its own."""

    class Group:
        class _Options:
            pass

        def __init__(self, *_: object) -> None:
            pass

        create_device = staticmethod(lambda hostname: hostname)
        allreduce = staticmethod(lambda _values: SimpleNamespace(wait=lambda: None))

    bench: Any = SimpleNamespace(floats=lambda name, _count: name)
    bench.torch = SimpleNamespace(
        distributed=SimpleNamespace(HashStore=object, ProcessGroupGloo=Group),
        equal=lambda one, other: one == other,
    )
    with pytest.raises(RuntimeError, match=r"^the ranks of an all-reduce have different sums$"):
        reduce_probes.all_reduce(bench)


# The session


def test_without_numpy_and_torch_there_is_a_class_and_no_probe(tmp_path: Path) -> None:
    choice = {"named": [], "compile": True, "skipped": [], "environment": {}}
    main([str(tmp_path / "n.json"), json.dumps(choice)])
    found = json.loads((tmp_path / "n.json").read_text())
    assert (found["probes"], found["failed"], found["broken"], found["versions"]) == ({}, {}, {}, {})
    assert (tmp_path / "n.json.at").read_text() == "class"
    assert found["class"] == host_class.class_name(found["host"])


def test_a_library_that_does_not_load_is_told_and_one_that_is_skipped_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('CPU without AVX\\n\\nfirst\\nlast')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said: list[str] = []
    found = measure(Choice(), said.append)
    assert (found["broken"], said) == (
        {"numpy": "RuntimeError: CPU without AVX … last"},
        ["import numpy", "class"],
    )
    assert measure(Choice(skipped=("import numpy",)))["broken"] == {}


def test_a_probe_that_this_build_cannot_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those that are left out are left out, those that are named are alone."""
    torch = torch_of()
    torch.distributed = SimpleNamespace(is_available=lambda: False)
    every = [name for name, _, _ in _planned(Choice(compile=True), torch, None)]
    assert {"compiled", "matmul-f32"} < set(every)
    assert {"all-reduce", "tf32-matmul"}.isdisjoint(every)
    assert [name for name, _, _ in _planned(Choice(named=("fft", "sort")), torch, None)] == ["sort", "fft"]
    left = [name for name, _, _ in _planned(Choice(skipped=("fft",)), torch, None)]
    assert set(every) - set(left) == {"fft", "compiled"}
    on_gpu = torch_of(gpu=True)
    on_gpu.distributed = torch.distributed
    assert [n for n, _, _ in _planned(Choice(named=("cuda:fft", "cuda:tf32-matmul")), on_gpu, None)] == [
        "cuda:fft",
        "cuda:tf32-matmul",
    ]
    torch.__name__, torch.__version__ = "torch", "0"
    torch.manual_seed = lambda _seed: None
    monkeypatch.setitem(sys.modules, "torch", torch)
    torch.__spec__ = SimpleNamespace()
    found = measure(Choice(named=("fft",)))
    assert (found["probes"], found["versions"]) == ({}, {"torch": "0"})
    assert found["failed"] == {"fft": "AttributeError: 'types.SimpleNamespace' object has no attribute 'fft'"}


def test_the_words_of_an_error() -> None:
    assert last_words(ValueError()) == "ValueError"
    assert last_words(ValueError("one")) == "ValueError: one"
    assert last_words(ValueError("x" * 400)) == "ValueError: " + "x" * 300


def test_what_is_known_of_a_probe() -> None:
    assert (may_move("sort"), may_move("cuda:sort"), may_move("fft"), may_move("of another version")) == (
        False,
        False,
        True,
        True,
    )
    assert exercises("cuda:sort") == exercises("sort") == "sort and topk of distinct values"
    assert exercises("of another version") == ""


def test_a_sample_has_the_first_and_the_last() -> None:
    assert _places(3) == [0, 1, 2]
    places = _places(1000)
    assert (len(places), places[0], places[-1]) == (SAMPLE, 0, 999)
