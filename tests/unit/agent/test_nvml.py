"""Compute capabilities out of a library with the names of NVIDIA's, compiled here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from envlock.agent.nvml import compute_capabilities

SOURCE = """
#include <stddef.h>
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    *device = (void *)(size_t)(index + 0x100000000);
    return index == 1 ? 15 : 0; /* the second is lost */
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor)
{
    if ((size_t)device < 0x100000000) return 2; /* a handle that was cut to 32 bits */
    *major = (size_t)device == 0x100000000 ? 9 : 12;
    *minor = 0;
    return 0;
}
"""


def library(folder: Path, init: int) -> str:
    assert shutil.which("gcc"), "CI has a compiler"
    (folder / "nvml.c").write_text(SOURCE)
    command = ["gcc", "-shared", "-fPIC", f"-DINIT={init}", "-o", "libnvml.so", "nvml.c"]
    subprocess.run(command, cwd=folder, check=True)
    return str(folder / "libnvml.so")


@pytest.mark.slow
def test_those_that_answer(tmp_path: Path) -> None:
    assert compute_capabilities(library(tmp_path, 0)) == ["9.0", "12.0"]


@pytest.mark.slow
def test_a_library_without_its_driver(tmp_path: Path) -> None:
    assert compute_capabilities(library(tmp_path, 9)) == []


def test_no_library_and_one_of_another_kind(tmp_path: Path) -> None:
    assert compute_capabilities(str(tmp_path / "none.so")) == []
    assert compute_capabilities("libc.so.6") == []
