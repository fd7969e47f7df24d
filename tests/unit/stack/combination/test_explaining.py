"""Verdicts, reasons and what is nearest, over what the claims do not touch."""

from __future__ import annotations

import pytest

from envlock.stack.combination import LockedStack, Real, explain_locked
from tests.unit.stack.combination.asking import answer, combination, nearest, told

KNOWN = "the facts of 2026-11-20 have 2.0.0 to 2.15.0"
DEFAULT_2_6 = "PyTorch 2.6.0 for CUDA 12.4 was published, the default wheel of that release"


@pytest.mark.parametrize(
    ("line", "verdict", "near"),
    [
        # releases
        ("torch==2.6", "exists", [("2.6.0", "12.4")]),
        ("torch==2.6.1", "never-published", [("2.6.0", "12.4")]),
        ("torch==2.15.1", "unknown", [("2.15.0", "13.2")]),
        ("torch==1.13.1", "unknown", [("2.0.0", "11.7")]),
        ("torch>=2.16", "unknown", [("2.15.0", "13.2")]),
        ("torch>2.6,<2.6.5", "never-published", [("2.15.0", "13.2")]),
        ("torch==2.6.0rc1", "unknown", [("2.6.0", "12.4")]),
        # variants
        ("torch==2.6.0+cu118", "exists", [("2.6.0", "11.8")]),
        ("torch==2.6.0+cpu", "exists", [("2.6.0", "cpu")]),
        ("torch==2.6.0+rocm6.2", "unknown", [("2.6.0", "12.4")]),
        ("torch==2.6.0 --cuda 12", "exists", [("2.6.0", "12.4")]),
        ("torch==2.6.0 --cuda 13", "never-published", [("2.6.0", "12.4"), ("2.9.0", "13.0")]),
        ("torch==2.15.0 --cuda 12.6", "unknown", [("2.15.0", "13.2"), ("2.14.1", "12.6")]),
        ("torch==2.6.0 --cuda cpu --cudnn 9", "never-published", [("2.6.0", "cpu"), ("2.6.0", "12.4")]),
        # what another variant of the release has, where no CUDA is asked for
        ("torch==2.6.0 --cudnn 9.5", "exists", [("2.6.0", "12.6")]),
        ("torch==2.6.0 --python 3.13t", "exists", [("2.6.0", "12.6")]),
        # Pythons
        ("torch==2.6.0 --python 3.11.7", "exists", [("2.6.0", "12.4")]),
        ("torch==2.5.1 --python 3.14", "never-published", [("2.5.1", "12.4"), ("2.9.0", "12.8")]),
        # GPUs
        ("torch==2.6.0 --gpu 'RTX 4090'", "exists", [("2.6.0", "12.4")]),
        ("torch==2.6.0 --gpu 'RTX 5090'", "will-not-run", [("2.7.0", "12.8")]),
        ("torch==2.11.0 --gpu V100", "will-not-run", [("2.11.0", "12.6")]),
        ("torch==2.11.0 --cuda 12.8 --gpu sm_70", "will-not-run", [("2.11.0", "12.6"), ("2.10.0", "12.8")]),
        ("torch==2.6.0 --gpu V100 --driver 595.45.04", "will-not-run", []),
        ("torch==2.7.0 --cuda 12.8 --gpu B200 --driver 535.54.03", "unknown", []),
        ("torch==2.6.0 --gpu Banana", "unknown", [("2.6.0", "12.4")]),
        ("--gpu 'Jetson Orin'", "unknown", []),
        ("torch==2.6.0 --gpu H200", "exists", [("2.6.0", "12.4")]),
        ("torch==2.6.0 --gpu 'NVIDIA GH200 480GB'", "unknown", []),  # its host is aarch64
        ("torch==2.9.0 --gpu GB200", "unknown", []),
        ("torch==2.9.0 --gpu B200", "exists", [("2.9.0", "12.8")]),
        ("torch==2.6.0 --cuda cpu --gpu V100 --driver 470.57.02", "exists", [("2.6.0", "cpu")]),
        # images
        ("--image latest", "unknown", [("2.14.1", "13.0")]),
        ("--image 2.15.0-cuda13.2-cudnn9-runtime", "unknown", [("2.14.1", "13.2")]),
        ("--image 2.6.0-cuda12.4-cudnn9-devel --gpu A100", "exists", [("2.6.0", "12.4")]),
        ("--image 2.6.0-cuda12.4-cudnn9-devel --driver 515.43.04", "will-not-run", [("2.6.0", "11.8")]),
        ("--image nvidia/cuda:12.4-runtime-ubuntu22.04", "never-published", []),
        ("--image nvidia/cuda:12.4.1-cudnn9-runtime-ubuntu22.04", "never-published", []),
        ("--image nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04", "unknown", []),
        ("--image nvidia/cuda:12.2.2-cudnn8-devel-ubuntu22.04", "unknown", []),
        (
            "--image nvidia/cuda:12.3.1-cudnn9-devel-ubuntu22.04",
            "unknown",
            [],
        ),  # no rule
        ("--image nvidia/cuda:12.4.1-slim-ubuntu22.04", "never-published", []),
        ("--image nvidia/cuda", "unknown", []),
        ("--image localhost:5000/team/thing", "unknown", []),
        # other distributions
        ("numpy==1.26", "unknown", []),
        ("torch==2.6.0 numpy", "unknown", [("2.6.0", "12.4")]),
    ],
)
def test_a_verdict_and_what_is_nearest(line: str, verdict: str, near: list[tuple[str, str]]) -> None:
    found = answer(line)
    assert (str(found.verdict), nearest(found)) == (verdict, near)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "torch==2.6.1",
            (
                "torch",
                "never-published",
                "no PyTorch that is `torch==2.6.1` was published by 2026-11-20",
                KNOWN,
            ),
        ),
        (
            "torch>=2.16",
            ("torch", "unknown", "whether there is a PyTorch for `torch>=2.16` is not in the facts", KNOWN),
        ),
        (
            "torch==2.6.0+rocm6.2",
            (
                "torch",
                "unknown",
                "the facts are about builds for CUDA and the CPU, and say nothing of `rocm6.2`",
                None,
            ),
        ),
        (
            "torch==2.15.0 --cuda 12.6",
            (
                "cuda",
                "unknown",
                "PyTorch 2.15.0 is not known to be built for CUDA 12.6",
                "there is 2.15.0 with 13.2 (default) · CUDA 12.6 with 2.6.0 to 2.14.1",
            ),
        ),
        (
            "--cuda 10.2",
            (
                "cuda",
                "unknown",
                "no PyTorch is known to be built for CUDA 10.2",
                "the facts of 2026-11-20 have 11.7, 11.8, 12.1, 12.4, 12.6, 12.8, 12.9, 13.0, 13.2",
            ),
        ),
        (
            "torch==2.5.1 --python 3.14",
            (
                "python",
                "never-published",
                "PyTorch 2.5.1 for CUDA 12.4 has no wheel for Python 3.14, but for 3.9 to 3.13",
                "Python 3.14 with 2.9.0 to 2.15.0",
            ),
        ),
        (
            "torch==2.6.0 --gpu 'RTX 5090'",
            (
                "gpu",
                "will-not-run",
                "PyTorch 2.6.0 for CUDA 12.4 has no code for RTX 5090 (sm_120): it has sm_50, sm_60, sm_70,"
                " sm_75, sm_80, sm_86, sm_90",
                None,
            ),
        ),
        (
            "torch==2.6.0 --gpu 8.9",
            (
                "gpu",
                "exists",
                "PyTorch 2.6.0 for CUDA 12.4 has code for sm_89 (L4, L40, L40S): sm_86, which runs on it",
                None,
            ),
        ),
        (
            "torch==2.6.0 --gpu V10",
            (
                "gpu",
                "unknown",
                "no GPU `V10` is in the facts",
                "did you mean `V100`, `A10` or `P100`? `nvidia-smi --query-gpu=compute_cap --format=csv`"
                " prints 8.6, which is sm_86",
            ),
        ),
        (
            "torch==2.6.0 --gpu V100 --driver 595.45.04",
            (
                "gpu",
                "will-not-run",
                "driver 595.45.04 does not support sm_70 any more: branch 580 is the last",
                "install a driver of branch 580",
            ),
        ),
        (
            "torch==2.7.0 --cuda 12.8 --gpu B200 --driver 535.54.03",
            (
                "gpu",
                "unknown",
                "sm_100 is new with CUDA 12.8, whose driver is 570.26: whether 535.54.03 knows it is not in"
                " the facts",
                None,
            ),
        ),
        (
            "torch==2.6.0 --gpu GH200",
            (
                "gpu",
                "unknown",
                "a GH200 (sm_90) is in hosts of aarch64, and the facts are about wheels for x86_64",
                '`envlock lock` with `platforms = ["linux-aarch64"]` tells what there is for it',
            ),
        ),
        (
            "torch==2.6.0 --driver 525",
            (
                "driver",
                "unknown",
                "PyTorch 2.6.0 for CUDA 12.4 needs driver 525.60.13 or newer: 525 is cut too short to tell",
                "`nvidia-smi` prints the whole version",
            ),
        ),
        (
            "torch==2.6.0 --driver 535.54.03",
            ("driver", "note", "driver branch 535 has been without updates since 2026-06", None),
        ),
        (
            "torch==2.9.0 --image 2.6.0-cuda12.4-cudnn9-runtime",
            (
                "image",
                "never-published",
                "an image of that name holds PyTorch 2.6.0, and torch==2.9.0 is asked for",
                None,
            ),
        ),
        (
            "--image 2.6.0-cuda12.4-cudnn9-runtime --cuda 11.8",
            (
                "image",
                "never-published",
                "an image of that name holds CUDA 12.4, and CUDA 11.8 is asked for",
                None,
            ),
        ),
        (
            "--image latest",
            (
                "image",
                "unknown",
                "whether `pytorch/pytorch:latest` was published is not in the facts",
                "`latest` names another image every time: pin X.Y.Z-cudaA.B-cudnnN, by its digest",
            ),
        ),
        (
            "--image nvidia/cuda:12.4.1-cudnn9-runtime-ubuntu22.04",
            (
                "image",
                "never-published",
                "`nvidia/cuda:12.4.1-cudnn9-runtime-ubuntu22.04` was never published: cuDNN is written"
                " `cudnn` with 12.4.1",
                "write it like 12.4.1-cudnn-runtime-ubuntu22.04",
            ),
        ),
        (
            "torch==2.6.0 numpy>=1",
            (
                "numpy",
                "unknown",
                "the facts are about torch, and say nothing of `numpy>=1`",
                "`envlock lock` resolves it, and `envlock explain --why numpy` tells what came of it",
            ),
        ),
        (
            "torch==2.14.1 --cuda 12.6 --nccl 2",
            ("nccl", "unknown", "which NCCL it has is not in the facts", None),
        ),
        (
            "torch==2.10.0 --cuda 12.9 --gpu H100",
            (
                "gpu",
                "unknown",
                "for which GPUs PyTorch 2.10.0 for CUDA 12.9 has code is not in the facts",
                None,
            ),
        ),
    ],
)
def test_a_reason(line: str, reason: tuple[str, str, str, str | None]) -> None:
    assert reason in told(answer(line))


