"""The shapes that public repositories have, each with all that is to be found in it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.audit.repository.support import told

_BRANCHES = """\
name: painter
channels:
  - pytorch
  - defaults
dependencies:
  - python=3.8.5
  - cudatoolkit=11.3
  - pytorch=1.11.0
  - numpy=1.19.2
  - pip:
    - test-tube>=0.7.5
    - watermark-of-ink
    - -e git+https://example.org/group/palette-transformers.git@main#egg=palette-transformers
    - -e git+https://example.org/group/brush.git@3f1c2aa9d7#egg=brush
    - -e .
"""


def test_an_environment_with_branches(tmp_path: Path) -> None:
    files = {
        "environment.yaml": _BRANCHES,
        "README.md": "# Painter\n\nAny GPU with 10 GB of memory and driver 470.57 or later does.\n",
        "paint.py": "import numpy, palette, brush, inkmark\nfrom google.colab import files\n",
    }
    assert told(tmp_path, files) == [
        "branch-reference environment.yaml:13:1: `palette-transformers` is the branch `main` "
        "of a repository, as it is on the day",
        "no-lock environment.yaml:1:1: no lockfile stands beside environment.yaml",
        "unpinned environment.yaml:7:1: `cudatoolkit=11.3`: the newest 11.3 of the day, in whatever build",
        "unpinned environment.yaml:11:1: `test-tube>=0.7.5`: the newest of the day that fits",
        "unpinned environment.yaml:12:1: `watermark-of-ink` without a version: whatever is newest on the day",
        "undeclared-import paint.py:1:1: `inkmark` is imported, and nothing asks for `inkmark`",
    ]


_NGC = """\
ARG FROM_IMAGE_NAME=nvcr.io/nvidia/pytorch:21.03-py3
FROM ${FROM_IMAGE_NAME}
ADD requirements.txt /workspace/
RUN pip install -r requirements.txt && pip install tqdm>=4.0 wget
RUN wget -q https://example.org/corpus.tar.gz -O /data/corpus.tar.gz
"""


def test_a_base_of_ngc(tmp_path: Path) -> None:
    files = {
        "nets/a/Dockerfile": _NGC,
        "nets/a/requirements.txt": "pynvml==11.0.0\ngit+https://example.org/group/dlog.git@v1.0.0#egg=dlog\n",
        "nets/b/requirements.txt": "torch==1.8.0\n",
        "nets/a/serve.sh": "curl -o /tmp/live http://$SERVER:8000/health/live  # until it is up\n",
        "nets/a/train.py": "import numpy, torch\nimport apex\ntorch.manual_seed(1)\nloss.backward()\n",
    }
    assert told(tmp_path, files) == [
        "no-lock nets/a/requirements.txt:1:1: no lockfile stands beside nets/a/requirements.txt and 2 more",
        "unpinned nets/a/Dockerfile:4:1: `tqdm>=4.0`: the newest of the day that fits",
        "unpinned nets/a/Dockerfile:4:1: `wget` without a version: whatever is newest on the day",
        "no-determinism nets/a/train.py:4:1: the code trains, and nowhere asks for deterministic kernels",
        "no-digest nets/a/Dockerfile:2:1: `nvcr.io/nvidia/pytorch:21.03-py3` is a name that "
        "its owner can give to another image",
        "unhashed-download nets/a/Dockerfile:5:1: https://example.org/corpus.tar.gz is "
        "fetched, and never compared with a hash",
        "driver-unstated nets/a/Dockerfile:2:1: CUDA is asked for, and no text says which "
        "driver or GPU it needs",
        "unhashed nets/a/requirements.txt:1:1: 1 pin of nets/a/requirements.txt without a hash",
        "unhashed nets/b/requirements.txt:1:1: 1 pin of nets/b/requirements.txt without a hash",
        "root-container nets/a/Dockerfile:2:1: no USER: everything in the container runs as root",
        "image-unknown nets/a/Dockerfile:2:1: whether `nvcr.io/nvidia/pytorch:21.03-py3` was "
        "published cannot be told: the facts do not cover this registry",
    ]


_HALF = """\
[build-system]
requires = ["setuptools>=61.0"]

[project]
name = "half"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["torch==2.1.2", "transformers==4.37.2", "peft", "numpy>=1.24", "pillow==10.0.0"]

