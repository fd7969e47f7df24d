"""What people write about PyTorch 2.6, 2.8 and 2.9, and what was published."""

from __future__ import annotations

import pytest

from tests.unit.stack.combination.asking import answer, nearest, told

NEVER = "never-published"
VARIANTS_2_6 = "there is 2.6.0 with 11.8, 12.4 (default), 12.6, cpu"


def test_pytorch_2_6_with_cuda_11_8_exists() -> None:
    found = answer("torch==2.6.0 --cuda 11.8")
    assert told(found) == [("torch", "exists", "PyTorch 2.6.0 for CUDA 11.8 was published", None)]
    assert nearest(found) == [("2.6.0", "11.8")]
    assert [source.name for source in found.reasons[0].sources][-1] == "DLLIST"


def test_pytorch_2_6_with_cuda_12_1_does_not() -> None:
    found = answer("torch==2.6.0 --cuda 12.1")
    assert found.verdict.exit_status == 1
    assert told(found) == [
        (
            "cuda",
            NEVER,
            "PyTorch 2.6.0 was never built for CUDA 12.1",
            f"{VARIANTS_2_6} · CUDA 12.1 with 2.1.0 to 2.5.1",
        )
    ]
    assert nearest(found) == [("2.6.0", "12.4"), ("2.5.1", "12.1")]
    assert "DLLIST" in [source.name for source in found.reasons[0].sources]


def test_the_tag_of_pytorch_2_6_with_cudnn_8_never_was() -> None:
    found = answer("--image pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime")
    assert told(found) == [
        (
            "image",
            NEVER,
            "`pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime` was never published",
            "images of 2.6.0 have CUDA 11.8, 12.4 or 12.6 and cuDNN 9, and end in -runtime or -devel",
        ),
        (
            "cudnn",
            NEVER,
            "PyTorch 2.6.0 for CUDA 11.8 has cuDNN 9.1.0.70, not 8",
            "cuDNN 8 with 2.0.0 to 2.3.1",
        ),
    ]
    assert [real.images[0] for real in found.nearest] == [
        "2.6.0-cuda11.8-cudnn9-runtime",
        "2.3.1-cuda11.8-cudnn8-runtime",
    ]
    assert [source.name for source in found.reasons[0].sources] == ["GENERATOR"]


def test_pytorch_2_6_has_another_cudnn_and_another_nccl() -> None:
    found = answer("torch==2.6.0 --cudnn 8.9 --nccl 2.18")
    assert told(found) == [
        (
            "cudnn",
            NEVER,
            "PyTorch 2.6.0 for CUDA 12.4 has cuDNN 9.1.0.70, not 8.9",
            "cuDNN 8.9 with 2.1.0 to 2.3.1",
        ),
        (
            "nccl",
            NEVER,
            "PyTorch 2.6.0 for CUDA 12.4 has NCCL 2.21.5, not 2.18",
            "NCCL 2.18 with 2.1.0 to 2.1.2",
        ),
    ]
    assert nearest(found) == [("2.6.0", "12.4"), ("2.1.2", "12.1"), ("2.3.1", "12.1")]
    assert [source.name for source in found.reasons[0].sources] == ["PYPI", "DLLIST", "DLHASH"]


CUDA_2_9 = (
    "cuda",
    NEVER,
    "PyTorch 2.9.0 was never built for CUDA 11.8",
    "there is 2.9.0 with 12.6, 12.8 (default), 12.9 (not advertised), 13.0, cpu"
    " · CUDA 11.8 with 2.0.0 to 2.7.1",
)
CUDNN_2_9 = (
    "cudnn",
    NEVER,
    "PyTorch 2.9.0 for CUDA 12.8 has cuDNN 9.10.2.21, not 8",
    "cuDNN 8 with 2.0.0 to 2.3.1",
)


def test_pytorch_2_9_with_cuda_11_8_and_cudnn_8() -> None:
    found = answer("torch==2.9 --cuda 11.8 --cudnn 8")
    assert told(found) == [CUDA_2_9, CUDNN_2_9]
    assert nearest(found) == [("2.9.0", "12.8"), ("2.3.1", "11.8"), ("2.7.1", "11.8")]


def test_its_tag() -> None:
    found = answer("--image 2.9-cuda11.8-cudnn8-runtime")
    image = (
        "image",
        NEVER,
        "`pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime` was never published",
        "a tag has the whole version, 2.9.0; images of 2.9.0 have CUDA 12.6, 12.8 or 13.0 and cuDNN 9,"
        " and end in -runtime or -devel",
    )
    assert told(found) == [image, CUDA_2_9, CUDNN_2_9]
    assert [real.images[0] for real in found.nearest] == [
        "2.9.0-cuda12.8-cudnn9-runtime",
        "2.3.1-cuda11.8-cudnn8-runtime",
        "2.7.1-cuda11.8-cudnn9-runtime",
    ]


