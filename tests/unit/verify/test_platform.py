"""What a host must be compatible with: glibc, the driver, and the code for its GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from envlock.agent.facts import Facts, GpuFacts
from envlock.agent.gpu import nothing
from envlock.agent.offers import level_of
from envlock.lock.model import Lock, Stack
from envlock.report import Finding
from envlock.stack.code import LibraryCode, WheelCode
from envlock.verify.platform import judge_host
from tests.unit.lock.values import lock as make_lock
from tests.unit.lock.values import six, wheel

TORCH_2_6 = "7979834102cd5b7a43cc64e87f2f3b14bd0e1458f06e9f88ffa386d07c7446e1"


def locked(*files: str, archs: tuple[str, ...] = ("sm_80", "sm_90"), sha256: str = "0" * 64) -> Lock:
    rows = tuple(
        replace(six(), name=f"d{number}", wheels=(replace(wheel(file), sha256=sha256),))
        for number, file in enumerate(files)
    )
    stack = Stack(torch="2.6.0", cuda="12.4", variant="cu124", gpu_archs=archs, driver="525.60.13")
    return replace(make_lock(*rows), stack={"linux-64": stack})


def judged(lock: Lock, gpu: GpuFacts | None = None, **host: str) -> list[Finding]:
    given = {"nvidia_driver": "550.54.14", "gpu_devices": "nvidia0", "libcuda": "/usr/lib/libcuda.so.1"}
    facts = cast(Facts, cast(Any, {"host": {"libc": "glibc 2.36", **given, **host}, "gpu": gpu or nothing()}))
    return list(judge_host(lock, "linux-64", facts, require_gpu=False))


def test_gpus_with_code_are_no_finding() -> None:
    assert judged(locked(), nvidia_capabilities="8.6 9.0") == []
    assert judged(locked()) == []
    assert judged(locked(archs=()), nvidia_capabilities="7.0") == []


def test_a_gpu_without_code() -> None:
    [found] = judged(locked(), nvidia_capabilities="8.0 7.0 12.0 7.0")
    assert (found.code, str(found.severity), found.component) == ("no-code-for-gpu", "incompatible", "host")
    assert (found.expected, found.observed) == ("sm_80, sm_90", "sm_70, sm_120")
    assert found.message == "the locked PyTorch 2.6.0 has no code for sm_70, sm_120 of this host's GPUs"
    assert found.hint == "`envlock explain --gpu sm_70` tells what runs there"


def test_a_capability_that_is_none_is_not_judged() -> None:
    assert judged(locked(), nvidia_capabilities="x 9") == []


@pytest.mark.parametrize(("libc", "codes"), [("glibc 2.17", []), ("glibc 2.12", ["glibc-too-old"])])
def test_symbols_count_where_they_are_known(libc: str, codes: list[str]) -> None:
    """The tag says 2.5."""
    lock = locked("torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl", sha256=TORCH_2_6)
    assert [each.code for each in judged(lock, libc=libc)] == codes


def test_a_tag_counts_where_it_asks_for_more() -> None:
    lock = locked("six-1.17.0-cp311-cp311-manylinux_2_28_x86_64.whl")
    [found] = judged(lock, libc="glibc 2.17")
    assert found.message == "glibc 2.17 is older than 2.28, a locked wheel's floor"


def test_the_halves_of_a_driver() -> None:
    told: GpuFacts = {**nothing(), "driver": "550.54.14", "libcuda_version": "550.54.14"}
    assert judged(locked(), told) == []
    [found] = judged(locked(), {**told, "driver": "555.42.02"})
    assert (found.code, found.expected, found.observed) == ("driver-needs-reboot", "550.54.14", "555.42.02")
    [found] = judged(locked(), {**nothing(), "fault": "version-mismatch", "libcuda_version": "555.42.02"})
    assert found.message == (
        "the kernel module of the NVIDIA driver is 550.54.14, its library is 555.42.02: "
        "the driver was updated under it"
    )


@pytest.mark.parametrize(
    ("here", "codes"), [("3.4.19", []), ("3.4.30", []), ("3.4.18", ["libstdcxx-too-old"])]
)
def test_libstdcxx_by_the_symbols(here: str, codes: list[str]) -> None:
    lock = locked("torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl", sha256=TORCH_2_6)
    assert [each.code for each in judged(lock, libstdcxx=here)] == codes


def test_the_level_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    library = LibraryCode(path="torch/lib/fast.so", level="x86-64-v3")
    code = WheelCode(name="torch", file="", sha256="0" * 64, libraries=(library,))
    monkeypatch.setattr("envlock.stack.code.known_code", lambda _sha256: code)
    lock = locked("torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl")
    assert judged(lock, cpu_level="x86-64-v4") == []
    [found] = judged(lock, cpu_level="x86-64-v2")
    assert found.message == "the CPU is x86-64-v2, and `torch/lib/fast.so` is made for x86-64-v3"


V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"


@pytest.mark.parametrize(
    ("flags", "features", "level"),
    [
        (V3, ["sse4.2", "avx", "avx2", "fma"], "x86-64-v3"),
        (V3, ["sse4.2"], "x86-64-v2"),  # an emulator gives less than /proc/cpuinfo tells
        (V2, ["sse4.2"], "x86-64-v2"),
        ("sse2", [], "x86-64"),
    ],
)
def test_levels_by_flags(flags: str, features: list[str], level: str) -> None:
    assert level_of(flags.split(), features) == level
