"""Which build of torch to look for."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envlock.errors import NoSuchBuild
from envlock.manifest.platforms import Platform
from envlock.resolve.torch_build import Plan, Wish, needs_time_limit, plans

HERE = Plan(variant="cu124", constraints=("torch>=2.5.0", "torch<=2.6.0"))


def wish(
    cuda: str,
    torch: str = "",
    *,
    on: Platform = Platform.LINUX_64,
    pinned: str | None = None,
    newest: str = "",
) -> Wish:
    return Wish(
        platform=on,
        cuda=cuda,
        specifier=SpecifierSet(torch),
        where="envlock.toml, cuda",
        pinned=pinned,
        newest=Version(newest) if newest else None,
    )


def elsewhere(variant: str, *constraints: str) -> Plan:
    return Plan(index="pytorch", variant=variant, constraints=constraints)


def test_auto_takes_the_default_wheel() -> None:
    assert plans(wish("auto")) == (Plan(),)


def test_a_version_that_names_its_variant_says_the_index() -> None:
    assert plans(wish("auto", "==2.6.0+cu118")) == (elsewhere("cu118"),)


def test_the_default_index_where_its_wheel_has_that_cuda() -> None:
    assert plans(wish("12.4")) == (HERE, elsewhere("cu124"))


def test_the_constraints_leave_only_releases_with_that_default() -> None:
    exact = Plan(variant="cu124", constraints=("torch>=2.6.0", "torch<=2.6.0"))
    assert plans(wish("12.4", "==2.6.0")) == (exact, elsewhere("cu124"))


def test_the_pytorch_index_where_the_default_wheel_has_another_cuda() -> None:
    assert plans(wish("11.8", "==2.6.0")) == (elsewhere("cu118"),)


def test_the_index_of_the_newest_release_comes_first() -> None:
    """12.6: the default of 2.7 only; later releases have it on the PyTorch index."""
    first, second = plans(wish("12.6"))
    assert (first.index, second.index) == ("pytorch", "default")
    assert second.constraints == ("torch>=2.7.0", "torch<=2.7.1")


def test_the_index_of_the_locked_release_comes_before_it() -> None:
    first, _ = plans(wish("12.6", pinned="2.7.1"))
    assert first.index == "default"
    first, _ = plans(wish("12.6", pinned="2.8.0+cu126"))
    assert first.index == "pytorch"


def test_a_locked_release_that_no_longer_fits_decides_nothing() -> None:
    first, _ = plans(wish("12.6", ">2.7.0", pinned="2.7.0"))
    assert first.index == "pytorch"


def test_the_date_limits_the_pytorch_index() -> None:
    assert plans(wish("11.8", newest="2.6.0")) == (elsewhere("cu118", "torch<=2.6.0"),)


def test_cpu_is_the_pytorch_index_on_linux_and_the_default_elsewhere() -> None:
    assert plans(wish("cpu")) == (elsewhere("cpu"),)
    assert plans(wish("cpu", on=Platform.LINUX_AARCH64)) == (elsewhere("cpu"),)
    assert plans(wish("cpu", on=Platform.WIN_64)) == (Plan(),)
    assert plans(wish("cpu", on=Platform.OSX_ARM64)) == (Plan(),)


def test_cuda_on_windows_is_on_the_pytorch_index() -> None:
    assert plans(wish("12.4", "==2.6.0", on=Platform.WIN_64)) == (elsewhere("cu124"),)


def test_cuda_on_arm_linux_may_be_in_the_default_wheel() -> None:
    assert plans(wish("12.4", on=Platform.LINUX_AARCH64)) == (HERE, elsewhere("cu124"))


def test_a_torch_that_is_newer_than_the_facts_is_tried_and_judged() -> None:
    assert plans(wish("13.2", "==2.99.0")) == (Plan(variant="cu132"), elsewhere("cu132"))


def test_a_cuda_that_is_newer_elsewhere_is_on_the_pytorch_index() -> None:
    assert plans(wish("19.0", ">=2.14", on=Platform.WIN_64)) == (elsewhere("cu190"),)


def test_a_cuda_that_is_newer_than_the_facts_is_tried_and_judged() -> None:
    assert plans(wish("19.0", ">=2.14")) == (Plan(variant="cu190"), elsewhere("cu190"))


def test_a_combination_that_never_was() -> None:
    with pytest.raises(NoSuchBuild) as caught:
        plans(wish("12.1", "==2.6.0"))
    error = caught.value
    assert error.message == "PyTorch 2.6.0 was never built for CUDA 12.1"
    assert error.where == "envlock.toml, cuda"
    assert error.facts == (
        ("asked by", 'envlock.toml, cuda = "12.1"'),
        ("exists", "2.6.0 with 11.8, 12.4 (default), 12.6, cpu · CUDA 12.1 with 2.1.0 to 2.5.1"),
    )
    assert error.hint == '`cuda = "12.4"` runs on every driver that 12.1 runs on (525.60.13 or newer)'


def test_of_several_releases_the_newest_certain_one_is_told() -> None:
    with pytest.raises(NoSuchBuild, match=r"^PyTorch 2\.9\.1 was never built for CUDA 12\.4$"):
        plans(wish("12.4", ">=2.7,<2.10"))


def test_a_toolkit_that_no_release_had() -> None:
    """2.10.0 is the newest release whose builds are all known."""
    with pytest.raises(NoSuchBuild, match=r"^PyTorch 2\.10\.0 was never built for CUDA 12\.5$"):
        plans(wish("12.5"))


def test_a_pinned_version_needs_no_limit_in_time() -> None:
    assert not needs_time_limit(wish("11.8", "==2.6.0"))
    assert not needs_time_limit(wish("auto"))
    assert needs_time_limit(wish("11.8", ">=2.5"))