def test_a_range_takes_the_newest_that_runs_and_says_what_would_be_installed() -> None:
    found = answer("torch>=2.6 --gpu V100 --driver 535.54.03")
    assert nearest(found) == [("2.10.0", "12.8")]
    assert told(found)[1] == (
        "torch",
        "note",
        "`torch>=2.6` alone takes 2.15.0, which is not what else is asked for",
        "ask for `torch==2.10.0`",
    )


def test_a_host_alone_is_answered_with_all_that_runs_there() -> None:
    found = answer("--driver 535.54 --gpu V100")
    assert found.lists_all
    assert nearest(found)[:2] == [("2.14.0", "12.6"), ("2.13.0", "12.6")]
    assert all("sm_70" in real.archs for real in found.nearest)
    assert all(real.cuda.partition(".")[0] in ("11", "12") for real in found.nearest)
    assert len(found.nearest) > 40


def test_all_with_one_cudnn() -> None:
    found = answer("--cudnn 8.9")
    assert found.lists_all
    assert {real.cudnn for real in found.nearest} == {"8.9.2.26"}
    assert nearest(found)[0] == ("2.3.1", "12.1")


def test_ptx_is_code_for_what_comes_later() -> None:
    """cu128 wheels of 2.7 carry compute_120: no cubin for a later minor of another major is needed."""
    asked = combination("--gpu 12.1")
    [stack] = [locked(archs=("sm_90",), torch="2.7.0", cuda="12.8", variant="cu128")]
    found = explain_locked(asked, (stack,))
    assert told(found) == [
        (
            "gpu",
            "exists",
            "the locked PyTorch 2.7.0 on linux-64 has no code for sm_121 (GB10 (DGX Spark)), but compute_120,"
            " out of which the driver makes it",
            None,
        )
    ]


