"""What is typed: taken as it is meant, or refused with what to write."""

from __future__ import annotations

import pytest

from envlock.errors import UsageFault
from envlock.stack.combination.model import ImageAsked
from tests.unit.stack.combination.asking import combination


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "pytorch==2.6.0",
            "`pytorch` is not the name of the distribution",
            "write `torch==2.6.0`: the distribution is called torch",
        ),
        ("'torch 2.6.0'", "`torch 2.6.0` is no requirement", "write `torch==2.6.0`"),
        ("'torch=2.9.0'", "`torch=2.9.0` is no requirement", "write `torch==2.9.0`"),
        ("'torch===foo'", "`torch===foo`: `foo` is not a version", "write `torch==2.6.0`"),
        ("'torch @ https://x.example/t.whl'", "`torch` points to a URL", "write `torch==VERSION`"),
        (
            "torch==2.6.0 torch==2.7.0",
            "`torch==2.6.0,==2.7.0` asks for two versions at once",
            "leave one out",
        ),
        ("torch==2.6.0 'torch<2.6'", "no version is `torch<2.6,==2.6.0`", "leave one out"),
        (
            "torch==2.6.0+cu118 --cuda 12.4",
            "`torch==2.6.0+cu118` and `--cuda 12.4` contradict each other",
            "leave one out",
        ),
        ("--cuda cu124", "`--cuda cu124`: not a CUDA toolkit version", "write 12.4"),
        ("--cuda 12.4.1", "`--cuda 12.4.1`: not a CUDA toolkit version", "write 12.4"),
        ("--cuda newest", "`--cuda newest`: not a CUDA toolkit version", "write it like 12.4, or `cpu`"),
        ("--cudnn nine", "`--cudnn nine`: not a version", "write it like 9.1"),
        ("--nccl x", "`--nccl x`: not a version", "write it like 2.21.5"),
        ("--python cp311", "`--python cp311`: not a version of Python 3", "write 3.11"),
        ("--python 2.7", "`--python 2.7`: not a version of Python 3", "write it like 3.11"),
        (
            "--driver 12.4",
            "`--driver 12.4`: not a driver version",
            "write it like 535.54.03: `nvidia-smi --query-gpu=driver_version --format=csv` prints it",
        ),
        ("--gpu ' '", "`--gpu` names no GPU", "write it like V100, `RTX 4090` or sm_86"),
        (
            "--image 'a b'",
            "`--image a b`: not a tag",
            "write it like 2.6.0-cuda12.4-cudnn9-runtime, or with `pytorch/pytorch:` before it",
        ),
    ],
)
def test_what_cannot_be_meant_is_told(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageFault) as caught:
        combination(line)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("2.6.0-cuda12.4-cudnn9-runtime", "pytorch/pytorch", "2.6.0-cuda12.4-cudnn9-runtime"),
        ("pytorch/pytorch:latest", "pytorch/pytorch", "latest"),
        ("docker.io/pytorch/pytorch:latest", "pytorch/pytorch", "latest"),
        ("pytorch/pytorch", "pytorch/pytorch", "latest"),
        (f"pytorch/pytorch:a@sha256:{'0' * 64}", "pytorch/pytorch", "a"),
        ("nvidia/cuda:12.4.1-base-ubuntu22.04", "nvidia/cuda", "12.4.1-base-ubuntu22.04"),
        ("ghcr.io/team/thing:1", "ghcr.io/team/thing", "1"),
        ("localhost:5000/thing", "localhost:5000/thing", "latest"),
    ],
)
def test_an_image_in_its_spellings(reference: str, repository: str, tag: str) -> None:
    assert combination(f"--image {reference}").image == ImageAsked(repository=repository, tag=tag)


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("--cuda auto", "cuda", None),
        ("--cuda 12", "cuda", "12"),
        ("--cuda cpu", "cuda", "cpu"),
        ("--cudnn v8.9", "cudnn", "8.9"),
        ("--python 3.13t", "python", "3.13t"),
        ("--python 3.11.7", "python", "3.11"),
        ("--driver R535", "driver", "535"),
    ],
)
def test_an_option_in_its_spellings(option: str, name: str, value: str | None) -> None:
    assert getattr(combination(option), name) == value
