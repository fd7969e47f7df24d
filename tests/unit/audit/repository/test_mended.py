"""Findings that were false on public repositories, in words of our own: none of them is told any more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.audit.repository.support import rules

_TORCH_IMAGE = "FROM pytorch/pytorch:2.5.0-cuda12.4-cudnn9-runtime\nRUN pip install -r requirements.txt\n"
_OLD_MAC = "torch==2.2.2; sys_platform == 'darwin'\ntorch>=2.2.2; sys_platform != 'darwin'\n"
_STEERED = "init = 'scratch'\nfrom own import Net\nm = Net.from_pretrained(init)\n"
_LOADER = "def load(rows, workers=0):\n    return DataLoader(rows, num_workers=workers)\nseed_all(1)\n"
_LATE = "try:\n    import mc\nexcept ImportError:\n    mc = None\ndef f():\n    import mc\n"


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("no-such-image", {"Dockerfile": "FROM nvidia/cuda:9.0-cudnn7-devel-ubuntu16.04\n"}),
        ("no-such-stack", {"README.md": "PyTorch 1.0 is built for CUDA 9.0 here. It needs CUDA 10.0 too.\n"}),
        ("two-cuda", {"Dockerfile": _TORCH_IMAGE, "requirements.txt": _OLD_MAC}),
        ("two-cuda", {"a/Dockerfile": _TORCH_IMAGE, "b/requirements.txt": "torch==2.1.0\n"}),
        ("unpinned-model", {"a.py": _STEERED}),
        ("worker-seed", {"a.py": _LOADER}),
        ("undeclared-import", {"requirements.txt": "numpy==1.26.4\n", "a.py": _LATE}),
        ("unhashed-download", {"a.sh": "pip install wget git+https://example.org/a/b\n"}),
        ("root-container", {"Dockerfile": "ARG BASE\nFROM ${BASE}\nRUN true\n"}),
        ("no-lock", {".github/workflows/a.yml": "jobs:\n  a:\n    steps:\n    - run: pip install linter\n"}),
    ],
)
def test_what_is_not_told(tmp_path: Path, rule: str, files: Mapping[str, str]) -> None:
    assert rule not in rules(tmp_path, files)


def test_the_same_is_told_where_it_is_so(tmp_path: Path) -> None:
    files = {
        "a/Dockerfile": _TORCH_IMAGE,
        "a/requirements.txt": "torch==2.1.0\n",
        "a/load.py": _LOADER.replace("workers=0", "workers=4"),
        "a/get.sh": "wget -q https://example.org/a.bin\n# envlock: ignore[no-sed]\n",
    }
    told = rules(tmp_path, files)
    assert {"two-cuda", "worker-seed", "unhashed-download", "unknown-rule"} <= told
