"""Each rule on a file that breaks it, and on one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envlock.audit.repository import RULES
from tests.unit.audit.repository.support import DIGEST, audited, rules, told

_TRAIN = "import torch\nloss = torch.ones(1)\nloss.backward()\n"
_SEEDED = "import torch\ntorch.manual_seed(0)\ntorch.use_deterministic_algorithms(True)\nx.backward()\n"


def notebook(*cells: tuple[str, int | None, bool]) -> str:
    """A notebook of code cells: (text, In[n], has outputs)."""
    rows: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": count,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["x"]}] if outputs else [],
            "source": text.splitlines(keepends=True),
        }
        for text, count, outputs in cells
    ]
    return json.dumps({"cells": rows, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("unpinned", {"requirements.txt": "torch\n"}),
        ("unpinned", {"pyproject.toml": '[project]\ndependencies = ["numpy>=1.20"]\n'}),
        ("unpinned", {"environment.yml": "dependencies:\n  - numpy=1.26\n"}),
        ("unpinned", {"setup.py": "from setuptools import setup\nsetup(install_requires=['numpy'])\n"}),
        ("unpinned", {"Dockerfile": "FROM python:3.11\nRUN pip install --no-cache-dir torch\n"}),
        ("unhashed", {"requirements.txt": "numpy==1.26.4\n"}),
        (
            "branch-reference",
            {"environment.yaml": "dependencies:\n- pip:\n  - git+https://a.b/c/d.git@main#egg=d\n"},
        ),
        ("branch-reference", {"requirements.txt": "-e git+https://a.b/c/d.git@master#egg=d\n"}),
        ("branch-reference", {"requirements.txt": "d @ git+https://a.b/c/d\n"}),
        ("branch-reference", {"requirements.txt": "https://a.b/c/d/archive/refs/heads/main.zip\n"}),
        ("undeclared-import", {"requirements.txt": "torch==2.6.0\n", "a.py": "import cv2\n"}),
        ("nothing-declared", {"a.py": "import torch\n"}),
        ("no-lock", {"requirements.txt": "torch==2.6.0\n"}),
        ("python-unstated", {"requirements.txt": "torch==2.6.0\n"}),
        ("two-cuda", {"environment.yml": "dependencies:\n- cudatoolkit=11.8\n- pip:\n  - torch==2.0.1\n"}),
        (
            "two-cuda",
            {"Dockerfile": "FROM nvidia/cuda:12.4.1-runtime-ubuntu22.04\nRUN pip install torch==2.6.0\n"},
        ),
        ("two-cuda", {"Dockerfile": "FROM nvcr.io/nvidia/pytorch:23.10-py3\nRUN pip install torch==2.1.0\n"}),
        ("two-cuda", {"requirements.txt": "nvidia-cublas-cu11==11.1.1\nnvidia-cublas-cu12==12.4.5.8\n"}),
        ("driver-unstated", {"a.py": "import torch\nmodel.cuda()\n"}),
        ("cuda-unstated", {"requirements.txt": "torch==2.6.0\n"}),
        ("no-seed", {"a.py": _TRAIN}),
        ("no-determinism", {"a.py": _TRAIN}),
        ("cudnn-benchmark", {"a.py": "import torch\ntorch.backends.cudnn.benchmark = True\n"}),
        ("cudnn-benchmark", {"a.py": "from torch.backends import cudnn\ncudnn.benchmark = True\n"}),
        ("worker-seed", {"a.py": f"{_SEEDED}torch.utils.data.DataLoader(d, num_workers=4)\n"}),
        ("deprecated-amp", {"a.py": "from torch.cuda import amp\nwith amp.autocast():\n    pass\n"}),
        (
            "unpinned-model",
            {"a.py": "from transformers import AutoModel\nAutoModel.from_pretrained('a/b')\n"},
        ),
        ("unpinned-model", {"a.py": "from x import M\nNAME = 'a/b'\nM.from_pretrained(NAME)\n"}),
        (
            "unpinned-model",
            {"a.py": "from huggingface_hub import hf_hub_download\nhf_hub_download('a/b', 'c')\n"},
        ),
        ("unpinned-dataset", {"a.py": "import datasets as d\nd.load_dataset('glue', 'sst2')\n"}),
        (
            "hub-branch",
            {"a.py": "import torch\ntorch.hub.load('a/b', 'c')\ntorch.hub.load('a/b:main', 'c')\n"},
        ),
        (
            "unhashed-download",
            {"a.py": "from urllib.request import urlretrieve\nurlretrieve('https://a.b/c', 'c')\n"},
        ),
        ("unhashed-download", {"get.sh": "wget https://a.b/weights.pt\n"}),
        ("unhashed-download", {"Dockerfile": "FROM a\nADD https://a.b/weights.pt /w\n"}),
        ("notebook-order", {"a.ipynb": notebook(("x = 1", 3, False), ("x", 2, True))}),
        ("notebook-unrun", {"a.ipynb": notebook(("x = 1", 1, False), ("y = 2", None, False))}),
        ("notebook-unrun", {"a.ipynb": notebook(("x = 1", 1, False), ("y", None, True))}),
        ("broken-file", {"a.py": "def f(:\n"}),
        ("broken-file", {"environment.yml": "dependencies: [a\n"}),
        ("broken-file", {"pyproject.toml": "[project\n"}),
        ("broken-file", {"a.ipynb": "{"}),
        ("broken-file", {"Dockerfile": "RUN a\n"}),
        (
            "pipe-to-shell",
            {".github/workflows/ci.yml": "jobs:\n  a:\n    steps:\n      - run: curl -s https://a.b | sh\n"},
        ),
    ],
)
def test_a_rule_is_broken(tmp_path: Path, rule: str, files: dict[str, str]) -> None:
    assert rule in rules(tmp_path, files)


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("unpinned", {"requirements.txt": "numpy\n", "uv.lock": ""}),
        ("unpinned", {"pyproject.toml": '[project.optional-dependencies]\ndev = ["ruff"]\n'}),
        ("unhashed", {"requirements.txt": f"numpy==1.26.4 --hash={DIGEST}\n"}),
        ("no-lock", {"requirements.txt": f"numpy==1.26.4 --hash={DIGEST}\n"}),
        ("branch-reference", {"requirements.txt": "d @ git+https://a.b/c/d@0123456789abcdef0123\n"}),
        ("branch-reference", {"requirements.txt": "git+https://a.b/c/d.git@v1.2.0\n"}),
        (
            "undeclared-import",
            {"requirements.txt": "opencv-python\n", "a.py": "import cv2, os, b\n", "b.py": ""},
        ),
        (
            "undeclared-import",
            {
                "requirements.txt": "numpy\n",
                "a.py": "try:\n    import apex\nexcept ImportError:\n    apex = None\n",
            },
        ),
        ("undeclared-import", {"environment.yml": "dependencies:\n- pytorch\n", "a.py": "import torch\n"}),
        ("python-unstated", {"requirements.txt": "torch==2.6.0\n", ".python-version": "3.11\n"}),
        (
            "two-cuda",
            {"Dockerfile": "FROM nvidia/cuda:12.4.1-base-ubuntu22.04\nRUN pip install torch==2.6.0\n"},
        ),
        ("driver-unstated", {"a.py": "model.cuda()\n", "README.md": "Driver 550 or newer, one A100.\n"}),
        ("no-seed", {"a.py": _SEEDED}),
        ("no-determinism", {"a.py": _SEEDED}),
        ("worker-seed", {"a.py": f"{_SEEDED}torch.utils.data.DataLoader(d, num_workers=0)\n"}),
        (
            "deprecated-amp",
            {"a.py": "import torch\ntorch.cuda.amp.autocast()\n", "requirements.txt": "torch==2.1.0\n"},
        ),
        ("unpinned-model", {"a.py": "M.from_pretrained('a/b', revision='0123')\nM.from_pretrained('./w')\n"}),
        ("unpinned-model", {"a.py": "M.from_pretrained(args.model)\nM.from_pretrained('a', **options)\n"}),
        ("unpinned-dataset", {"a.py": "import datasets\ndatasets.load_dataset('csv', data_files='a.csv')\n"}),
        ("hub-branch", {"a.py": "import torch\ntorch.hub.load('a/b:v0.10.0', 'c')\n"}),
        ("unhashed-download", {"get.sh": "wget https://a.b/w.pt\necho '00  w.pt' | sha256sum -c\n"}),
        ("notebook-order", {"a.ipynb": notebook(("x = 1", 1, False), ("x", 2, True))}),
        ("notebook-unrun", {"a.ipynb": notebook(("x = 1", None, False), ("y", None, False))}),
        (
            "broken-file",
            {"a.ipynb": notebook(("%matplotlib inline\n!ls\nif True:\n    %time x = 1", 1, False))},
        ),
    ],
)
def test_a_rule_is_kept(tmp_path: Path, rule: str, files: dict[str, str]) -> None:
    assert rule not in rules(tmp_path, files)


def test_places_in_a_notebook(tmp_path: Path) -> None:
    cells = notebook(
        ("%pip install torch\n", 1, False), ("import torch\ntorch.hub.load('a/b', 'c')", 2, False)
    )
    found = told(tmp_path, {"paper.ipynb": cells})
    line = next(n for n, text in enumerate(cells.splitlines(), 1) if "hub.load" in text)
    assert (
        f"hub-branch paper.ipynb:{line}:1 (cell 2): "
        f"`a/b` runs the code of its default branch, as it is on that day" in found
    )
    assert any(
        each.startswith("unpinned paper.ipynb:") and "(cell 1): `torch` without a version" in each
        for each in found
    )


def test_a_comment_in_a_cell_excuses(tmp_path: Path) -> None:
    cells = notebook(("import torch\ntorch.hub.load('a/b', 'c')  # envlock: ignore[hub-branch]", 1, False))
    assert "hub-branch" not in rules(tmp_path, {"paper.ipynb": cells})


def test_a_comment_in_markdown_excuses(tmp_path: Path) -> None:
    text = "<!-- envlock: ignore[no-such-stack] -->\nPyTorch 2.6 has CUDA 12.1.\n"
    assert told(tmp_path, {"README.md": text}) == []


def test_links_are_not_followed_and_environments_not_entered(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text("FROM a\n")
    root = tmp_path / "root"
    for folder in (".git", "node_modules", "venv2", "vendor"):
        (root / folder).mkdir(parents=True)
        (root / folder / "Dockerfile").write_text("FROM a\n")
    (root / "venv2" / "pyvenv.cfg").write_text("")
    (root / "linked").symlink_to(outside)
    (root / "Dockerfile").symlink_to(outside / "Dockerfile")
    assert told(root, {"README.md": "nothing"}) == []


def test_a_huge_file_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, {"a.py": "x = 1\n" * 300_000})
    assert found == [
        "not-read .:1:1: 1 file was left out (1 of Python); what trains, and what is near the root, was read "
        "first"
    ]


def test_the_grade_explains_itself(tmp_path: Path) -> None:
    grade = audited(
        tmp_path,
        {
            "Dockerfile": "FROM pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime\nUSER a\n",
            "README.md": "Driver 550, an A100.",
        },
    ).grade
    assert (grade.letter, grade.score) == ("C", 74)
    assert grade.explanation == "100 - 25 no-such-image = 75, and no more than 74 with an error"


def test_rules_have_an_id_of_their_own_and_say_all() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.title and rule.why and rule.do for rule in RULES)
