"""What a host must be compatible with: glibc, the driver, and the code for its GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from envlock.agent.facts import Facts
from envlock.lock.model import Lock, Stack
from envlock.report import Finding
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


def judged(lock: Lock, **host: str) -> list[Finding]:
    given = {"nvidia_driver": "550.54.14", "gpu_devices": "nvidia0", "libcuda": "/usr/lib/libcuda.so.1"}
    facts = cast(Facts, cast(Any, {"host": {"libc": "glibc 2.36", **given, **host}}))
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
