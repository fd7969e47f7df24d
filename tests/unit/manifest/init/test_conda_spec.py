"""Conda's match specifications in their many spellings, and those that no wheel can be asked for with."""

from __future__ import annotations

import pytest

from envlock.manifest.init.conda_spec import CondaSpec, conda_spec, cuda_of_build, pep_440_of, x_y


@pytest.mark.parametrize(
    ("text", "spec", "plain"),
    [
        ("numpy", CondaSpec(name="numpy"), "numpy"),
        ("NumPy *", CondaSpec(name="numpy"), "numpy"),
        (
            "numpy==1.26.4=py311_0",
            CondaSpec(name="numpy", version="==1.26.4", build="py311_0"),
            "numpy ==1.26.4",
        ),
        ("numpy=1.26=*", CondaSpec(name="numpy", version="=1.26"), "numpy 1.26.*"),
        ("numpy=1.26.*", CondaSpec(name="numpy", version="=1.26.*"), "numpy 1.26.*"),
        ("numpy 1.26.4 py311*", CondaSpec(name="numpy", version="1.26.4", build="py311*"), "numpy ==1.26.4"),
        ("numpy >= 1.20, < 2", CondaSpec(name="numpy", version=">=1.20,<2"), "numpy >=1.20,<2"),
        (
            "numpy[version='>=1.20', build=py311*, channel=\"x\", md5=00]",
            CondaSpec(name="numpy", channel="x", version=">=1.20", build="py311*"),
            "numpy >=1.20",
        ),
        ("https://a.example/x::b", CondaSpec(name="b", channel="https://a.example/x"), "b"),
    ],
)
def test_a_specification(text: str, spec: CondaSpec, plain: str) -> None:
    found = conda_spec(text)
    assert (found, found.text) == (spec, plain)


@pytest.mark.parametrize("text", ["", "-x", "a 'b'", "a]b", "a # b"])
def test_what_is_no_specification(text: str) -> None:
    with pytest.raises(ValueError, match="is not a conda specification") as caught:
        conda_spec(text)
    assert str(caught.value) == f'"{text}" is not a conda specification'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a *", ""),
        ("a =*", ""),
        ("a !=1.*", "!=1.*"),
        ("a !=1.2", "!=1.2"),
        ("a =1.2.3", "==1.2.3"),
        ("a =1.2", "==1.2.*"),
        ("a >=1.2.*,<2", ">=1.2,<2"),
    ],
)
def test_a_version_of_a_wheel(text: str, found: str) -> None:
    assert pep_440_of(conda_spec(text)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1|2", "alternatives cannot be asked for in one requirement"),
        ("a ^1.2$", '"^1.2$" is not a version that a wheel has'),
        ("a >=2024a_b_c", '">=2024a_b_c" is not a version that a wheel has'),
    ],
)
def test_what_no_wheel_has(text: str, message: str) -> None:
    spec = conda_spec(text)
    with pytest.raises(ValueError, match=r"alternatives|version") as caught:
        pep_440_of(spec)
    assert str(caught.value) == message


def test_the_cuda_that_is_meant() -> None:
    assert [x_y(text) for text in ("=11", "11.8", "!=11.8", "x")] == [None, "11.8", None, None]
    assert [cuda_of_build(text) for text in (None, "cpu_x", "py_cuda_12.4_0")] == [None, "cpu", "12.4"]
