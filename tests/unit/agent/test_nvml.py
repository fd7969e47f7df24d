"""GPUs and driver out of a library with the names of NVIDIA's, compiled here; what facts have of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envlock.agent import gpu, nvml
from envlock.observe.zipapp import write_agent
from tests.support.compiled import compile_library

SOURCE = """
#include <stddef.h>
#include <stdio.h>
typedef struct { unsigned long long total, free, used; } memory_t;
int nvmlInitWithFlags(unsigned flags) { return INIT; }
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "failed"; }
int nvmlSystemGetDriverVersion(char *out, unsigned n) { return snprintf(out, n, "550.54.14") < 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12040; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    *device = (void *)(size_t)(index + 0x100000000);
    return index == 1 ? 15 : 0; /* the second is lost */
}
static int first(void *device) { return (size_t)device == 0x100000000; }
int nvmlDeviceGetName(void *device, char *out, unsigned n)
{
    return snprintf(out, n, first(device) ? "NVIDIA H100 80GB HBM3" : "NVIDIA GeForce RTX 5090") < 0;
}
int nvmlDeviceGetUUID(void *device, char *out, unsigned n) { return snprintf(out, n, "GPU-%p", device) < 0; }
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor)
{
    if ((size_t)device < 0x100000000) return 2; /* a handle that was cut to 32 bits */
    *major = first(device) ? 9 : 12;
    *minor = 0;
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *d, memory_t *out) { out->total = 85899345920ull; return 0; }
int nvmlDeviceGetAttributes_v2(void *d, void *out) { return 3; } /* of MIG devices alone */
int nvmlDeviceGetNumGpuCores(void *device, unsigned *out)
{
    *out = first(device) ? 16896 : 21760;
    return 0;
}
int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *next)
{
    *now = 1;
    *next = 0;
    return first(device) ? 0 : 3;
}
int nvmlDeviceGetEccMode(void *device, unsigned *now, unsigned *next)
{
    *now = *next = first(device);
    return 0;
}
int nvmlDeviceGetPersistenceMode(void *device, unsigned *out) { *out = 1; return 0; }
"""
H100 = {
    "name": "NVIDIA H100 80GB HBM3",
    "capability": "9.0",
    "multiprocessors": 132,
    "memory": 85899345920,
    "mig": True,
    "ecc": True,
    "persistence": True,
}
RTX = {**H100, "name": "NVIDIA GeForce RTX 5090", "capability": "12.0", "multiprocessors": 170}
RTX.update(mig=None, ecc=False)


def told_by_the_agent(folder: Path, init: int) -> dict[str, Any]:
    """The facts that the zipapp prints where NVIDIA's libraries are two that were compiled here."""
    compile_library(folder, "libnvidia-ml.so.1", SOURCE, f"-DINIT={init}")
    compile_library(folder, "libcuda.so.550.54.14", "int cuInit(unsigned flags) { return 0; }")
    (folder / "libcuda.so.1").symlink_to("libcuda.so.550.54.14")
    write_agent(folder / "agent.pyz")
    (folder / "env").mkdir()
    command = [sys.executable, "-IS", str(folder / "agent.pyz"), "--prefix", str(folder / "env")]
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(folder), "OMP_NUM_THREADS": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.slow
def test_the_agent_carries_nvidias_bindings(tmp_path: Path) -> None:
    facts = told_by_the_agent(tmp_path, 0)
    told = facts["gpu"]
    assert (told["driver"], told["cuda"], told["fault"]) == ("550.54.14", "12.4", None)
    assert told["devices"] == [H100, RTX]
    assert told["libcuda"] == str(tmp_path / "libcuda.so.550.54.14")
    assert told["libcuda_version"] == "550.54.14"
    assert facts["kernels"]["gpu"] == "sm_120 with 170 SMs, sm_90 with 132 SMs"
    assert facts["kernels"]["threads"] == "3"


@pytest.mark.slow
@pytest.mark.parametrize(("init", "fault"), [(9, "driver-not-loaded"), (18, "version-mismatch")])
def test_a_library_without_its_driver(tmp_path: Path, init: int, fault: str) -> None:
    told = told_by_the_agent(tmp_path, init)["gpu"]
    assert (told["fault"], told["driver"], told["devices"]) == (fault, None, [])
    assert told["libcuda_version"] == "550.54.14"


def test_without_bindings_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.ask.__wrapped__() == {
        "driver": None,
        "cuda": None,
        "devices": [],
        "fault": "bindings-not-found",
        "detail": "nvidia-ml-py is not installed here",
    }


def test_where_nothing_of_nvidia_is_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "ask", lambda: pytest.fail("it was asked"))
    assert gpu.gpu_facts({"PATH": str(tmp_path)}, {}, str(tmp_path)) == gpu.nothing()


def test_what_hands_gpus_to_containers(tmp_path: Path) -> None:
    (tmp_path / "etc/cdi").mkdir(parents=True)
    (tmp_path / "etc/cdi/nvidia.yaml").touch()
    (tmp_path / "nvidia-ctk").touch(mode=0o755)
    found = gpu.gpu_facts({"PATH": str(tmp_path)}, {}, str(tmp_path))
    assert (found["toolkit"], found["cdi"]) == ("nvidia-ctk", ["/etc/cdi/nvidia.yaml"])
