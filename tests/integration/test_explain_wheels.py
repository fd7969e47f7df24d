"""`envlock explain` of a lock by the bytes of its wheels, files and installed; and by the glibc of a host."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envlock import api
from envlock.cli import cli
from envlock.cli.boundary import run
from tests.support import gpu_library as made
from tests.support.index import LocalIndex
from tests.support.wheels import Wheel, make_wheel

ROOT = Path(__file__).resolve().parents[2]
BERT = ROOT / "examples" / "bert-cu124" / "envlock.lock"
Explain = Callable[..., tuple[int, str, str]]

TORCH = make_wheel(
    "torch",
    "2.99.0",
    tag="cp311-cp311-manylinux1_x86_64",
    requires=("nvidia-cuda-runtime==14.1.48", "kernels"),
    files={
        "torch/__init__.py": b"",
        "torch/lib/libtorch_cuda.so": made.gpu_library(["sm_90", "sm_120"], ["sm_90", "sm_120", "sm_90a"]),
        "torch/lib/libtorch_linalg.so": made.gpu_library(["sm_90", "sm_120"], ["sm_120"]),
        "torch/lib/libtorch_cpu.so": made.make_library(made.versions("GLIBC_2.17", "GLIBC_2.2.5")),
    },
)
KERNELS = make_wheel(
    "kernels",
    "1.0",
    tag="cp311-cp311-manylinux1_x86_64",
    files={"kernels/k.so": made.gpu_library(["sm_80", "compute_90"])},
)
RUNTIME = make_wheel("nvidia-cuda-runtime", "14.1.48", files={"nvidia/r.py": b""})


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch) -> Explain:
    monkeypatch.chdir(project)

    def call(*words: str) -> tuple[int, str, str]:
        status = run(cli, ["explain", *words])
        out, err = capsys.readouterr()
        return status, out.partition("\nnearest that exist:\n")[0].partition("\nsources:\n")[0], err

    return call


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The lock of a PyTorch that the facts do not know."""
    folder = tmp_path_factory.mktemp("locked")
    with LocalIndex() as index:
        for wheel in (TORCH, KERNELS, RUNTIME):
            index.add(wheel)
        text = f'python = "3.11"\nrequirements = ["torch"]\n[sources]\ndefault = "{index.url}"\n'
        (folder / "envlock.toml").write_text(text)
        api.lock(api.LockRequest(project=folder, cache=folder / "cache"), environment=os.environ)
    return (folder / "envlock.lock").read_bytes()


@pytest.fixture
def project(tmp_path: Path, lock: bytes) -> Path:
    (tmp_path / "envlock.lock").write_bytes(lock)
    return tmp_path


def install(wheel: Wheel, project: Path) -> None:
    site = project / "venv" / "lib" / "python3.11" / "site-packages"
    with zipfile.ZipFile(wheel.write(project / "unpacked")) as archive:
        archive.extractall(site)


def test_without_the_wheels_nothing_is_known(explain: Explain) -> None:
    status, out, err = explain("--gpu", "H100")
    assert (status, err) == (8, "")
    assert out == (
        "unknown: envlock.lock, GPU H100\n"
        "  for which GPUs the locked PyTorch 2.99.0 on linux-64 has code is not in the facts\n"
    )


@pytest.mark.parametrize("kind", ["files", "installed"])
def test_the_bytes_of_the_wheels_answer(explain: Explain, project: Path, kind: str) -> None:
    for wheel in (TORCH, KERNELS):
        wheel.write(project / "wheels") if kind == "files" else install(wheel, project)
    name, place = ("WHEEL", "wheels") if kind == "files" else ("INSTALLED", "venv")
    status, out, err = explain("--gpu", "H100", "--wheels", place)
    assert (status, err) == (0, "")
    assert out == (
        "exists: envlock.lock, GPU H100\n"
        f"  the locked PyTorch 2.99.0 on linux-64 has code for H100 (sm_90): sm_90 [{name}, GPUS]\n"
        "  kernels/k.so of the locked kernels has PTX alone for H100 (sm_90) in its one part"
        f" [{name}, GPUS]\n"
        "  torch/lib/libtorch_cuda.so of the locked torch has machine code for H100 (sm_90) in all 2 parts"
        f" [{name}, GPUS]\n"
        "  note: torch/lib/libtorch_linalg.so of the locked torch has code for H100 (sm_90) in 1 of 2 parts:"
        f" what needs the others fails there [{name}]\n"
    )


