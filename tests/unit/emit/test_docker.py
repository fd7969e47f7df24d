"""What a Dockerfile must and must not hold, beyond its text."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.emit import FORMATS, EmitOptions
from envlock.errors import UsageFault
from envlock.lock.model import ImageLock, Lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest.model import ImageRequest
from tests.unit.emit.locks import BASE, LINUX, conda_lock, conda_package, cuda_lock, distribution, plain_lock

OPTIONS = EmitOptions(platform=LINUX)


def instructions(lock: Lock, options: EmitOptions = OPTIONS) -> list[str]:
    """Logical lines, comments left out."""
    lines = [
        line for line in FORMATS["docker"].render(lock, options).splitlines() if line[:1] not in ("", "#")
    ]
    return re.sub(r"\\\n", "", "\n".join(lines)).splitlines()


def froms(lock: Lock) -> list[str]:
    return [line.split()[1] for line in instructions(lock) if line.startswith("FROM ")]


def test_the_base_is_the_digest_of_the_platform() -> None:
    assert froms(cuda_lock()) == ["docker.io/library/python@sha256:" + "2" * 64] * 2


@pytest.mark.parametrize(
    ("base", "digest", "wanted"),
    [
        ("localhost:5000/base:1", "sha256:" + "3" * 64, "localhost:5000/base@sha256:" + "3" * 64),
        ("localhost:5000/base:1", None, "localhost:5000/base:1"),
        ("base@sha256:" + "4" * 64, None, "base@sha256:" + "4" * 64),
    ],
)
def test_the_base_is_as_exact_as_the_lock_says(base: str, digest: str | None, wanted: str) -> None:
    lock = replace(plain_lock(), image=ImageLock(base=base, digest=digest, platforms={}))
    assert froms(lock) == [wanted] * 2


def test_a_base_that_is_not_pinned_is_said_to_be_so() -> None:
    says = "# The base image is NOT pinned"
    assert says in FORMATS["docker"].render(plain_lock(), OPTIONS)
    assert says not in FORMATS["docker"].render(cuda_lock(), OPTIONS)
    assert froms(plain_lock()) == ["docker.io/library/python:3.11.11-slim-bookworm"] * 2


def test_the_last_stage_runs_nothing_and_is_not_root() -> None:
    lines = instructions(cuda_lock())
    last = lines[max(index for index, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert not [line for line in last if line.startswith("RUN ")]
    assert "USER 1000:1000" in last
    assert f'LABEL envlock.runtime="{runtime_hash(cuda_lock(), LINUX)}"' in last
    assert f'LABEL envlock.manifest="{cuda_lock().manifest}"' in last
    assert f'LABEL org.opencontainers.image.base.name="{BASE}"' in last
    assert 'LABEL org.opencontainers.image.base.digest="sha256:' + "2" * 64 + '"' in last


def test_a_gpu_is_asked_for_where_the_stack_has_cuda() -> None:
    gpu = "ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility"
    assert gpu in instructions(cuda_lock())
    assert not [line for line in instructions(plain_lock()) if "NVIDIA" in line]


@pytest.mark.parametrize(
    ("driver", "lines"),
    [("450.80.02", ['ENV NVIDIA_REQUIRE_DRIVER="driver>=450"']), ("R450", []), (None, [])],
)
def test_the_driver_is_asked_for_where_it_is_known(driver: str | None, lines: list[str]) -> None:
    lock = cuda_lock()
    stack = {LINUX: replace(lock.stack[LINUX], driver=driver)}
    found = instructions(replace(lock, stack=stack))
    assert [line for line in found if "NVIDIA_REQUIRE_DRIVER" in line] == lines


def test_an_image_with_nothing_but_ssh_starts_its_server() -> None:
    lines = instructions(plain_lock(), replace(OPTIONS, image=ImageRequest(ssh=True)))
    assert lines[-2:] == ["EXPOSE 2222", 'CMD ["/usr/local/bin/envlock-sshd"]']


def test_nothing_is_asked_that_only_one_builder_knows() -> None:
    for lock in (plain_lock(), cuda_lock()):
        text = FORMATS["docker"].render(lock, OPTIONS)
        assert not re.search(r"^# *(syntax|escape|check) *=", text, re.MULTILINE)
        assert "--mount" not in text
        assert "<<" not in text
        assert "brand" not in text


def test_offline_no_index_is_asked() -> None:
    lines = instructions(cuda_lock(), replace(OPTIONS, wheelhouse=Path("wheels")))
    assert "COPY wheels/ /wheelhouse/" in lines
    assert not [line for line in lines if "https://" in line or "ARG" in line]
    assert [line for line in lines if "--no-index --find-links /wheelhouse" in line]


def test_the_shell_writes_every_pin(tmp_path: Path) -> None:
    many = tuple(distribution(f"d{number:03}", "1.0+x.y") for number in range(450))
    lock = replace(plain_lock(), distributions=many)
    requirements = tmp_path / "requirements.txt"
    runs = [line[4:] for line in instructions(lock) if line.startswith(("RUN : >", "RUN printf"))]
    assert len(runs) == 4
    assert max(map(len, runs)) < 128 << 10
    for run in runs:
        subprocess.run(["sh", "-c", run.replace("/requirements.txt", str(requirements))], check=True)
    assert requirements.read_text().splitlines() == [
        f"{each.name}==1.0+x.y --hash=sha256:{each.wheels[0].sha256}" for each in many
    ]


@pytest.mark.parametrize(("python", "status"), [("this", 0), ("3.99", 1), ("3.11.99", 1)])
def test_the_build_stops_at_another_python(python: str, status: int) -> None:
    import sys

    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}" if python == "this" else python
    check = next(line for line in instructions(replace(plain_lock(), python=wanted)) if "sys.exit" in line)
    command = check.removeprefix("RUN ").replace("python3", sys.executable, 1)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    found = ".".join(map(str, sys.version_info[: wanted.count(".") + 1]))
    assert done.returncode == status
    assert done.stderr == (f"the base image has Python {found}, the lock is for {wanted}\n" if status else "")


def test_an_image_of_half_a_lock_is_refused() -> None:
    """NumPy comes from conda, so an image of the wheels would lack it. Python alone the base has, too."""
    numpy = conda_package("numpy", "2.3.5", distributions=(("numpy", "2.3.5"),))
    lock = replace(conda_lock(), conda_packages=(*conda_lock().conda_packages, numpy), settings={})
    with pytest.raises(UsageFault) as caught:
        FORMATS["docker"].render(lock, OPTIONS)
    assert caught.value.message == (
        "a Dockerfile holds wheels alone, and `numpy` of the lock comes from conda"
    )
    assert froms(conda_lock())
