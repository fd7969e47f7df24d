"""The stack of a resolution, and the build that was not asked for."""

from __future__ import annotations

import pytest

from envlock.errors import WrongBuild
from envlock.lock.model import Stack
from envlock.manifest.platforms import Platform
from envlock.resolve.stack import check_build, read_stack

LINUX, ARM, MAC, WINDOWS = Platform.LINUX_64, Platform.LINUX_AARCH64, Platform.OSX_ARM64, Platform.WIN_64
CU124 = {
    "torch": "2.6.0",
    "nvidia-cuda-runtime-cu12": "12.4.127",
    "nvidia-cudnn-cu12": "9.1.0.70",
    "nvidia-nccl-cu12": "2.21.5",
    "triton": "3.2.0",
}


def test_the_default_wheel_of_2_6() -> None:
    assert read_stack(CU124, LINUX) == Stack(
        torch="2.6.0",
        cuda="12.4",
        variant="cu124",
        cudnn="9.1.0.70",
        nccl="2.21.5",
        triton="3.2.0",
        gpu_archs=("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"),
        driver="525.60.13",
    )


def test_without_torch_there_is_no_stack() -> None:
    assert read_stack({"numpy": "2.1.2", "nvidia-cudnn-cu12": "9.1.0.70"}, LINUX) == Stack()


def test_the_local_version_names_the_variant() -> None:
    stack = read_stack({"torch": "2.6.0+cu118", "nvidia-cudnn-cu11": "9.1.0.70"}, LINUX)
    assert (stack.torch, stack.cuda, stack.variant, stack.driver) == ("2.6.0", "11.8", "cu118", "450.80.02")
    assert stack.cudnn == "9.1.0.70"


def test_pins_of_another_cuda_major_are_not_the_stacks() -> None:
    assert read_stack({**CU124, "nvidia-cudnn-cu11": "8.9.0.1"}, LINUX).cudnn == "9.1.0.70"


def test_what_is_bundled_comes_from_the_facts() -> None:
    """torch 2.0.1+cu118 requires no nvidia-…: its libraries are inside."""
    stack = read_stack({"torch": "2.0.1+cu118", "triton": "2.0.0"}, LINUX)
    assert (stack.cuda, stack.variant, stack.triton) == ("11.8", "cu118", "2.0.0")
    assert stack.cudnn is not None


def test_a_torch_that_is_newer_than_the_facts_is_read_from_its_pins() -> None:
    versions = {
        "torch": "2.99.0",
        "cuda-toolkit": "13.9.1",
        "nvidia-cuda-runtime": "13.9.10",
        "nvidia-cudnn-cu13": "9.99.0.1",
        "nvidia-nccl-cu13": "2.99.1",
        "triton": "3.99.0",
    }
    assert read_stack(versions, LINUX) == Stack(
        torch="2.99.0",
        cuda="13.9",
        variant="cu139",
        cudnn="9.99.0.1",
        nccl="2.99.1",
        triton="3.99.0",
        driver="580",
    )


def test_a_torch_that_tells_nothing_is_not_guessed() -> None:
    stack = read_stack({"torch": "1.7.0"}, LINUX)
    assert stack == Stack(torch="1.7.0")


def test_another_accelerator_has_no_cuda() -> None:
    stack = read_stack({"torch": "2.6.0+rocm6.2.4"}, LINUX)
    assert (stack.cuda, stack.variant, stack.driver) == (None, "rocm6.2.4", None)


@pytest.mark.parametrize("platform", [ARM, MAC, WINDOWS])
def test_default_wheels_elsewhere_are_cpu_builds(platform: Platform) -> None:
    stack = read_stack({"torch": "2.6.0"}, platform)
    assert stack == Stack(torch="2.6.0", cuda="cpu", variant="cpu")


def test_windows_has_a_driver_floor_of_its_own() -> None:
    assert read_stack({"torch": "2.6.0+cu118"}, WINDOWS).driver == "452.39"


def test_cuda_asked_for_and_cpu_got() -> None:
    stack = read_stack({"torch": "2.6.0+cpu"}, LINUX)
    with pytest.raises(WrongBuild) as caught:
        check_build(stack, "12.4", platform=LINUX, where="pyproject.toml, tool.envlock.cuda")
    error = caught.value
    assert error.message == "CUDA 12.4 is asked for on linux-64, and torch 2.6.0 is a CPU build"
    assert error.where == "pyproject.toml, tool.envlock.cuda"
    assert error.facts == (
        ("asked by", 'pyproject.toml, tool.envlock.cuda = "12.4"'),
        ("came", "torch 2.6.0 (cpu)"),
        ("exists", "2.6.0 with 11.8, 12.4 (default), 12.6, cpu"),
    )
    assert error.hint == "ask for a CUDA that torch 2.6.0 exists with, or for another torch"
    assert (error.code, error.exit_status) == ("wrong-build", 4)


def test_another_cuda_got() -> None:
    with pytest.raises(WrongBuild) as caught:
        check_build(read_stack(CU124, LINUX), "11.8", platform=LINUX, where="envlock.toml, cuda")
    message = "CUDA 11.8 is asked for on linux-64, and torch 2.6.0 is built for CUDA 12.4"
    assert caught.value.message == message


def test_cpu_asked_for_and_cuda_got() -> None:
    with pytest.raises(WrongBuild) as caught:
        check_build(read_stack(CU124, LINUX), "cpu", platform=LINUX, where="envlock.toml, cuda")
    message = "a CPU build is asked for on linux-64, and torch 2.6.0 is built for CUDA 12.4"
    assert caught.value.message == message


def test_a_cuda_that_cannot_be_told_is_not_the_one_asked_for() -> None:
    with pytest.raises(WrongBuild) as caught:
        check_build(Stack(torch="1.7.0"), "11.0", platform=LINUX, where="envlock.toml, cuda")
    error = caught.value
    assert error.message == "CUDA 11.0 is asked for on linux-64, and torch 1.7.0 does not tell its CUDA"
    assert error.facts == (("asked by", 'envlock.toml, cuda = "11.0"'), ("came", "torch 1.7.0"))


@pytest.mark.parametrize("asked", ["auto", "12.4"])
def test_what_is_asked_for_passes(asked: str) -> None:
    check_build(read_stack(CU124, LINUX), asked, platform=LINUX, where="envlock.toml, cuda")
    check_build(Stack(), "12.4", platform=LINUX, where="envlock.toml, cuda")