@pytest.mark.parametrize(
    ("driver", "verdict", "told"),
    [
        ("560.35.03", "will-not-run", "560.35.03 is older"),
        ("570", "unknown", "570 may be that"),
        ("570.26", "exists", None),
    ],
)
def test_ptx_takes_the_driver_of_its_toolkit(driver: str, verdict: str, told: str | None) -> None:
    """The floor of the major is enough for machine code only."""
    asked = combination(f"--gpu 12.1 --driver {driver}")
    stack = locked(archs=("sm_90",), torch="2.7.0", cuda="12.8", variant="cu128")
    found = [reason for reason in explain_locked(asked, (stack,)).reasons if "by PTX alone" in reason.message]
    expected = (
        "the locked PyTorch 2.7.0 on linux-64 runs on sm_121 by PTX alone, which takes a driver that came"
        f" with CUDA 12.8 (570.26) or newer: {told}"
    )
    assert [(str(each.verdict), each.message) for each in found] == ([(verdict, expected)] if told else [])


def test_machine_code_takes_the_floor_alone() -> None:
    asked = combination("--gpu H100 --driver 535.54.03")
    assert str(explain_locked(asked, (locked(cuda="12.8", variant="cu128"),)).verdict) == "exists"


def locked(
    *,
    torch: str = "2.6.0",
    cuda: str | None = "12.4",
    variant: str | None = "cu124",
    archs: tuple[str, ...] = ("sm_80", "sm_90"),
    driver: str | None = "525.60.13",
    platform: str = "linux-64",
) -> LockedStack:
    return LockedStack(platform=platform, torch=torch, cuda=cuda, variant=variant, archs=archs, driver=driver)