def test_a_wheel_beside_torch_may_be_what_does_not_run(explain: Explain, project: Path) -> None:
    KERNELS.write(project / "wheels")
    TORCH.write(project / "wheels")
    status, out, _ = explain("--gpu", "A10", "--wheels", "wheels")
    assert status == 1
    assert "kernels/k.so of the locked kernels has machine code for A10 (sm_86) in its one part" in out
    assert "the locked PyTorch 2.99.0 on linux-64 has no code for A10 (sm_86): it has sm_90, sm_120" in out
    status, out, _ = explain("--gpu", "T4", "--wheels", "wheels")
    assert status == 1
    assert "kernels/k.so of the locked kernels has no code for T4 (sm_75): it has sm_80, compute_90" in out


def test_a_file_that_is_not_the_locked_one(explain: Explain, project: Path) -> None:
    path = TORCH.write(project / "wheels")
    path.write_bytes(path.read_bytes() + b"\0")
    status, out, err = explain("--gpu", "H100", "--wheels", "wheels")
    assert (status, out) == (3, "")
    assert "it is not the locked file: its sha256 is " in err
    assert f", and {TORCH.sha256} is locked" in err


def test_nothing_that_is_locked_is_there(explain: Explain, project: Path) -> None:
    (project / "wheels").mkdir()
    assert explain("--gpu", "H100", "--wheels", "wheels") == (
        2,
        "",
        "error: nothing that is locked for linux-64 is in wheels [usage]\n\n"
        f"hint: `pip download` puts wheels there; the lock has {KERNELS.filename} and 2 more\n",
    )
    assert explain("--gpu", "H100", "--wheels", "none") == (
        2,
        "",
        "error: `--wheels none` is no folder [usage]\n",
    )


def test_wheels_without_a_host(explain: Explain) -> None:
    hint = "add `--driver`, `--gpu` or `--glibc`, beside an envlock.lock or with `--lock FILE`"
    told = f"error: `--wheels` is about a lock and a host [usage]\n\nhint: {hint}\n"
    assert explain("--wheels", ".") == (2, "", told)


def test_symbols_need_more_than_the_tag_says(explain: Explain, project: Path) -> None:
    status, out, _ = explain("--glibc", "2.12")
    assert (status, out) == (
        0,
        "exists: envlock.lock, glibc 2.12\n"
        f"  the lock for linux-64 needs glibc 2.5 or newer (the tag of {KERNELS.filename}): 2.12 is that\n",
    )
    TORCH.write(project / "wheels")
    status, out, _ = explain("--glibc", "2.12", "--wheels", "wheels")
    assert status == 1
    assert out.splitlines()[1:3] == [
        "  the lock for linux-64 needs glibc 2.17 or newer (symbols of torch/lib/libtorch_cpu.so):"
        " 2.12 is older [WHEEL]",
        '    `glibc = "2.12"` in the manifest has `envlock lock` take wheels for it, where there are any',
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("torch==2.8.0", "--glibc", "2.17"),
            "  PyTorch 2.8.0 for CUDA 12.8 needs glibc 2.28 or newer (the tag of its wheels): 2.17 is older",
        ),
        (
            ("torch==2.15.0", "--gpu", "V100"),
            "  PyTorch 2.15.0 for CUDA 13.2 has no code for V100 (sm_70): it has sm_75, sm_80, sm_86, sm_90,"
            " sm_100, sm_120",
        ),
        (
            ("torch==2.6.0", "--gpu", "RTX 5090"),
            "  PyTorch 2.6.0 for CUDA 12.4 has no code for RTX 5090 (sm_120): it has sm_50, sm_60, sm_70,"
            " sm_75, sm_80, sm_86, sm_90",
        ),
        (
            ("torch==2.6.0", "--cuda", "12.4", "--driver", "470.82.01"),
            "  PyTorch 2.6.0 for CUDA 12.4 needs driver 525.60.13 or newer: 470.82.01 is older",
        ),
    ],
)
def test_refused_with_the_reason(explain: Explain, words: tuple[str, ...], told: str) -> None:
    status, out, _ = explain(*words)
    assert status == 1
    assert told in out


def test_a_lock_that_will_not_run_is_told_the_newest_that_would(explain: Explain) -> None:
    status, out, _ = explain("-l", str(BERT), "--gpu", "RTX 5090")
    assert status == 1
    assert "  note: the newest that is known to run there is PyTorch 2.15.0 for CUDA 13.2 [PYPI]\n" in out
    assert '    `requirements = ["torch==2.15.0"]`, `cuda = "13.2"`, then `envlock lock`\n' in out
    status, out, _ = explain("-l", str(BERT), "--driver", "470.82.01")
    assert "  note: the newest that is known to run there is PyTorch 2.7.1 for CUDA 11.8 [" in out


def test_a_word_that_is_no_glibc(explain: Explain) -> None:
    hint = "`ldd --version` prints it: 2.17"
    told = f"error: `--glibc seventeen` is no glibc version [usage]\n\nhint: {hint}\n"
    assert explain("--glibc", "seventeen") == (2, "", told)
