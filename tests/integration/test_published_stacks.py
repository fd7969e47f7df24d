"""examples/published-stacks: the page says what the locks hold, and the locks what is published."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from envlock import api, stack
from envlock.lock import Lock, read_lock
from envlock.manifest import Platform

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STACKS = EXAMPLES / "published-stacks"
RELEASES = ("torch-2.6", "torch-2.8", "torch-2.9")
LOCKED = (*(f"published-stacks/{name}" for name in RELEASES), "bert-cu124", "mnist-receipt", "quickstart")
PAGE = (STACKS / "README.md").read_text(encoding="utf-8")


def column(release: str) -> dict[str, str]:
    """What the page's first table says of a release, by row."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in _table(PAGE)]
    place = next(place for place, cell in enumerate(rows[0]) if cell.startswith(f"[{release}]"))
    return {row[0]: row[place] for row in rows[2:]}


def _table(text: str) -> list[str]:
    return text[text.index("| |") :].split("\n\n", 1)[0].splitlines()


def held(lock: Lock) -> dict[str, str | None]:
    """The same rows, out of a lock and the facts."""
    found = lock.stack["linux-64"]
    versions = {row.name: row.version for row in lock.distributions}
    others = stack.builds(str(found.torch))
    return {
        "PyTorch": found.torch,
        "torchvision": versions["torchvision"],
        "torchaudio": versions["torchaudio"],
        "CUDA": found.cuda,
        "cuDNN": found.cudnn,
        "NCCL": found.nccl,
        "Triton": found.triton,
        "GPUs": f"{found.gpu_archs[0]} to {found.gpu_archs[-1]}",
        "driver, at least": found.driver,
        "other CUDA, from the PyTorch index": ", ".join(
            each.cuda for each in others if each.variant not in ("cpu", found.variant)
        ),
    }


@pytest.mark.parametrize("release", RELEASES)
def test_the_page_says_what_the_lock_holds(release: str) -> None:
    lock = read_lock(STACKS / release / "envlock.lock")
    assert column(release) == held(lock)
    assert lock.stack["linux-64"].variant == stack.default_variant(str(lock.stack["linux-64"].torch))


def test_the_tags_of_the_page_are_told_rightly() -> None:
    told = dict.fromkeys(re.findall(r"`(?:pytorch/pytorch:)?(2[0-9.]+-cuda[a-z0-9.-]+)`", PAGE))
    assert {tag: stack.image_tag_exists(tag) for tag in told} == {
        "2.6.0-cuda11.8-cudnn8-runtime": False,
        "2.6.0-cuda11.8-cudnn9-runtime": True,
        "2.9-cuda11.8-cudnn8-runtime": False,
        "2.9.0-cuda12.8-cudnn9-runtime": True,
    }


def test_the_claims_about_builds_are_told_rightly() -> None:
    assert stack.versions_with("12.1")[-1] == "2.5.1"
    assert stack.versions_with("11.8")[-1] == "2.7.1"
    unadvertised = [each.cuda for each in stack.builds("2.9.0") if each.unadvertised]
    assert unadvertised == ["12.9"]
    floors = [stack.driver_floor(cuda, Platform.LINUX_64) for cuda in ("11.8", "12.4")]
    assert (floors, stack.toolkit_driver("11.8")) == (["450.80.02", "525.60.13"], "520.61.05")


@pytest.mark.parametrize("source", sorted(set(re.findall(r"\[([A-Z0-9]+)\]\[(?:data|tags|drivers)\]", PAGE))))
def test_every_source_of_the_page_is_one_of_the_data(source: str) -> None:
    files = sorted((EXAMPLES.parent / "envlock" / "stack" / "data").glob("*.toml"))
    assert any(f"\n{source} = " in file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("example", LOCKED)
def test_the_committed_lock_is_that_of_its_manifest(example: str) -> None:
    assert api.check(api.LockRequest(project=EXAMPLES / example), environment=os.environ) == ()


@pytest.mark.slow
@pytest.mark.parametrize("example", LOCKED)
def test_locked_anew_it_has_the_same_bytes(example: str, tmp_path: Path) -> None:
    """From the installer's own indexes; there is no old lock whose pins could stand."""
    committed = EXAMPLES / example / "envlock.lock"
    project = tmp_path / "project"
    shutil.copytree(committed.parent, project, ignore=shutil.ignore_patterns("envlock.lock"))
    result = api.lock(api.LockRequest(project=project), environment=os.environ)
    assert result.path.read_bytes() == committed.read_bytes()
