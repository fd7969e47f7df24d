"""Over every build of the facts: asked for as it is, it exists; and whatever is offered instead exists."""

from __future__ import annotations

import pytest

from envlock import stack
from envlock.stack.combination import Explanation, Real
from tests.unit.stack.combination.asking import answer, nearest

BUILDS = stack.builds()


def spoken(build: stack.Build) -> str:
    return f"{build.torch}-{build.variant}"


@pytest.mark.parametrize("build", BUILDS, ids=spoken)
def test_a_build_of_the_facts_exists_with_all_that_it_has(build: stack.Build) -> None:
    pins = [f"--{name} {value}" for name, value in (("cudnn", build.cudnn), ("nccl", build.nccl)) if value]
    pins += [f"--python {build.pythons[-1]}"] if build.pythons else []
    found = answer(f"torch=={build.torch} --cuda {build.cuda} {' '.join(pins)}")
    assert (str(found.verdict), nearest(found)) == ("exists", [(build.torch, build.cuda)])
    assert all(reason.sources for reason in found.reasons)


@pytest.mark.parametrize("build", BUILDS, ids=spoken)
def test_another_cudnn_is_not_in_it_and_what_is_offered_exists(build: stack.Build) -> None:
    found = answer(f"torch=={build.torch} --cuda {build.cuda} --cudnn 7.6")
    expected = "never-published" if build.cudnn or build.cuda == "cpu" else "unknown"
    assert str(found.verdict) == expected
    offered_exist(found)


@pytest.mark.parametrize("version", [str(version) for version in stack.torch_versions()])
@pytest.mark.parametrize("host", ["--gpu V100", "--gpu 'RTX 5090'", "--driver 470.57.02", "--driver 535.54"])
def test_what_is_offered_for_a_host_runs_there(version: str, host: str) -> None:
    found = answer(f"torch=={version} {host}")
    for real in found.nearest:
        assert str(answer(f"{asked_for(real)} {host}").verdict) == "exists"


def offered_exist(found: Explanation) -> None:
    assert found.nearest
    for real in found.nearest:
        assert str(answer(asked_for(real)).verdict) == "exists"


def asked_for(real: Real) -> str:
    [requirement] = real.manifest["requirements"]
    return f"{requirement} --cuda {real.manifest['cuda']}"


@pytest.mark.parametrize("tag", stack.image_tags())
def test_every_tag_of_the_facts_exists_and_holds_a_build(tag: str) -> None:
    found = answer(f"--image {tag}")
    assert str(found.verdict) == "exists"
    assert tag in found.nearest[0].images
