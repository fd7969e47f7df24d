"""What five articles say of PyTorch-CUDA images, told in other words: every false claim is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.audit.repository.support import told

_26 = """# One image instead of a hand-made environment

Our image is PyTorch-CUDA-v2.6. PyTorch 2.6 supports CUDA 11.8 and 12.1, so old and new cards are served.
Inside are cuDNN 8.9 and NCCL 2.18, tuned together.

```dockerfile
FROM pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime
```
"""
_TOO_OLD = "PyTorch 2.6.0 was never built for CUDA 12.1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_26, f"no-such-stack README.md:3:33: {_TOO_OLD}"),
        (_26, "no-such-stack README.md:4:1: PyTorch 2.6.0 for CUDA 12.4 has NCCL 2.21.5, not 2.18"),
        (_26, "no-such-stack README.md:4:1: PyTorch 2.6.0 for CUDA 12.4 has cuDNN 9.1.0.70, not 8.9"),
        (
            _26,
            "no-such-image README.md:7:6: "
            "`pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime` was never published",
        ),
        (
            "The base is torch 2.6 (CUDA 11.8/12.1).",
            f"no-such-stack README.md:1:1: {_TOO_OLD}",
        ),
        (
            "| PyTorch | CUDA |\n|---|---|\n| PyTorch 2.6 | CUDA 11.8, 12.1 |\n",
            f"no-such-stack README.md:3:1: {_TOO_OLD}",
        ),
        (
            "镜像基于 PyTorch 2.6\uff0c支持 CUDA 11.8 和 12.1。",
            f"no-such-stack README.md:1:1: {_TOO_OLD}",
        ),
        (
            "The image of PyTorch 2.9 is built on CUDA 11.8 with cuDNN 8.",
            "no-such-stack README.md:1:1: PyTorch 2.9.0 to 2.9.1 was never built for CUDA 11.8",
        ),
        (
            "Run `docker pull pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime` first.",
            "no-such-image README.md:1:18: `pytorch/pytorch:2.9-cuda11.8-cudnn8-runtime` was never published",
        ),
        (
            "PyTorch 2.8 comes with CUDA in one image.",
            "cuda-unstated README.md:1:1: "
            "PyTorch 2.8 is named, and not its CUDA; its default wheel has CUDA 12.8",
        ),
        (
            "CUDA 11.8 needs driver >= 450.80.02 and CUDA 12 needs at least 525.",
            "driver-claim README.md:1:1: "
            "driver 450.80.02 is only the floor of minor-version compatibility of "
            "CUDA 11; the driver that came with CUDA 11.8 is 520.61.05",
        ),
        (
            "CUDA 11.8 needs driver >= 450.80.02 and CUDA 12 needs at least 525.",
            "driver-claim README.md:1:1: "
            "driver 525 is only the floor of minor-version compatibility of CUDA 12",
        ),
        (
            "With CUDA 12.2 installed on the system, a cu121 wheel of PyTorch will fail.",
            "false-claim README.md:1:1: "
            "a CUDA of the system does not break a wheel: wheels carry their own CUDA",
        ),
        (
            "If the system CUDA is 12.2 and PyTorch was built for 12.1, the two conflict.",
            "false-claim README.md:1:1: "
            "a CUDA of the system does not break a wheel: wheels carry their own CUDA",
        ),
        (
            "The official image already has a non-root user for safety.",
            "false-claim README.md:1:1: "
            "the official image `pytorch/pytorch` runs as root, and has no other user",
        ),
        (
            "The image sets NCCL_DEBUG=INFO by default, so links can be seen.",
            "false-claim README.md:1:1: the official image `pytorch/pytorch` sets no NCCL variable",
        ),
        (
            "New in 2.6: `_record_memory_history(enabled=True, trace_alloc_max_entries=100000)`.",
            "false-claim README.md:1:1: "
            "`_record_memory_history` is there since PyTorch 2.0; that signature is "
            "legacy since 2.1",
        ),
        (
            "```python\nimport torch\ntorch.cuda.memory._record_memory_history(enabled=True)\n```\n",
            "legacy-memory-history README.md:3:1: "
            "this is the signature of `_record_memory_history` in PyTorch "
            "2.0, legacy since 2.1",
        ),
        (
            "```python\nfrom torch.cuda.amp import autocast, GradScaler\nscaler = GradScaler()\n```\n",
            "deprecated-amp README.md:3:10: `torch.cuda.amp.GradScaler` is deprecated since PyTorch 2.4",
        ),
        (
            "Use `torch.cuda.amp.autocast` to halve the memory.",
            "outdated-advice README.md:1:1: `torch.cuda.amp.autocast` is deprecated since PyTorch 2.4",
        ),
        (
            "```bash\npip install torch==2.6.0 --index-url https://example.org/whl/cu121\n```\n",
            f"no-such-stack README.md:2:1: {_TOO_OLD}",
        ),
    ],
)
def test_a_false_claim_is_found(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in told(tmp_path, {"README.md": text})


@pytest.mark.parametrize(
    "text",
    [
        "PyTorch 2.6 with CUDA 12.4, cuDNN 9.1 and NCCL 2.21.5.",
        "PyTorch 2.6 was never published for CUDA 12.1.",
        "PyTorch 2.5 has builds for CUDA 11.8, 12.1 and 12.4.",
        "PyTorch 2.1 or newer, CUDA 12.6.",
        "PyTorch >= 2.0 with CUDA 11.7.",
        "We ran PyTorch 2.6 with CUDA 12.4. The host has CUDA 12.2 and driver 550.54.14.",
        "PyTorch 1.13.1 and CUDA 11.7.",
        "Tested with torch 2.0.1 (cu118) and with torch 2.4.0 (cu121).",
        "You should add a non-root user to the image, and may set NCCL_DEBUG=INFO.",
        "`torch.cuda.amp` is deprecated; use `torch.amp`.",
        "Python 3.11, CUDA 12.4.",
    ],
)
def test_what_is_so_is_no_finding(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, {"README.md": text}) == []


def test_stacks_of_files(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "--extra-index-url https://example.org/whl/cu121\ntorch==2.6.0\n",
        "environment.yml": "dependencies:\n  - pytorch=2.9.0\n  - pytorch-cuda=11.8\n",
        "pyproject.toml": '[project]\ndependencies = ["torch==2.6.0+cu121"]\n',
        "train.py": "import torch\n",
    }
    assert [line for line in told(tmp_path, files) if line.startswith("no-such-stack")] == [
        "no-such-stack environment.yml:2:1: PyTorch 2.9.0 was never built for CUDA 11.8",
        f"no-such-stack pyproject.toml:2:18: {_TOO_OLD}",
        f"no-such-stack requirements.txt:2:1: {_TOO_OLD}",
    ]
