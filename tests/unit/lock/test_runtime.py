"""The runtime hash of a lock, against the vectors of the identity."""

from __future__ import annotations

from dataclasses import replace

from envlock.agent.merkle import PythonIdentity
from envlock.lock import conda_runtime_hash, runtime_hash, runtime_tree
from tests.unit.lock.values import SIX, conda_package, lock, six, wheel, widgets, with_conda


def test_vector_a() -> None:
    expected = "rt1:e60451b3be64095c4f85123eb06ebc78e32d46531ead6ceb0db5a5f2eff811a5"
    assert runtime_hash(lock(six()), "linux-64") == expected


def test_vector_b() -> None:
    settings = {"PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    locked = replace(lock(six(), widgets()), python="3.11.7", python_exact="3.11.7", settings=settings)
    expected = "rt1:339ba865027bb20190f7f036858a26b9d511fcaffd0335150bdfa0f21a1c3c84"
    assert runtime_hash(locked, "linux-64") == expected


def test_the_tree_is_of_one_platform() -> None:
    other = replace(six(), wheels=(wheel("six-1.17.0-py3-none-any.whl", platforms=("osx-arm64",)),))
    tree = runtime_tree(lock(other, widgets()), "osx-arm64")
    assert tree.python == PythonIdentity("cpython", "3.11", "cpython-311-darwin", "", "0", "0")
    assert dict(tree.distributions) == {"six": f"1.17.0 {'d' * 64}"}
    assert (tree.conda, tree.settings) == ({}, {})
    assert runtime_tree(lock(six()), "linux-64").distributions == {"six": f"1.17.0 {SIX}"}


def test_vector_c() -> None:
    """Beside the conda prefix, the environment of wheels keeps its hash."""
    locked = with_conda(lock(six()), conda_package("demo"))
    assert conda_runtime_hash(locked, "linux-64") == (
        "rt1:1af26d916c02385a70d95bc8958509f0334c45dae230045f53b6c1be2e2bfc2c"
    )
    assert runtime_hash(locked, "linux-64") == runtime_hash(lock(six()), "linux-64")
    assert conda_runtime_hash(lock(six()), "linux-64") is None
