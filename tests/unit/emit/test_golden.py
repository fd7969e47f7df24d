"""Every format against the text that it must be; `python -m tests.unit.emit.test_golden` writes them anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envlock.emit import FORMATS, EmitOptions
from envlock.lock.model import Lock
from tests.unit.emit.locks import LINUX, conda_lock, cuda_lock, plain_lock

GOLDEN = Path(__file__).parent / "golden"
OPTIONS = EmitOptions(platform=LINUX, sources={"pytorch": "https://mirror.example/whl/{variant}"})
LOCATIONS = {
    wheel.sha256: f"https://files.example/{wheel.file.replace('+', '%2B')}"
    for _, wheel in cuda_lock().on(LINUX)
}
CONDA = EmitOptions(
    platform=LINUX, sources={"conda-forge": "https://user:word@mirror.example/forge"}, locations=LOCATIONS
)
CASES: dict[str, tuple[str, Lock, EmitOptions]] = {
    "plain.requirements.txt": ("requirements", plain_lock(), OPTIONS),
    "cuda.requirements.txt": ("requirements", cuda_lock(), OPTIONS),
    "wheelhouse.requirements.txt": ("requirements", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
    "plain.environment.yml": ("conda", plain_lock(), OPTIONS),
    "cuda.environment.yml": ("conda", cuda_lock(), OPTIONS),
    "cuda.pylock.toml": ("pylock", cuda_lock(), replace(OPTIONS, locations=LOCATIONS)),
    "wheelhouse.pylock.toml": ("pylock", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
    "conda.environment.yml": ("conda", conda_lock(), CONDA),
    "conda.explicit.txt": ("conda-explicit", conda_lock(), CONDA),
    "conda.explicit-md5.txt": ("conda-explicit-md5", conda_lock(), CONDA),
    "conda.conda-lock.yml": ("conda-lock", conda_lock(), CONDA),
    "conda.pixi.lock": ("pixi", conda_lock(), CONDA),
    "plain.Dockerfile": ("docker", plain_lock(), OPTIONS),
    "cuda.Dockerfile": ("docker", cuda_lock(), OPTIONS),
    "wheelhouse.Dockerfile": ("docker", cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels"))),
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
