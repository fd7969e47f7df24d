"""Each format, read: all that is told of a file that has little else in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.api.auditing import AuditRequest, Look, audit, fix, render
from envlock.api.manifests import manifest_of
from envlock.audit.repository import walk
from envlock.errors import UsageFault
from envlock.lock import dumps
from tests.unit.audit.repository.support import audited, told, write
from tests.unit.lock.values import lock, six

_IMAGE = "pytorch/pytorch:2.5.0-cuda12.4-cudnn9-runtime"
_DOCKERFILE = f"FROM {_IMAGE}\nUSER a\nRUN pip install -r requirements.txt\n"
_STEPS = """\
jobs:
  a:
    steps:
      - name: first
        run: pip install one
        env:
          WORDS: pip install none
      - run: |
          pip install two

          pip install three
      - run: >-  # folded
          pip install
          four

          pip install five
      - run: |2
            pip install six
      - run: pip install
          seven
"""
_GITLAB = "job:\n  script:\n    - pip install one\n    - pip install two \\\n        three\n"


def _unpinned(place: str, name: str) -> str:
    return f"unpinned {place}: `{name}` without a version: whatever is newest on the day"


def _lockless(what: str) -> str:
    return f"no-lock {what.partition(' and ')[0]}:1:1: no lockfile stands beside {what}"


def _cells(*cells: tuple[str, str], **metadata: object) -> str:
    rows: list[dict[str, object]] = [
        {"cell_type": kind, "execution_count": None, "metadata": {}, "outputs": [], "source": text}
        for kind, text in cells
    ]
    return json.dumps({"cells": rows, "metadata": metadata})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {
                "pyproject.toml": '[project]\nname = "numpy-tool"\n'
                'dependencies = ["numpy", "torch>=2.6; sys_platform == \\"linux\\"", "caf\\u0065"]\n'
            },
            [
                _lockless("pyproject.toml"),
                _unpinned("pyproject.toml:1:1", "cafe"),
                _unpinned("pyproject.toml:3:18", "numpy"),
                'unpinned pyproject.toml:3:27: `torch>=2.6; sys_platform == "linux"`: '
                "the newest of the day that fits",
            ],
            id="values of pyproject.toml stand where they stand",
        ),
        pytest.param(
            {
                "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"\ntorch = [\n'
                """{version = "2.1.0", markers = "sys_platform == 'linux'"}, {version = "^2.2"}]\n"""
                'er = {git = "https://example.org/er.git", branch = "main"}\n"y" = {path = "../y"}\n'
                'z = {url = "https://example.org/z-1.whl"}\n'
            },
            [
                "branch-reference pyproject.toml:5:1: `er` is the branch `main` of a repository, as it is on "
                "the day",
                _lockless("pyproject.toml"),
                'unpinned pyproject.toml:3:1: `torch = "^2.2"` without a version: whatever is newest on the '
                "day",
                "cuda-unstated pyproject.toml:3:1: `torch==2.1.0` without a CUDA is CUDA 12.1 from the "
                "default index, and another elsewhere",
            ],
            id="dependencies of poetry",
        ),
        pytest.param(
            {"pyproject.toml": f"a = {'[' * 9999}"},
            ["broken-file pyproject.toml:1:1: not valid TOML: a value is too large or nested too deeply"],
            id="TOML that is nested too deeply",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.poetry.dependencies]\nnumpy = "1.26 or newer"\n'},
            [
                _lockless("pyproject.toml"),
                'unpinned pyproject.toml:2:1: `numpy = "1.26 or newer"` without a version: whatever is '
                "newest on the day",
            ],
            id="a version of poetry that is none",
        ),
        pytest.param(
            {
                "setup.py": "from setuptools import find_packages, setup\n"
                "setup(packages=find_packages(), install_requires=['numpy==1.26.4', 'not a name'],\n"
                "      extras_require={'apex': ['ninja']})\n",
                "a.py": "import apex, ninja\n",
            },
            [
                _lockless("setup.py"),
                "undeclared-import a.py:1:1: `apex` is imported, and nothing asks for `apex`",
            ],
            id="an extra of setup.py is no package",
        ),
        pytest.param(
            {
                "setup.cfg": "[options]\ninstall_requires =\n    # what it needs\n    numpy>=1.20\n\n"
                "    six==1.0\n"
            },
            [
                _lockless("setup.cfg"),
                "unpinned setup.cfg:4:5: `numpy>=1.20`: the newest of the day that fits",
            ],
            id="setup.cfg",
        ),
        pytest.param({"setup.cfg": "[metadata]\nname = a\n"}, [], id="setup.cfg that asks for nothing"),
        pytest.param(
            {"setup.cfg": "name = a\n"},
            ["broken-file setup.cfg:1:1: cannot be parsed: file contains no section headers."],
            id="setup.cfg that is none",
        ),
        pytest.param(
            {"environment.yml": "dependencies:\n  - pip:\n    -\n    - numpy\n"},
            [_lockless("environment.yml"), _unpinned("environment.yml:4:1", "numpy")],
            id="an empty item of environment.yml",
        ),
        pytest.param(
            {"cog.yaml": "build:\n  python_packages:\n    -\n    - numpy\n"},
            [_lockless("cog.yaml"), _unpinned("cog.yaml:4:1", "numpy")],
            id="an empty item of cog.yaml",
        ),
        pytest.param({"cog.yaml": "predict: predict.py:Predictor\n"}, [], id="cog.yaml that builds nothing"),
        pytest.param(
            {
                "README.md": "```dockerfile\nRUN pip install a\n```\n```yaml\nimage: a\n```\n"
                "```python\ndef f(:\n```\n"
            },
            [],
            id="examples that are parts",
        ),
        pytest.param(
            {".github/workflows/a.yml": _STEPS},
            [
                _unpinned(".github/workflows/a.yml:5:1", "one"),
                _unpinned(".github/workflows/a.yml:9:1", "two"),
                _unpinned(".github/workflows/a.yml:11:1", "three"),
                _unpinned(".github/workflows/a.yml:13:1", "four"),
                _unpinned(".github/workflows/a.yml:16:1", "five"),
                _unpinned(".github/workflows/a.yml:18:1", "six"),
                _unpinned(".github/workflows/a.yml:19:1", "seven"),
            ],
            id="steps of a workflow",
        ),
        pytest.param(
            {".gitlab-ci.yml": _GITLAB},
            [
                _unpinned(".gitlab-ci.yml:3:1", "one"),
                _unpinned(".gitlab-ci.yml:4:1", "three"),
                _unpinned(".gitlab-ci.yml:4:1", "two"),
            ],
            id="a script of GitLab",
        ),
        pytest.param(
            {
                "a.sh": "# it's \"for\" all\npip install one \\\n  # 'pip install none'\n  two\n"
                "\npip install x \\"
            },
            [_unpinned("a.sh:2:1", "one"), _unpinned("a.sh:2:1", "two")],
            id="a comment between lines that go on",
        ),
        pytest.param(
            {
                "a.ipynb": _cells(
                    ("code", "%%time\nimport torch\ntorch.hub.load('a/b', 'c')"),
                    ("code", "%%bash -e\npip install one\n"),
                    ("code", "%%latex\n\\frac{1}{"),
                    ("code", "%%capture\n!pip install two"),
                    ("raw", "!pip install none"),
                )
            },
            [
                _lockless("a.ipynb"),
                _unpinned("a.ipynb:1:1 (cell 2)", "one"),
                _unpinned("a.ipynb:1:1 (cell 4)", "two"),
                "hub-branch a.ipynb:1:1 (cell 1): `a/b` runs the code of its default branch, as it is on "
                "that day",
                "undeclared-import a.ipynb:1:1 (cell 1): `torch` is imported, and nothing asks for `torch`",
            ],
            id="cells of other languages",
        ),
        pytest.param(
            {"a.ipynb": _cells(("code", "def f(:"), ("code", "torch.hub.load('a/b', 'c')"))},
            [
                "hub-branch a.ipynb:1:1 (cell 2): `a/b` runs the code of its default branch, as it is on "
                "that day",
                "broken-file a.ipynb:1:7 (cell 1): not valid Python 3: invalid syntax",
            ],
            id="one cell is broken",
        ),
        pytest.param(
            {"a.ipynb": _cells(("code", "x <- c(1"), kernelspec={"language": "R"})}, [], id="a notebook of R"
        ),
        pytest.param(
            {"a.ipynb": '{"cells": {}}', "b.ipynb": "[]", "c.ipynb": '{"cells": [1]}'},
            [f"broken-file {file}.ipynb:1:1: has no cells, so it is no notebook" for file in ("a", "b", "c")],
            id="JSON that is no notebook",
        ),
        pytest.param(
            {"a/b.py": "from . import c\nfrom .d import e\nimport f\n"},
            ["nothing-declared a/b.py:3:1: `f` is imported, and no file asks for anything"],
            id="relative imports",
        ),
        pytest.param(
            {
                "requirements.txt": "six==1.0",
                "uv.lock": "",
                "a.py": "try:\n    import f\nexcept:\n    pass\n",
            },
            [],
            id="an import that anything may keep from being",
        ),
        pytest.param(
            {
                "a.py": "seed_all(1)\ndef load(rows, *, shuffle, few=0, many=4):\n"
                "    a = DataLoader(rows, num_workers=few)\n    b = DataLoader(rows, num_workers=many)\n"
            },
            [
                "worker-seed a.py:4:9: workers without `worker_init_fn` and `generator`, where seeds are set "
                "otherwise"
            ],
            id="arguments by name alone",
        ),
        pytest.param(
            {
                "requirements.txt": "huggingface_hub==1.0\ntransformers==4.0\n",
                "uv.lock": "",
                "a.py": "import transformers\nfrom huggingface_hub import hf_hub_download\n"
                "hf_hub_download(repo_id='a/b', filename='c')\ntransformers.pipeline('x', model='c/d')\n"
                "transformers.pipeline('x')\nAutoModel.from_pretrained()\n",
            },
            [
                "unpinned-model a.py:3:1: `a/b` is fetched without `revision`",
                "unpinned-model a.py:4:1: `c/d` is fetched without `revision`",
            ],
            id="models that are named by keyword",
        ),
        pytest.param(
            {
                "a.py": "import hashlib\nfrom urllib.request import urlretrieve\n"
                "urlretrieve('https://a.b', 'c')\n"
            },
            [],
            id="a download beside a hash",
        ),
        pytest.param(
            {"a.py": "self.x = 1\ntrainer = Trainer(benchmark=True)\nTrainer()\n"},
            ["cudnn-benchmark a.py:2:11: `benchmark=True` times kernels and takes the fastest"],
            id="a trainer that benchmarks",
        ),
        pytest.param(
            {"README.md": "The driver must fit CUDA 12.4.\n\nCUDA 14.9 needs driver 600.\n"},
            [],
            id="a driver without a number, and a CUDA that is not known",
        ),
        pytest.param(
            {"README.md": "CUDA 12.4 runs on driver 450.80.\n"},
            [
                "driver-claim README.md:1:1: CUDA 12.4 does not run on driver 450.80: its floor is 525.60.13",
            ],
            id="a driver below the floor",
        ),
        pytest.param(
            {"environment.yml": "dependencies:\n  - cudatoolkit=11.3.1=h1\n", "README.md": "Driver 550, T4."},
            [_lockless("environment.yml")],
            id="CUDA without PyTorch",
        ),
        pytest.param(
            {
                "requirements.txt": "torch==2.6.0\nnvidia-cudnn-cu12==8.9.2.26\nnvidia-nccl-cu12==2.18.1\n",
                "uv.lock": "",
            },
            [
                "no-such-stack requirements.txt:2:1: PyTorch 2.6.0 for CUDA 12.4 has cuDNN 9.1.0.70, not "
                "8.9.2.26",
                "no-such-stack requirements.txt:3:1: PyTorch 2.6.0 for CUDA 12.4 has NCCL 2.21.5, not 2.18.1",
            ],
            id="libraries of another PyTorch",
        ),
        pytest.param(
            {"requirements.txt": "d @ https://example.org/d-1.0-py3-none-any.whl", "uv.lock": ""},
            [],
            id="a wheel by its address is no branch",
        ),
        pytest.param(
            {
                "Dockerfile": f"FROM tensorflow/tensorflow:2.15.0@sha256:{'0' * 64}\nUSER a\n",
                "requirements.txt": "six==1.0",
                "uv.lock": "",
                "a.py": "import tensorflow\n",
            },
            [],
            id="what an image brings",
        ),
    ],
)
def test_all_that_is_told(tmp_path: Path, files: Mapping[str, str], expected: list[str]) -> None:
    assert told(tmp_path, {".python-version": "3.11\n", **files}) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Dockerfile": f"FROM {_IMAGE}\nRUN pip install torch\n"}, None),
        ({"a/b/Dockerfile": _DOCKERFILE, "requirements.txt": "torch==2.1.0"}, "requirements.txt"),
        (
            {
                "a/b/Dockerfile": _DOCKERFILE,
                "requirements.txt": "torch==2.1.0",
                "a/requirements.txt": "torch==2.5.0",
            },
            None,
        ),
        (
            {
                "Dockerfile": _DOCKERFILE,
                "requirements.txt": "torch==2.1.0; sys_platform == 'darwin' and python_version >= '3.8'",
            },
            None,
        ),
        (
            {"Dockerfile": _DOCKERFILE, "requirements.txt": "torch==2.1.0; python_version<'3'"},
            "requirements.txt",
        ),
        (
            {
                "Dockerfile": _DOCKERFILE,
                "requirements.txt": "torch==2.1.0; extra == 'gpu' and os_name == 'nt'",
            },
            None,
        ),
        ({"Dockerfile": _DOCKERFILE, "requirements.txt": "torch==2.1.0; extra == 'gpu'"}, "requirements.txt"),
    ],
)
def test_which_wheel_comes_into_an_image(
    tmp_path: Path, files: Mapping[str, str], expected: str | None
) -> None:
    found = [each for each in told(tmp_path, files) if each.startswith("two-cuda")]
    assert len(found) == (expected is not None)
    assert all(each.endswith(f" of {expected} installs both again") for each in found)


def test_what_is_too_large_or_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    much = "#" * 150_000
    files = {
        "requirements.txt": "#" * 1_000_001,
        "notes.txt": "#" * 1_000_001,
        **{f"{name}.sh": much for name in "abc"},
    }
    assert told(tmp_path, files) == [
        "not-read requirements.txt:1:1: too large to be looked at",
        "not-read .:1:1: 2 files were left out (2 of shell); what trains, and what is near the root, was "
        "read first",
    ]
    monkeypatch.setattr(walk, "MAX_FILES", 2)
    assert told(tmp_path / "more", {f"{name}.md": "" for name in "abc"}) == [
        "not-read .:1:1: there are more files than are looked at; those near the root were"
    ]


def test_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        audit(AuditRequest(path=tmp_path / "absent"), environment={})
    error = caught.value
    assert (str(error), error.where, error.hint) == (
        "there is no such file or directory",
        str(tmp_path / "absent"),
        "name a folder, or a file",
    )


_AMP = "with torch.cuda.amp.autocast():\n    pass\n"


def test_as_people_read_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.py": _AMP,
            "b.py": "Trainer(benchmark=True)\n" * 7
            + "Trainer(benchmark=True)  # envlock: ignore[cudnn-benchmark]\n",
        },
    )
    found = audited(tmp_path, {})
    place = "`benchmark=True` times kernels and takes the fastest"
    assert render(found, Look()).splitlines() == [
        "warning: cuDNN chooses kernels by timing them [cudnn-benchmark]",
        *(f"  b.py:{line}:1: {place}" for line in range(1, 6)),
        "  … and 2 more (`-v` shows them)",
        "  why: another kernel wins when the machine is busy, and its sums are in another order",
        "  do: `torch.backends.cudnn.benchmark = False` where results must repeat",
        "",
        "warning: `torch.cuda.amp`, deprecated since PyTorch 2.4 [deprecated-amp]",
        "  a.py:1:6: `torch.cuda.amp.autocast` is deprecated since PyTorch 2.4",
        "  why: it warns today and is gone one day, and then the code runs only with an old PyTorch",
        '  do: `torch.amp.autocast("cuda")` and `torch.amp.GradScaler("cuda")`',
        "",
        "grade A (93 of 100), 2 files looked at",
        "  100 - 5 cudnn-benchmark (7 times) - 2 deprecated-amp = 93",
        "  1 ignored by comments",
        "  1 can be mended by `envlock audit --fix`",
    ]
    assert f"  b.py:7:1: {place}" in render(found, Look(verbose=True)).splitlines()


def test_a_file_that_changed_meanwhile_is_kept(tmp_path: Path) -> None:
    found = audited(tmp_path, {"a.py": _AMP, "b.py": _AMP})
    (tmp_path / "a.py").write_text(f"# of today\n{_AMP}")
    fixed = fix(found)
    assert (fixed.kept, [each.file for each in fixed.done]) == (("a.py",), ["b.py"])


def test_own_locks(tmp_path: Path) -> None:
    manifest = 'python = "3.11"\nrequirements = ["six>=1.16"]\n'
    write(tmp_path, {"a/envlock.toml": manifest, "b/envlock.toml": manifest, "c/envlock.lock": "= 1\n"})
    asked = manifest_of(tmp_path / "a", variant=None, environment={})
    fresh = replace(lock(six()), manifest=asked.fingerprint)
    stale = replace(lock(), python="3.12", python_exact="3.12.9")
    files = {
        "a/envlock.lock": dumps(fresh),
        "b/envlock.lock": dumps(stale),
        "d/envlock.lock": dumps(fresh).replace('"3.11.11"', '"3.12.1"'),
    }
    assert told(tmp_path, files) == [
        "stale-lock b/envlock.lock:1:1: `six>=1.16` is not locked (asked by envlock.toml, requirements)",
        "stale-lock b/envlock.lock:1:1: python is `3.11` in the manifest, `3.12` in the lock",
        "broken-file c/envlock.lock:1:1: line 1, column 1: not valid TOML: invalid statement",
        "broken-file d/envlock.lock:1:1: python-exact: Python 3.12.1 is not a 3.11",
    ]
