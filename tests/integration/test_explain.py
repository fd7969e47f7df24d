"""`envlock explain`: what it prints, whole, and every exit status."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envlock import api
from envlock.cli import cli
from envlock.cli.boundary import run
from tests.support.index import LocalIndex
from tests.support.wheels import Wheel, make_wheel

ROOT = Path(__file__).resolve().parents[2]
BERT = ROOT / "examples" / "bert-cu124" / "envlock.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert self.err == ""
        return json.loads(self.out)

    @property
    def told(self) -> str:
        """The output without what the names of sources stand for: the data files are their own test."""
        assert self.err == ""
        return self.out.partition("\nsources:\n")[0]


Explain = Callable[..., Ran]


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Ran:
        status = run(cli, ["explain", *words])
        out, err = capsys.readouterr()
        return Ran(status=status, out=out, err=err)

    return call


DEFAULT_2_6 = """\
  PyTorch 2.6.0, CUDA 12.4 (default wheel), cuDNN 9.1.0.70, NCCL 2.21.5, Triton 3.2.0
    manifest  requirements = ["torch==2.6.0"], cuda = "12.4"
    image     pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime
    driver    525.60.13 or newer (550.54.14 came with CUDA 12.4)
    GPUs      sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90
    Python    3.9 to 3.13
