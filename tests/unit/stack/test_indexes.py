"""Which index is the home of a distribution, and where a named index points."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from envlock import stack


@pytest.mark.parametrize("name", ["torch", "torchvision", "torchtext", "triton", "pytorch_triton"])
def test_what_the_pytorch_index_is_the_home_of(name: str) -> None:
    assert canonicalize_name(name) in stack.pytorch_index_distributions()


@pytest.mark.parametrize("name", ["numpy", "sympy", "nvidia-cudnn-cu12", "transformers", "filelock"])
def test_copies_on_the_pytorch_index_have_their_home_elsewhere(name: str) -> None:
    assert canonicalize_name(name) not in stack.pytorch_index_distributions()


def test_the_pytorch_index_has_a_place_per_variant() -> None:
    source = stack.default_source("pytorch")
    assert source == "https://download.pytorch.org/whl/{variant}"
    assert source.format(variant=stack.variant_of("11.8")) == "https://download.pytorch.org/whl/cu118"


def test_conda_forge_lies_where_conda_looks_for_it() -> None:
    assert stack.default_source("conda-forge") == "https://conda.anaconda.org/conda-forge"


@pytest.mark.parametrize("name", ["default", "company", "bioconda"])
def test_other_names_point_nowhere_by_themselves(name: str) -> None:
    assert stack.default_source(name) is None