[project.optional-dependencies]
train = ["deepspeed==0.12.6", "ninja"]
"""


def test_a_half_pinned_pyproject(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": _HALF,
        "setup_machine.sh": "pip install --upgrade pip  # for PEP 660\npip install -e '.[train]'\n",
        "cog.yaml": 'build:\n  python_version: "3.11"\n  python_packages:\n    - "torch==2.0.1"\n',
        "predict.py": "from cog import Path\nimport PIL, tqdm\nfrom half.load import load\n",
        "half/load.py": "from transformers import AutoModel\nm = AutoModel.from_pretrained('a/b').cuda()\n",
        ".github/workflows/lint.yml": "jobs:\n  a:\n    steps:\n    - run: pip install linter ${{ a.b }}\n",
    }
    assert told(tmp_path, files) == [
        "no-lock pyproject.toml:1:1: no lockfile stands beside pyproject.toml and 1 more",
        "unpinned pyproject.toml:8:58: `peft` without a version: whatever is newest on the day",
        "unpinned pyproject.toml:8:66: `numpy>=1.24`: the newest of the day that fits",
        "undeclared-import predict.py:2:1: `tqdm` is imported, and nothing asks for `tqdm`",
        "unpinned-model half/load.py:2:5: `a/b` is fetched without `revision`",
        "driver-unstated half/load.py:2:5: CUDA is asked for, and no text says which driver or GPU it needs",
        "unpinned .github/workflows/lint.yml:4:1: `linter` without a version: whatever is newest on the day",
        "cuda-unstated cog.yaml:4:1: `torch==2.0.1` without a CUDA is CUDA 11.7 from the "
        "default index, and another elsewhere",
        "cuda-unstated pyproject.toml:8:18: `torch==2.1.2` without a CUDA is CUDA 12.1 from "
        "the default index, and another elsewhere",
    ]


_MINOR = """\
channels: [conda-forge, pytorch, nvidia]
dependencies:
  - python=3.10
  - pytorch::pytorch=2.0.1
  - pytorch::pytorch-cuda=11.7
  - numpy
  - pip:
      - dm-tree==0.1.8
      - flash-attn
"""


def test_a_minor_of_cuda_from_conda(tmp_path: Path) -> None:
    files = {
        "environment.yml": _MINOR,
        "fold/model.py": "import tree, torch\nwith torch.cuda.amp.autocast(enabled=False):\n    pass\n",
        "docs/install.md": "Check it: `docker run --gpus all nvidia/cuda:11.0-base nvidia-smi`.\n",
    }
    assert told(tmp_path, files) == [
        "no-lock environment.yml:1:1: no lockfile stands beside environment.yml",
        "unpinned environment.yml:5:1: `pytorch::pytorch-cuda=11.7`: the newest 11.7 of the "
        "day, in whatever build",
        "unpinned environment.yml:6:1: `numpy` without a version: whatever is newest on the day",
        "unpinned environment.yml:9:1: `flash-attn` without a version: whatever is newest on the day",
        "driver-unstated environment.yml:5:1: CUDA is asked for, and no text says which "
        "driver or GPU it needs",
    ]


def _notebook() -> str:
    cells = [
        (1, "!pip install einops \\\n    'omegaconf>=2.0'\nfiles = !ls\nimport IPython, einops, torch"),
        (3, "torch.manual_seed(0)\nloader = DataLoader(rows, num_workers=0)\nloss.backward()"),
        (2, "if True:\n  %shell wget -O out.bin https://example.org/w.bin \\\n    --quiet\nx = 1"),
        (None, "model = AutoModel.from_pretrained('gpt2')"),
    ]
    rows: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": count,
            "metadata": {},
            "outputs": [],
            "source": text.splitlines(keepends=True),
        }
        for count, text in cells
    ]
    about = {"cell_type": "markdown", "metadata": {}, "source": ["PyTorch 2.6 with CUDA 12.1 was used."]}
    return json.dumps({"cells": [about, *rows], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def test_a_paper_that_is_a_notebook(tmp_path: Path) -> None:
    assert told(tmp_path, {"paper.ipynb": _notebook()}) == [
        "no-such-stack paper.ipynb:7:1 (cell 1): PyTorch 2.6.0 was never built for CUDA 12.1",
        "no-lock paper.ipynb:1:1: no lockfile stands beside paper.ipynb",
        "unpinned paper.ipynb:16:1 (cell 2): `einops` without a version: whatever is newest on the day",
        "unpinned paper.ipynb:16:1 (cell 2): `omegaconf>=2.0`: the newest of the day that fits",
        "notebook-order paper.ipynb:39:1 (cell 4): this cell ran as In[2], and one above it as In[3]",
        "undeclared-import paper.ipynb:19:1 (cell 2): `torch` is imported, and nothing asks for `torch`",
        "unpinned-model paper.ipynb:51:9 (cell 5): `gpt2` is fetched without `revision`",
        "no-determinism paper.ipynb:30:1 (cell 3): the code trains, and nowhere asks for "
        "deterministic kernels",
        "unhashed-download paper.ipynb:40:1 (cell 4): https://example.org/w.bin is fetched, "
        "and never compared with a hash",
        "notebook-unrun paper.ipynb:51:1 (cell 5): was never run, while others were",
        "python-unstated paper.ipynb:16:1 (cell 2): no file says which Python",
    ]
