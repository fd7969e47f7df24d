"""Every format against the text that it must be; `python -m tests.unit.emit.test_golden` writes them anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envlock.emit import FORMATS, EmitOptions
from envlock.lock.model import Lock
from envlock.manifest.model import ImageRequest, JobRequest
from tests.unit.emit.locks import LINUX, conda_lock, cuda_lock, jupyter_lock, plain_lock

GOLDEN = Path(__file__).parent / "golden"
OPTIONS = EmitOptions(platform=LINUX, sources={"pytorch": "https://mirror.example/whl/{variant}"})
LOCATIONS = {
    wheel.sha256: f"https://files.example/{wheel.file.replace('+', '%2B')}"
    for _, wheel in cuda_lock().on(LINUX)
}
CONDA = EmitOptions(
    platform=LINUX, sources={"conda-forge": "https://user:word@mirror.example/forge"}, locations=LOCATIONS
)
FULL = replace(
    OPTIONS,
    image=ImageRequest(
        user="worker",
        apt=("git=1:2.39.5-0+deb12u2", "openssh-server=1:9.2p1-2+deb12u5"),
        code="src",
        entrypoint=("python", "-m", "train", "it's $HOME"),
        ssh=True,
    ),
    job=JobRequest(
        image="registry.example/team/train:1",
        command=("torchrun", "--nproc-per-node", "2", "train.py"),
        gpus=2,
        cpus=8,
        memory="32GiB",
        nodes=2,
        time="24:00:00",
        volumes={"datasets": "/data:ro", "/srv/runs": "/runs"},
    ),
)
NO_VOLUMES = replace(FULL, job=replace(FULL.job, volumes={}))
ALL = replace(
    OPTIONS, wheelhouse=Path("wheels"), image=ImageRequest(code=".", jupyter=True), job=JobRequest(gpus=0)
)
JOBS = {
    "compose": ("compose.yaml", FULL),
    "devcontainer": ("devcontainer.json", FULL),
    "kubernetes": ("job.yaml", FULL),
    "slurm": ("job.sh", NO_VOLUMES),
    "apptainer": ("job.def", NO_VOLUMES),
    "github-actions": ("github.yml", FULL),
    "gitlab-ci": ("gitlab.yml", FULL),
}
CASES: dict[str, tuple[str, Lock, EmitOptions]] = {
    "plain.requirements.txt": ("requirements", plain_lock(), OPTIONS),
    "cuda.requirements.txt": ("requirements", cuda_lock(), OPTIONS),
    "wheelhouse.requirements.txt": ("requirements", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
    "plain.environment.yml": ("conda", plain_lock(), OPTIONS),
    "cuda.environment.yml": ("conda", cuda_lock(), OPTIONS),
    "cuda.pylock.toml": ("pylock", cuda_lock(), replace(OPTIONS, locations=LOCATIONS)),
    "empty.pylock.toml": ("pylock", replace(plain_lock(), distributions=()), OPTIONS),
    "wheelhouse.pylock.toml": ("pylock", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
    "conda.environment.yml": ("conda", conda_lock(), CONDA),
    "only.environment.yml": ("conda", replace(conda_lock(), distributions=()), CONDA),
    "conda.explicit.txt": ("conda-explicit", conda_lock(), CONDA),
    "conda.explicit-md5.txt": ("conda-explicit-md5", conda_lock(), CONDA),
    "conda.conda-lock.yml": ("conda-lock", conda_lock(), CONDA),
    "conda.pixi.lock": ("pixi", conda_lock(), CONDA),
    "plain.Dockerfile": ("docker", plain_lock(), OPTIONS),
    "cuda.Dockerfile": ("docker", cuda_lock(), OPTIONS),
    "wheelhouse.Dockerfile": ("docker", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
    "full.Dockerfile": ("docker", cuda_lock(), FULL),
    "all.Dockerfile": ("docker", jupyter_lock(), ALL),
    "plain.dockerignore": ("dockerignore", plain_lock(), OPTIONS),
    "code.dockerignore": ("dockerignore", plain_lock(), replace(FULL, wheelhouse=Path("wheels"))),
    "all.dockerignore": ("dockerignore", jupyter_lock(), ALL),
    "wheelhouse.job.def": ("apptainer", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
    **{f"plain.{file}": (format, plain_lock(), OPTIONS) for format, (file, _) in JOBS.items()},
    **{f"full.{file}": (format, cuda_lock(), options) for format, (file, options) in JOBS.items()},
}


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_the_golden_one(name: str) -> None:
    assert rendered(name) == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_format_has_a_golden_file() -> None:
    assert {format for format, _, _ in CASES.values()} == set(FORMATS)


def rendered(name: str) -> str:
    format, lock, options = CASES[name]
    return FORMATS[format].render(lock, options)


if __name__ == "__main__":
    for each in CASES:
        (GOLDEN / each).write_text(rendered(each), encoding="utf-8")
