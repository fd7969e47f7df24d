"""`envlock doctor`: a real libnvidia-ml of our own making, each classic failure, and this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.api import doctoring
from envlock.doctor import HostFacts, diagnosed, recognised
from envlock.doctor.classics import classics
from envlock.observe.gpu import GpuFacts

ROOT = Path(__file__).resolve().parents[2]
NVML = r"""
#include <stdio.h>
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int multiprocessorCount, rest[7]; unsigned long long size; } attributes_t;
int nvmlInitWithFlags(unsigned int flags) { (void)flags; return INIT; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "other"; }
int nvmlSystemGetDriverVersion(char *out, unsigned int n) { return snprintf(out, n, "550.54.14") < 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12040; return 0; }
int nvmlDeviceGetCount_v2(unsigned int *out) { *out = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int i, void **out) {
    *out = (void *)(unsigned long)(i + 1); return 0; }
int nvmlDeviceGetName(void *d, char *out, unsigned int n) {
    return snprintf(out, n, d == (void *)1 ? "NVIDIA H100 80GB HBM3" : "Tesla V100-SXM2-16GB") < 0; }
int nvmlDeviceGetUUID(void *d, char *out, unsigned int n) { return snprintf(out, n, "GPU-%p", d) < 0; }
int nvmlDeviceGetCudaComputeCapability(void *d, int *major, int *minor) {
    *major = d == (void *)1 ? 9 : 7; *minor = 0; return 0; }
int nvmlDeviceGetMemoryInfo(void *d, memory_t *out) { (void)d; out->total = 85899345920ull; return 0; }
int nvmlDeviceGetAttributes_v2(void *d, attributes_t *out) {
    memset(out, 0, sizeof *out); out->multiprocessorCount = 132; return d == (void *)1 ? 0 : 3; }
int nvmlDeviceGetMigMode(void *d, unsigned int *now, unsigned int *next) {
    *now = *next = 0; return d == (void *)1 ? 0 : 3; }
int nvmlDeviceGetEccMode(void *d, unsigned int *now, unsigned int *next) {
    (void)d; *now = *next = 1; return 0; }
int nvmlDeviceGetPersistenceMode(void *d, unsigned int *out) { *out = d == (void *)1; return 0; }
"""
LOOK = (
    "import json; from dataclasses import asdict; from envlock.observe.gpu import gpu_facts; "
    "print(json.dumps(asdict(gpu_facts())))"
)


def library(folder: Path, status: int) -> dict[str, str]:
    """A driver's library in a folder that the loader searches first."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have a C compiler")
        pytest.skip("no C compiler here")
    (folder / "nvml.c").write_text(NVML)
    output = folder / "libnvidia-ml.so.1"
    command = [compiler, "-shared", "-fPIC", f"-DINIT={status}", "-o", str(output), str(folder / "nvml.c")]
    subprocess.run(command, check=True)
    return {**os.environ, "LD_LIBRARY_PATH": str(folder)}


def looked(environment: dict[str, str]) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_two_gpus_as_the_library_tells_them(tmp_path: Path) -> None:
    found = looked(library(tmp_path, 0))
    h100 = {
        "name": "NVIDIA H100 80GB HBM3", "uuid": "GPU-0x1", "capability": "9.0", "multiprocessors": 132,
        "memory": 85899345920, "mig": False, "ecc": True, "persistence": True,
    }  # fmt: skip
    v100 = {
        **h100, "name": "Tesla V100-SXM2-16GB", "uuid": "GPU-0x2", "capability": "7.0",
        "multiprocessors": None, "mig": None, "persistence": False,
    }  # fmt: skip
    assert found == {
        "driver": "550.54.14", "cuda": "12.4", "gpus": [h100, v100], "fault": None, "detail": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "fault"), [(9, "driver-not-loaded"), (18, "version-mismatch"), (999, "nvml-failed")]
)
def test_a_library_that_fails_says_how(status: int, fault: str, tmp_path: Path) -> None:
    assert looked(library(tmp_path, status))["fault"] == fault


# What the facts of a host say

NOTHING = HostFacts(
    gpu=GpuFacts(fault="library-not-found", detail="NVML Shared Library Not Found"),
    module=None,
    libcuda=None,
    devices=(),
    engines=(),
    toolkit=None,
    cdi=(),
    externally_managed=None,
    contaminating={},
    torch=None,
    wanted=None,
    floor=None,
)
DRIVER = replace(NOTHING, gpu=GpuFacts(driver="550.54.14", cuda="12.4"), module="550.54.14")