"""


def test_a_combination_that_never_was(explain: Explain) -> None:
    ran = explain("torch==2.6.0", "--cuda", "12.1")
    assert ran.status == 1
    assert ran.told == (
        "never-published: torch==2.6.0, CUDA 12.1\n"
        "  PyTorch 2.6.0 was never built for CUDA 12.1 [DLHASH, DLLIST, GENM_26 and 5 more]\n"
        "    there is 2.6.0 with 11.8, 12.4 (default), 12.6, cpu · CUDA 12.1 with 2.1.0 to 2.5.1\n"
        "\n"
        "nearest that exist:\n"
        f"{DEFAULT_2_6}"
        "  PyTorch 2.5.1, CUDA 12.1, cuDNN 9.1.0.70, Triton 3.1.0\n"
        '    manifest  requirements = ["torch==2.5.1"], cuda = "12.1"\n'
        "    image     pytorch/pytorch:2.5.1-cuda12.1-cudnn9-runtime\n"
        "    driver    525.60.13 or newer (530.30.02 came with CUDA 12.1)\n"
        "    GPUs      sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90\n"
        "    Python    3.9 to 3.13\n"
    )
    legend = ran.out.partition("\nsources:\n")[2].splitlines()
    assert [line.split()[0] for line in legend] == ["DLHASH", "DLLIST", "GENM_26"]
    assert legend[2] == (
        "  GENM_26  pytorch .github/scripts/generate_binary_build_matrix.py, 2.6-era version seen 2026-11-20"
    )


def test_one_that_exists(explain: Explain) -> None:
    ran = explain("torch==2.6.0")
    assert ran.status == 0
    assert ran.told == (
        "exists: torch==2.6.0\n"
        "  PyTorch 2.6.0 for CUDA 12.4 was published, the default wheel of that release"
        " [PYPI, DLLIST, DLHASH]\n"
        "    there is 2.6.0 with 11.8, 12.4 (default), 12.6, cpu\n"
        "\n" + "".join(f"{line[2:]}\n" for line in DEFAULT_2_6.splitlines())
    )


def test_one_that_will_not_run(explain: Explain) -> None:
    ran = explain("torch==2.6.0", "--driver", "470.57.02", "-q")
    assert (ran.status, ran.out, ran.err) == (1, "will-not-run: torch==2.6.0, driver 470.57.02\n", "")


def test_one_that_the_facts_do_not_know(explain: Explain) -> None:
    ran = explain("torch==2.99.0", "--cuda", "cpu", "-q")
    assert (ran.status, ran.out, ran.err) == (8, "unknown: torch==2.99.0, the CPU\n", "")


def test_all_words_are_said_again(explain: Explain) -> None:
    words = "torch==2.6.0 numpy --cuda 12.4 --cudnn 9 --nccl 2.21 --python 3.11 --driver 535.54.03 --gpu A100"
    ran = explain(*words.split(), "--image", "2.6.0-cuda12.4-cudnn9-runtime", "-q")
    assert ran.out == (
        "unknown: torch==2.6.0, numpy, CUDA 12.4, cuDNN 9, NCCL 2.21, Python 3.11,"
        " pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime, driver 535.54.03, GPU A100\n"
    )


def test_a_host_without_a_lock_is_told_what_runs_there(explain: Explain) -> None:
    ran = explain("--driver", "470.57.02", "--gpu", "K80")
    assert ran.status == 0
    assert ran.told.startswith("exists: driver 470.57.02, GPU K80\n")
    assert ran.told.partition("all that fit, the newest first:\n")[2] == (
        "  PyTorch 2.6.0, CUDA 11.8, cuDNN 9.1.0.70, NCCL 2.21.5, Triton 3.2.0\n"
        "  PyTorch 2.5.1, CUDA 11.8, cuDNN 9.1.0.70, NCCL 2.21.5, Triton 3.1.0\n"
        "  PyTorch 2.5.0, CUDA 11.8, cuDNN 9.1.0.70, Triton 3.1.0\n"
        "  PyTorch 2.4.1, CUDA 11.8, cuDNN 9.1.0.70, NCCL 2.20.5, Triton 3.0.0\n"
        "  PyTorch 2.4.0, CUDA 11.8, cuDNN 9.1.0.70, NCCL 2.20.5, Triton 3.0.0\n"
        "  PyTorch 2.3.1, CUDA 11.8, cuDNN 8.7.0.84, NCCL 2.20.5, Triton 2.3.1\n"
        "  PyTorch 2.3.0, CUDA 11.8, cuDNN 8.7.0.84, NCCL 2.20.5, Triton 2.3.0\n"
        "  PyTorch 2.2.2, CUDA 11.8, cuDNN 8.7.0.84, NCCL 2.19.3, Triton 2.2.0\n"
        "  … and 9 more (`-v` has them all)\n"
    )
    every = explain("--driver", "470.57.02", "--gpu", "K80", "-v").told.partition("all that fit")[2]
    assert every.count("\n  PyTorch ") == 17
    assert "more" not in every


def test_a_host_beside_a_lock_is_asked_about_the_lock(explain: Explain) -> None:
    Path("envlock.lock").write_bytes(BERT.read_bytes())
    ran = explain("--driver", "535.54", "--gpu", "V100")
    assert ran.status == 0
    assert ran.told == (
        "exists: envlock.lock, driver 535.54, GPU V100\n"
        "  the locked PyTorch 2.6.0 on linux-64 has code for V100 (sm_70): sm_70"
        " [PYPI, DLLIST, DLHASH and 1 more]\n"
        "  torch/lib/libtorch_cuda.so of the locked torch has machine code for V100 (sm_70) in all 341 parts"
        " [READ, GPUS]\n"
        "  the locked PyTorch 2.6.0 on linux-64 needs driver 525.60.13 or newer: 535.54 is that"
        " [RN132U2, MVC, UV]\n"
        "  note: 525.60.13 is the floor of CUDA 12 by minor-version compatibility: the driver that came with"
        " CUDA 12.4 is 550.54.14, and code that is compiled on the host from PTX needs that one [RN132U2]\n"
        "  note: driver branch 535 has been without updates since 2026-06 [BRANCH]\n"
    )


def test_a_lock_that_is_named_and_will_not_run(explain: Explain) -> None:
    ran = explain("--gpu", "RTX 5090", "-l", str(BERT))
    assert ran.status == 1
    assert ran.told == (
        f"will-not-run: {BERT}, GPU RTX 5090\n"
        "  the locked PyTorch 2.6.0 on linux-64 has no code for RTX 5090 (sm_120): it has sm_50, sm_60,"
        " sm_70, sm_75, sm_80, sm_86, sm_90 [PYPI, DLLIST, DLHASH and 2 more]\n"
        "  torch/lib/libtorch_cuda.so of the locked torch has no code for RTX 5090 (sm_120): it has sm_50,"
        " sm_60, sm_70, sm_75, sm_80, sm_86, sm_90, sm_90a [READ, GPUS]\n"
        "  note: the newest that is known to run there is PyTorch 2.15.0 for CUDA 13.2 [PYPI]\n"
        '    `requirements = ["torch==2.15.0"]`, `cuda = "13.2"`, then `envlock lock`\n'
        "\n"
        "nearest that exist:\n"
        "  PyTorch 2.7.0, CUDA 12.8, cuDNN 9.7.1.26, NCCL 2.26.2, Triton 3.3.0\n"
        '    manifest  requirements = ["torch==2.7.0"], cuda = "12.8"\n'
        "    image     pytorch/pytorch:2.7.0-cuda12.8-cudnn9-runtime\n"
        "    driver    525.60.13 or newer (570.26 came with CUDA 12.8)\n"
        "    GPUs      sm_75 sm_80 sm_86 sm_90 sm_100 sm_120\n"
        "    Python    3.9 to 3.13, 3.13t\n"
    )


def test_the_document(explain: Explain) -> None:
    ran = explain("torch==2.6.0", "--nccl", "2.18", "--json")
    assert ran.status == 1
    document = ran.document
    assert list(document) == ["schema", "verdict", "asked", "reasons", "nearest"]
    assert (document["schema"], document["verdict"]) == ("envlock.explain/1", "never-published")
    assert {key: value for key, value in document["asked"].items() if value} == {
        "requirements": ["torch==2.6.0"],
        "nccl": "2.18",
    }
    [reason] = document["reasons"]
    sources = reason.pop("sources")
    assert reason == {
        "about": "nccl",
        "verdict": "never-published",
        "message": "PyTorch 2.6.0 for CUDA 12.4 has NCCL 2.21.5, not 2.18",
        "hint": "NCCL 2.18 with 2.1.0 to 2.1.2",
    }
    assert [source["name"] for source in sources] == ["PYPI", "DLLIST", "DLHASH"]
    assert all(source["text"] for source in sources)
    assert document["nearest"][0] == {
        "torch": "2.6.0",
        "cuda": "12.4",
        "variant": "cu124",
        "default": True,
        "cudnn": "9.1.0.70",
        "nccl": "2.21.5",
        "triton": "3.2.0",
        "pythons": ["3.9", "3.10", "3.11", "3.12", "3.13"],
        "images": ["2.6.0-cuda12.4-cudnn9-runtime", "2.6.0-cuda12.4-cudnn9-devel"],
        "driver": "525.60.13",
        "toolkit_driver": "550.54.14",
        "archs": ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"],
        "manifest": {"requirements": ["torch==2.6.0"], "cuda": "12.4"},
    }


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (
            ("torch==2.6.0", "-l", "envlock.lock"),
            2,
            "error: of a lock, only `--driver`, `--gpu` and `--glibc` can be asked [usage]\n\n"
            "hint: leave the requirements and the other options out, or the lock\n",
        ),
        (
            ("--driver", "535.54.03", "-l", "other.lock"),
            3,
            "error: there is no lockfile [lockfile-invalid]\n  where  other.lock\n\n"
            "hint: `envlock lock` makes it\n",
        ),
        (
            ("--driver", "twelve"),
            2,
            "error: `--driver twelve`: not a driver version [usage]\n\n"
            "hint: write it like 535.54.03: `nvidia-smi --query-gpu=driver_version --format=csv` prints it\n",
        ),
    ],
)
def test_what_cannot_be_asked(explain: Explain, words: tuple[str, ...], status: int, text: str) -> None:
    ran = explain(*words)
    assert (ran.status, ran.out, ran.err) == (status, "", text)


# The lock at hand


def library(name: str, version: str, size: int, *requires: str) -> Wheel:
    files = {f"{name}.py": b"", f"{name}.bin": bytes(size)}
    return make_wheel(name, version, files=files, requires=requires, compression=0)


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    """trainer needs loader with an extra, which alone needs transport; both roots need tables."""
    with LocalIndex() as started:
        for wheel in (
            library("trainer", "1.0", 5000, "loader[web]>=1", "tables>=2,<4", "kernels==2.1"),
            library("reporter", "3.0", 3000, "tables!=1.5", "loader"),
            library("loader", "1.2", 2000, 'transport<2; extra == "web"'),
            library("loader", "1.1", 2000, 'transport<2; extra == "web"'),
            library("transport", "1.9", 90000),
            library("transport", "2.0", 90000),
            library("tables", "3.5", 7000),
            library("tables", "4.0", 7000),
            library("kernels", "2.1", 60000),
            library("kernels", "2.2", 60000),
        ):
            started.add(wheel)
        yield started


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex, explain: Explain, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with its lock, as the working directory, and the cache that the lock filled."""
    monkeypatch.setenv("ENVLOCK_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "constraints.txt").write_text("loader<1.2\n")
    (tmp_path / "requirements.txt").write_text("trainer==1.0\n-c constraints.txt\n")
    (tmp_path / "envlock.toml").write_text(
        'python = "3.11"\nrequirements = ["reporter"]\nrequirements-files = ["requirements.txt"]\n'
        f'[sources]\ndefault = "{index.url}"\n'
    )
    api.lock(api.LockRequest(project=tmp_path, cache=tmp_path / "cache"), environment=dict(os.environ))
    return tmp_path


OWNERS = """\
envlock.lock: 6 distributions for Python 3.11, asked for by envlock.toml

who owns the bytes (linux-64: 174 kB to download, 170 kB installed):
                     all it needs     download  installed  nothing else needs  download  installed
  trainer            5 distributions  170 kB    166 kB     3 distributions     158 kB    156 kB
  reporter           3 distributions  15.3 kB   13.5 kB    1 distribution      4.14 kB   3.52 kB
  shared by several                                        2 distributions     11.2 kB   9.96 kB
"""


@pytest.mark.usefixtures("project")
def test_without_a_question_the_lock_is_explained(explain: Explain) -> None:
    ran = explain()
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == (
        f"{OWNERS}\n"
        "why each is here, and what fixed its version (linux-64):\n"
        "  kernels    2.1  60.5 kB  for trainer              pinned by trainer (==2.1)\n"
        "  loader     1.1  2.5 kB   for reporter and 1 more  "
        "the newest that constraints.txt:1 (<1.2) admits\n"
        "  reporter   3.0  3.52 kB  asked for                the newest that fitted\n"
        "  tables     3.5  7.46 kB  for reporter and 1 more  the newest that trainer (<4,>=2) admits\n"
        "  trainer    1.0  5.55 kB  asked for                pinned by requirements.txt:1 (==1.0)\n"
        "  transport  1.9  90.5 kB  for loader               the newest that loader (<2) admits\n"
    )
    assert explain("-q").out == OWNERS


@pytest.mark.usefixtures("project")
def test_why_names_are_told_one_by_one(explain: Explain) -> None:
    ran = explain("--why", "transport", "--why", "Tables", "--why", "loader", "--why", "trainer")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == (
        "loader 1.1: 3.1 kB to download, 2.5 kB installed\n"
        "  way       reporter → loader\n"
        "  limited   constraints.txt:1: <1.2\n"
        "  asked by  reporter: any version\n"
        "  asked by  trainer: [web]>=1\n"
        "  version   the newest that constraints.txt:1 (<1.2) admits\n"
        "  to renew  `envlock lock --upgrade-package loader`\n"
        "  roots     reporter, trainer: it goes only if all of them go\n"
        "\n"
        "tables 3.5: 8.06 kB to download, 7.46 kB installed\n"
        "  way       reporter → tables\n"
        "  asked by  reporter: !=1.5\n"
        "  asked by  trainer: <4,>=2\n"
        "  version   the newest that trainer (<4,>=2) admits\n"
        "  to renew  `envlock lock --upgrade-package tables`\n"
        "  roots     reporter, trainer: it goes only if all of them go\n"
        "\n"
        "trainer 1.0: 6.16 kB to download, 5.55 kB installed\n"
        "  asked by  requirements.txt:1: ==1.0\n"
        "  version   pinned by requirements.txt:1 (==1.0)\n"
        "\n"
        "transport 1.9: 91.1 kB to download, 90.5 kB installed\n"
        "  way       trainer → loader[web] → transport\n"
        "  asked by  loader: <2\n"
        "  version   the newest that loader (<2) admits\n"
        "  to renew  `envlock lock --upgrade-package transport`\n"
        "  roots     trainer: it goes with it\n"
    )


@pytest.mark.usefixtures("project")
def test_where_the_words_of_the_wheels_are_not_at_hand_it_says_so(
    explain: Explain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ENVLOCK_CACHE_DIR", str(tmp_path / "empty"))
    ran = explain()
    assert ran.out.partition("why each is here")[2] == (
        ", and what fixed its version (linux-64):\n"
        "  kernels    2.1  60.5 kB  for trainer              not known\n"
        "  loader     1.1  2.5 kB   for reporter and 1 more  not known\n"
        "  reporter   3.0  3.52 kB  asked for                the newest that fitted\n"
        "  tables     3.5  7.46 kB  for reporter and 1 more  not known\n"
        "  trainer    1.0  5.55 kB  asked for                pinned by requirements.txt:1 (==1.0)\n"
        "  transport  1.9  90.5 kB  for loader               not known\n"
        "\n"
        "note: what 3 distributions require of others is not at hand, and what an extra needs counts for all:"
        " `envlock lock` reads it\n"
    )
    assert explain("--why", "transport").out == (
        "transport 1.9: 91.1 kB to download, 90.5 kB installed\n"
        "  way       reporter → loader → transport\n"
        "  asked by  loader, in words that are not at hand: `envlock lock` reads them\n"
        "  version   not known\n"
        "  roots     reporter, trainer: it goes only if all of them go\n"
    )


def test_a_manifest_that_has_changed_is_not_asked(project: Path, explain: Explain) -> None:
    (project / "constraints.txt").write_text("loader<1.1.5\n")
    ran = explain("--why", "loader")
    assert ran.out == (
        "loader 1.1: 3.1 kB to download, 2.5 kB installed\n"
        "  way       reporter → loader\n"
        "  asked by  reporter: any version\n"
        "  asked by  trainer: [web]>=1\n"
        "  version   the newest that fitted\n"
        "  to renew  `envlock lock --upgrade-package loader`\n"
        "  roots     reporter, trainer: it goes only if all of them go\n"
        "\n"
        "note: the manifest is not that of the lock: the manifest has changed since the lock was made\n"
    )


def test_a_lock_alone_is_explained_too(project: Path, explain: Explain) -> None:
    alone = project / "elsewhere" / "envlock.lock"
    alone.parent.mkdir()
    (project / "envlock.lock").rename(alone)
    ran = explain("-l", str(alone), "--why", "trainer")
    assert ran.out == (
        "trainer 1.0: 6.16 kB to download, 5.55 kB installed\n"
        "  version   not known\n"
        "\n"
        "note: no manifest is at hand: there is no manifest here\n"
    )


@pytest.mark.usefixtures("project")
def test_the_document_of_a_lock(explain: Explain) -> None:
    document = explain("--why", "kernels", "--json").document
    [platform] = document.pop("platforms")
    manifest = document.pop("manifest")
    assert Path(manifest).name == "envlock.toml"
    assert document == {
        "schema": "envlock.explain-lock/1",
        "lockfile": "envlock.lock",
        "without": None,
        "python": "3.11",
        "exclude_newer": None,
    }
    assert platform.pop("conda") is None
    need: Any = {"by": "trainer", "origin": None, "specifier": "==2.1", "extras": [], "constraint": False}
    assert platform == {
        "platform": "linux-64",
        "whole": {"distributions": 6, "download": 173659, "installed": 169965},
        "roots": [
            {
                "name": "trainer",
                "whole": {"distributions": 5, "download": 169517, "installed": 166447},
                "alone": {"distributions": 3, "download": 158352, "installed": 156490},
            },
            {
                "name": "reporter",
                "whole": {"distributions": 3, "download": 15307, "installed": 13475},
                "alone": {"distributions": 1, "download": 4142, "installed": 3518},
            },
        ],
        "shared": {"distributions": 2, "download": 11165, "installed": 9957},
        "distributions": [
            {
                "name": "kernels",
                "version": "2.1",
                "index": "default",
                "download": 61078,
                "installed": 60464,
                "roots": ["trainer"],
                "path": ["trainer", "kernels"],
                "needs": [need],
                "hold": "pinned",
                "held_by": [need],
            }
        ],
    }


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (
            ("--why", "transprt"),
            2,
            "error: `--why transprt`: no `transprt` is locked [usage]\n\nhint: did you mean `transport`?\n",
        ),
        (
            ("--why", "zzz"),
            2,
            "error: `--why zzz`: no `zzz` is locked [usage]\n\nhint: `envlock explain` lists all that are\n",
        ),
        (
            ("--why", "loader", "torch==2.6.0"),
            2,
            "error: `--why` is about the lock, the rest of it about a combination [usage]\n\n"
            "hint: leave `--why`, or the other options out\n",
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_asked_of_a_lock(
    explain: Explain, words: tuple[str, ...], status: int, text: str
) -> None:
    ran = explain(*words)
    assert (ran.status, ran.out, ran.err) == (status, "", text)


def test_without_a_lock_there_is_nothing_to_explain(explain: Explain) -> None:
    ran = explain()
    assert (ran.status, ran.out) == (3, "")
    assert ran.err == (
        "error: there is no lockfile [lockfile-invalid]\n  where  envlock.lock\n\n"
        "hint: `envlock lock` makes it\n"
    )


def test_a_pytorch_newer_than_the_facts_is_locked_and_what_is_not_known_of_it_is_said(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stack is read from the resolution: the CUDA runtime, cuDNN and Triton that it pulls in."""
    monkeypatch.setenv("ENVLOCK_CACHE_DIR", str(tmp_path / "cache"))
    with LocalIndex() as index:
        pins = ("nvidia-cuda-runtime==14.1.48", "nvidia-cudnn-cu14==10.1.0.5", "triton==3.99.0")
        index.add(library("torch", "2.99.0", 10, *pins))
        for pin in pins:
            name, _, version = pin.partition("==")
            index.add(library(name, version, 10))
        (tmp_path / "envlock.toml").write_text(
            f'python = "3.11"\nrequirements = ["torch"]\n[sources]\ndefault = "{index.url}"\n'
        )
        request = api.LockRequest(project=tmp_path, cache=tmp_path / "cache")
        locked = api.lock(request, environment=os.environ).lock.stack["linux-64"]
    assert (locked.torch, locked.cuda, locked.variant) == ("2.99.0", "14.1", "cu141")
    assert (locked.cudnn, locked.nccl, locked.triton) == ("10.1.0.5", None, "3.99.0")
    assert (locked.gpu_archs, locked.driver) == ((), None)
    ran = explain("--driver", "650.10", "--gpu", "H100")
    assert ran.status == 8
    assert ran.told == (
        "unknown: envlock.lock, driver 650.10, GPU H100\n"
        "  for which GPUs the locked PyTorch 2.99.0 on linux-64 has code is not in the facts\n"
        "  which driver the locked PyTorch 2.99.0 on linux-64 needs is not in the facts\n"
        "\n"
        "nearest that exist:\n"
        "  PyTorch 2.15.0, CUDA 13.2 (default wheel), cuDNN 9.26.0.51, NCCL 2.30.7, Triton ~=3.9.0\n"
        '    manifest  requirements = ["torch==2.15.0"], cuda = "13.2"\n'
        "    driver    580 or newer (595.45.04 came with CUDA 13.2)\n"
        "    GPUs      sm_75 sm_80 sm_86 sm_90 sm_100 sm_120\n"
        "    Python    3.11 to 3.15, 3.14t, 3.15t\n"
    )
    assert "nvidia-cudnn-cu14    10.1.0.5" in explain().out