def test_pytorch_2_8_without_a_cuda_is_its_default_wheel() -> None:
    found = answer("torch==2.8.0")
    assert told(found) == [
        (
            "torch",
            "exists",
            "PyTorch 2.8.0 for CUDA 12.8 was published, the default wheel of that release",
            "there is 2.8.0 with 12.6, 12.8 (default), 12.9, cpu",
        )
    ]
    [real] = found.nearest
    assert (real.cuda, real.cudnn, real.nccl, real.is_default) == ("12.8", "9.10.2.21", "2.27.3", True)
    assert dict(real.manifest) == {"requirements": ["torch==2.8.0"], "cuda": "12.8"}


FLOOR = "by minor-version compatibility: the driver that came with CUDA"
PTX = "and code that is compiled on the host from PTX needs that one"


@pytest.mark.parametrize(
    ("cuda", "driver", "shipped"), [("11.8", "450.80.02", "520.61.05"), ("12.4", "525.60.13", "550.54.14")]
)
def test_the_driver_of_a_cuda_is_a_floor_only(cuda: str, driver: str, shipped: str) -> None:
    found = answer(f"torch==2.6.0 --cuda {cuda} --driver {driver}")
    assert found.verdict.exit_status == 0
    major = cuda.partition(".")[0]
    assert told(found)[1:] == [
        (
            "driver",
            "exists",
            f"PyTorch 2.6.0 for CUDA {cuda} needs driver {driver} or newer: {driver} is that",
            None,
        ),
        (
            "driver",
            "note",
            f"{driver} is the floor of CUDA {major} {FLOOR} {cuda} is {shipped}, {PTX}",
            None,
        ),
    ]
    assert [source.name for source in found.reasons[1].sources] == ["RN132U2", "MVC", "UV"]


def test_an_older_driver_runs_an_older_cuda() -> None:
    found = answer("torch==2.6.0 --driver 470.57.02")
    assert str(found.verdict) == "will-not-run"
    assert told(found)[1:] == [
        (
            "driver",
            "will-not-run",
            "PyTorch 2.6.0 for CUDA 12.4 needs driver 525.60.13 or newer: 470.57.02 is older",
            "install driver 525.60.13 or newer, or take an older CUDA",
        )
    ]
    assert nearest(found) == [("2.6.0", "11.8")]


# Facts of their own: tags that public files pin by digest, and tags that people made up.

PUBLISHED = (
    "2.0.0-cuda11.7-cudnn8-runtime",
    "2.0.1-cuda11.7-cudnn8-runtime",
    "2.1.0-cuda11.8-cudnn8-runtime",
    "2.4.0-cuda11.8-cudnn9-runtime",
    "2.4.1-cuda12.1-cudnn9-runtime",
    "2.5.1-cuda11.8-cudnn9-runtime",
    "2.5.1-cuda12.4-cudnn9-devel",
    "2.6.0-cuda11.8-cudnn9-runtime",
    "2.6.0-cuda12.4-cudnn9-devel",
    "2.7.0-cuda11.8-cudnn9-devel",
    "2.7.1-cuda12.8-cudnn9-runtime",
    "2.8.0-cuda12.8-cudnn9-runtime",
    "2.8.0-cuda12.8-cudnn9-devel",
    "2.8.0-cuda12.9-cudnn9-runtime",
    "2.9.1-cuda12.8-cudnn9-runtime",
    "2.9.1-cuda13.0-cudnn9-runtime",
    "2.10.0-cuda12.8-cudnn9-runtime",
    "2.11.0-cuda13.0-cudnn9-runtime",
    "2.12.1-cuda12.6-cudnn9-runtime",
    "2.12.1-cuda13.0-cudnn9-runtime",
    "2.13.0-cuda12.6-cudnn9-runtime",
    "2.14.0-cuda12.6-cudnn9-runtime",
    "2.14.1-cuda13.2-cudnn9-runtime",
)
MADE_UP = (
    "2.6.0-cuda11.8-cudnn8-runtime",
    "2.6.0-cuda11.8-cudnn8-devel",
    "2.7.1-cuda11.8-cudnn8-runtime",
    "2.3.1-cuda12.4-cudnn9-runtime",
    "2.8.0-cuda12.4-cudnn9-runtime",
    "2.9.1-cuda-12.8-cudnn9-runtime",
    "2.12.0-cuda12.8-cudnn9-runtime",
    "2.9-cuda11.8-cudnn8-runtime",
    "2.6.0-cuda12.1-cudnn8-runtime",
)


@pytest.mark.parametrize("tag", PUBLISHED)
def test_a_tag_that_is_pinned_by_digest_exists(tag: str) -> None:
    found = answer(f"--image pytorch/pytorch:{tag}")
    assert (str(found.verdict), found.verdict.exit_status) == ("exists", 0)
    assert "; public files pin it by sha256:" in found.reasons[0].message
    assert tag in found.nearest[0].images
    assert [source.name for source in found.reasons[0].sources] == ["GENERATOR", "PINNED"]


@pytest.mark.parametrize("tag", MADE_UP)
def test_a_tag_that_people_made_up_never_existed(tag: str) -> None:
    found = answer(f"--image {tag}")
    assert (str(found.verdict), found.verdict.exit_status) == (NEVER, 1)
    assert found.reasons[0].message == f"`pytorch/pytorch:{tag}` was never published"
    assert found.nearest
    assert all(real.images for real in found.nearest)