def test_a_locked_stack_is_judged_by_its_own_values() -> None:
    """Not by the facts of its PyTorch: those have sm_70, and the lock does not."""
    found = explain_locked(combination("--gpu V100 --driver 535.54.03"), (locked(),))
    assert (str(found.verdict), nearest(found)) == ("will-not-run", [("2.6.0", "12.4")])
    assert told(found)[0] == (
        "gpu",
        "will-not-run",
        "the locked PyTorch 2.6.0 on linux-64 has no code for V100 (sm_70): it has sm_80, sm_90",
        None,
    )


def test_a_lock_newer_than_the_facts_is_judged_by_what_it_says() -> None:
    stack = locked(torch="2.99.0", cuda="14.0", variant="cu140", archs=(), driver=None)
    found = explain_locked(combination("--driver 600.10"), (stack,))
    assert told(found) == [
        (
            "driver",
            "unknown",
            "which driver the locked PyTorch 2.99.0 on linux-64 needs is not in the facts",
            None,
        )
    ]


def test_a_lock_for_the_cpu_runs_everywhere() -> None:
    found = explain_locked(combination("--driver 470.57.02"), (locked(cuda="cpu", variant="cpu", archs=()),))
    assert told(found) == [
        (
            "driver",
            "exists",
            "the locked PyTorch 2.6.0 on linux-64 has no code for a GPU: it runs on the processor, with any"
            " driver and without",
            None,
        )
    ]


def test_a_lock_without_pytorch_cannot_be_judged() -> None:
    found = explain_locked(combination("--gpu V100"), ())
    assert told(found) == [
        (
            "torch",
            "unknown",
            "the lock holds no PyTorch: nothing in it is known to need a driver or a GPU",
            "`envlock explain torch` with the same options tells which PyTorch runs there",
        )
    ]


def test_the_drivers_of_windows_are_not_said_to_be_those_of_linux() -> None:
    found = explain_locked(
        combination("--driver 530.30"), (locked(platform="win-64", driver="528.33", archs=()),)
    )
    assert [(about, verdict) for about, verdict, _, _ in told(found)] == [("driver", "exists")]


def test_a_real_combination_has_what_a_manifest_needs() -> None:
    [real] = answer("torch==2.6.0").nearest
    assert real == Real(
        torch="2.6.0",
        cuda="12.4",
        variant="cu124",
        is_default=True,
        cudnn="9.1.0.70",
        nccl="2.21.5",
        triton="3.2.0",
        pythons=("3.9", "3.10", "3.11", "3.12", "3.13"),
        images=("2.6.0-cuda12.4-cudnn9-runtime", "2.6.0-cuda12.4-cudnn9-devel"),
        driver="525.60.13",
        toolkit_driver="550.54.14",
        archs=("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"),
        manifest={"requirements": ["torch==2.6.0"], "cuda": "12.4"},
    )


def test_every_reason_that_decides_against_has_a_source() -> None:
    lines = (
        "torch==2.6.0 --cuda 12.1",
        "torch==2.6.1",
        "torch==2.5.1 --python 3.14",
        "torch==2.6.0 --gpu sm_120",
    )
    for line in lines:
        for reason in answer(line).reasons:
            assert reason.sources, reason
