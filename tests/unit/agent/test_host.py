"""What of a host's GPUs a process is given: a container without them sees the host's driver all the same."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from envlock.agent import expect
from envlock.agent.facts import Facts
from envlock.agent.gpu import nothing
from envlock.agent.host import gpu_devices, host_facts
from envlock.agent.survey import WARM, Request, survey
from envlock.lock.model import Lock, Stack
from envlock.report import Finding, Severity
from envlock.verify.platform import judge_host
from tests.unit.emit.locks import cuda_lock, plain_lock

VERSION = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\n"
GPU_KEYS = ("nvidia_driver", "gpu_devices", "libcuda")


def host(root: Path, *, driver: bool = False, devices: tuple[str, ...] = (), library: str = "") -> Path:
    """The /proc, /dev and libraries of a host; `library` is where libcuda.so.1 is."""
    (root / "dev").mkdir(parents=True)
    for name in devices:
        (root / "dev" / name).touch()
    if driver:
        (root / "proc/driver/nvidia").mkdir(parents=True)
        (root / "proc/driver/nvidia/version").write_text(VERSION)
    if library:
        path = root / library.lstrip("/")
        path.mkdir(parents=True)
        (path / "libcuda.so.1").touch()
    return root


def seen(root: Path, **environment: str) -> dict[str, str]:
    facts = host_facts(environment, str(root))
    return {key: facts[key] for key in GPU_KEYS if key in facts}


def test_a_host_with_a_gpu(tmp_path: Path) -> None:
    devices = ("nvidia1", "nvidia0", "nvidiactl", "nvidia-uvm", "null")
    root = host(tmp_path, driver=True, devices=devices, library="/usr/lib/x86_64-linux-gnu")
    assert seen(root) == {
        "nvidia_driver": "550.54.14",
        "gpu_devices": "nvidia0 nvidia1",
        "libcuda": "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    }


def test_a_container_without_gpus_on_a_host_that_has_them(tmp_path: Path) -> None:
    assert seen(host(tmp_path, driver=True)) == {"nvidia_driver": "550.54.14"}


def test_the_library_is_found_where_the_loader_finds_it(tmp_path: Path) -> None:
    root = host(tmp_path, devices=("dxg",), library="/usr/lib/wsl/lib")
    assert seen(root) == {"gpu_devices": "dxg"}
    assert seen(root, LD_LIBRARY_PATH="/none::/usr/lib/wsl/lib")["libcuda"] == "/usr/lib/wsl/lib/libcuda.so.1"
    (root / "etc").mkdir()
    cache = b"glibc-ld.so.cache1.1\0\0libcuda.so.1\0/usr/lib/wsl/lib/libcuda.so.1\0libz.so.1\0/lib/libz.so\0"
    (root / "etc/ld.so.cache").write_bytes(cache)
    assert seen(root)["libcuda"] == "/usr/lib/wsl/lib/libcuda.so.1"
    (root / "usr/lib/wsl/lib/libcuda.so.1").unlink()
    assert seen(root) == {"gpu_devices": "dxg"}


def test_no_dev_at_all(tmp_path: Path) -> None:
    assert gpu_devices(str(tmp_path / "none")) == []


NO_DEVICES = "this machine has NVIDIA driver 550.54.14, and none of its devices is here"
NO_LIBRARY = "there are NVIDIA devices here, and no libcuda.so.1"
GIVEN = "a container is given GPUs by `docker run --gpus all`, `podman run --device nvidia.com/gpu=all`"


@pytest.mark.parametrize(
    ("driver", "devices", "lacking", "hint"),
    [
        (True, (), NO_DEVICES, GIVEN),
        (True, ("nvidia0",), NO_LIBRARY, GIVEN),
        (False, (), "no NVIDIA driver or device here", None),
    ],
)
def test_a_gpu_that_is_required_and_not_given(
    tmp_path: Path, driver: bool, devices: tuple[str, ...], lacking: str, hint: str | None
) -> None:
    root = host(tmp_path, driver=driver, devices=devices)
    (found,) = judged(plain_lock(), root, require_gpu=True)
    assert (found.code, found.severity, found.hint) == ("no-gpu", Severity.INCOMPATIBLE, hint)
    assert found.message == f"{lacking}: whether the GPU part would run was not looked at"


def test_the_driver_counts_where_a_gpu_is_given(tmp_path: Path) -> None:
    """A container without GPUs, on a machine whose driver is old, is told of the GPUs alone."""
    lock = replace(cuda_lock(), stack={"linux-64": Stack(torch="2.6.0", cuda="13.0", driver="580")})
    bare = host(tmp_path / "bare", driver=True)
    given = host(tmp_path / "given", driver=True, devices=("nvidia0",), library="/usr/lib64")
    codes = [[(each.code, each.severity) for each in judged(lock, root)] for root in (bare, given)]
    assert codes == [[("no-gpu", Severity.NOTE)], [("driver-too-old", Severity.INCOMPATIBLE)]]


def judged(lock: Lock, root: Path, *, require_gpu: bool = False) -> list[Finding]:
    facts = cast(Facts, {"host": {**host_facts({}, str(root)), "libc": ""}, "gpu": nothing()})
    return list(judge_host(lock, "linux-64", facts, require_gpu=require_gpu))


@pytest.mark.slow
def test_a_warm_pass_looks_at_the_host_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache lies in a home that hosts share, and a job on a node has GPUs that its login node has not."""
    prefix, cache = tmp_path / "env", str(tmp_path / "cache")
    prefix.mkdir()
    asked = Request(str(prefix), WARM, expect.NOTHING, {}, cache=cache, in_process=True)
    assert survey(asked)["host"]["name"] == os.uname().nodename
    monkeypatch.setattr("envlock.agent.survey.host_facts", lambda _environment: {"name": "node7"})
    again = survey(asked)
    assert (again["level"], again["host"]["name"]) == (WARM, "node7")