@pytest.mark.parametrize(
    ("host", "codes"),
    [
        (DRIVER, []),
        (NOTHING, [("no-gpu", False)]),
        (replace(NOTHING, torch="2.6.0", wanted="12.4"), [("no-gpu", True)]),
        (replace(NOTHING, devices=("/dev/nvidia0",)), [("libcuda-not-found", True)]),
        (replace(DRIVER, module="550.90.07"), [("driver-needs-reboot", True)]),
        (replace(NOTHING, gpu=GpuFacts(fault="version-mismatch")), [("driver-needs-reboot", True)]),
        (replace(DRIVER, wanted="13.0", floor="580"), [("driver-too-old", True)]),
        (replace(DRIVER, wanted="12.4", floor="525.60.13"), []),
        (replace(DRIVER, torch="2.6.0+cpu", wanted="12.4"), [("cpu-build", True)]),
        (replace(DRIVER, torch="2.6.0+cpu", wanted="cpu"), []),
        (replace(DRIVER, engines=("docker",)), [("container-toolkit-missing", True)]),
        (replace(DRIVER, engines=("docker",), toolkit="nvidia-ctk"), []),
        (replace(DRIVER, engines=("podman",), cdi=("/etc/cdi/nvidia.yaml",)), []),
        (replace(DRIVER, externally_managed="/x"), [("externally-managed", False)]),
        (
            replace(DRIVER, contaminating={"LD_PRELOAD": "it can change what is loaded"}),
            [("contaminating-variable", True)],
        ),
    ],
)
def test_what_ails_a_host(host: HostFacts, codes: list[tuple[str, bool]]) -> None:
    assert [(each.code, each.is_fault) for each in diagnosed(host)] == codes


# What people paste


@pytest.mark.parametrize("row", classics(), ids=lambda row: row["code"])
def test_each_classic_is_recognised_in_its_example(row: dict[str, str]) -> None:
    found = recognised(f"Traceback (most recent call last):\n{row['example']}\nmore\n{row['example']}\n")
    assert [(each.code, each.seen, each.hint) for each in found] == [
        (row["code"], row["example"], row["hint"])
    ]


def test_a_healthy_log_is_not_ill() -> None:
    assert recognised("epoch 1 loss 0.3\nNCCL version 2.21.5+cuda12.4\n") == ()


def doctor(
    *words: str, environment: dict[str, str], cwd: Path, text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "envlock", "doctor", *words],
        env=environment, cwd=cwd, input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_log_on_stdin(tmp_path: Path) -> None:
    text = "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory\n"
    done = doctor("--log", "-", environment=dict(os.environ), cwd=tmp_path, text=text)
    row = classics()[0]
    assert done.stdout == (
        f"fault: {row['message']} [libcuda-not-found]\n  seen: {text.strip()}\n  hint: {row['hint']}\n"
    )
    assert (done.returncode, done.stderr) == (1, "")
    done = doctor("--log", "-", environment=dict(os.environ), cwd=tmp_path, text="fine\n")
    assert (done.returncode, done.stderr) == (8, "nothing in this text is known here\n")


def test_a_real_loader_and_a_real_python_say_what_is_recognised(tmp_path: Path) -> None:
    """Not an example that somebody wrote down: the loader's own words."""
    done = subprocess.run(
        [sys.executable, "-c", "import ctypes; ctypes.CDLL('libcuda.so.1')"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        pytest.skip("this host has a driver")
    assert [each.code for each in recognised(done.stderr)] == ["libcuda-not-found"]


def test_this_host_with_a_library_and_a_contaminating_variable(tmp_path: Path) -> None:
    environment = library(tmp_path, 0)
    done = doctor("--json", environment=environment, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (document["schema"], document["host"]["gpu"]["driver"]) == ("envlock.doctor/1", "550.54.14")
    assert "contaminating-variable" in [each["code"] for each in document["diagnoses"]]
    assert done.returncode == 1
    shown = doctor(environment=environment, cwd=tmp_path)
    assert "gpu        NVIDIA H100 80GB HBM3 (compute capability 9.0)" in shown.stdout.splitlines()


def test_a_cpu_wheel_where_the_lock_has_cuda(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "bert-cu124" / "envlock.lock", tmp_path)
    torch = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages" / "torch"
    torch.mkdir(parents=True)
    (torch / "version.py").write_text("__version__ = '2.6.0+cpu'\n")
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = doctor("--json", environment=environment, cwd=tmp_path)
    found = {each["code"]: each["message"] for each in json.loads(done.stdout)["diagnoses"]}
    assert found["cpu-build"] == "PyTorch 2.6.0+cpu is installed, a CPU build; the lock has CUDA 12.4"


def test_the_pytorch_of_the_environment_at_hand(tmp_path: Path) -> None:
    site = tmp_path / "env/lib/python3.11/site-packages/torch"
    site.mkdir(parents=True)
    environment = {"VIRTUAL_ENV": str(tmp_path / "env"), "PATH": ""}
    assert doctoring.doctor(environment, tmp_path / "envlock.lock")[0].torch is None
    (site / "version.py").write_text("from typing import Optional\ncuda = '12.4'\n")
    assert doctoring.doctor(environment, tmp_path / "envlock.lock")[0].torch is None
    (site / "version.py").write_text("from typing import Optional\n__version__ = '2.6.0+cu124'\n")
    assert doctoring.doctor(environment, tmp_path / "envlock.lock")[0].torch == "2.6.0+cu124"
