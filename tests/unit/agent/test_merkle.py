"""The vectors of IDENTITY 3."""

from __future__ import annotations

from typing import Any

import pytest

from envlock.agent.conda.paths import path_rows, paths_digest
from envlock.agent.merkle import PythonIdentity, RuntimeTree, conda_value, leaf, parts, runtime_hash

SIX = "1.17.0 1c9e262c3fa1f6b56c7cbe9a603b3af741ab7589e804507edac139856e910e3a"
WIDGETS = "3.0.13 f752ad1c7a6f78f640fad02b39a2350368d2d626c00cdc59de8871450a052de0"
PYTHON = PythonIdentity("cpython", "3.11", "cpython-311-x86_64-linux-gnu", "", "0", "0")
A = RuntimeTree(PYTHON, {"six": SIX}, {}, {})
B = RuntimeTree(
    PYTHON._replace(version="3.11.7"),
    {"six": SIX, "jupyterlab-widgets": WIDGETS},
    {},
    {"PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
)
PATHS = "a0e79c99e03fffed2bda9914f5972f42b92bfb0c77d05b1b334175f6c1895891"
C = A._replace(conda={"demo": conda_value("1.0", "h0_0", "linux-64", PATHS)})


def test_leaves() -> None:
    assert (
        leaf("python", "version", "3.11")
        == "7265087d623d33349e50dee035b9a28c5c5c30608c279c3bba5fe2131dbc353c"
    )
    assert (
        leaf("distribution", "six", SIX) == "3b0bf0a3e9c20c7a57588bab8f3ca07bf2ca1f3fda50e44d2f5b28b1033e9cf1"
    )


@pytest.mark.parametrize(
    ("tree", "value"),
    [
        (A, "rt1:e60451b3be64095c4f85123eb06ebc78e32d46531ead6ceb0db5a5f2eff811a5"),
        (B, "rt1:339ba865027bb20190f7f036858a26b9d511fcaffd0335150bdfa0f21a1c3c84"),
        (C, "rt1:1af26d916c02385a70d95bc8958509f0334c45dae230045f53b6c1be2e2bfc2c"),
    ],
)
def test_runtime_hashes(tree: RuntimeTree, value: str) -> None:
    assert runtime_hash(tree) == value


def test_an_empty_part_is_no_child() -> None:
    assert sorted(parts(A)) == ["distributions", "python"]


def test_the_paths_digest_comes_from_paths_json() -> None:
    document = {
        "paths_version": 1,
        "paths": [
            {
                "_path": "bin/x",
                "path_type": "hardlink",
                "sha256": "0" * 64,
                "prefix_placeholder": "/opt/p",
                "file_mode": "text",
                "size_in_bytes": 1,
            },
            {"_path": "bin/a", "path_type": "softlink", "sha256": "1" * 64, "size_in_bytes": 1},
        ],
    }
    assert paths_digest(path_rows(document)) == PATHS
    assert paths_digest(reversed(path_rows(document))) == PATHS


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"paths_version": 2, "paths": []},
        {"paths_version": 1, "paths": [{"path_type": "hardlink"}]},
        {"paths_version": 1, "paths": [{"_path": "a", "path_type": "pipe"}]},
        {"paths_version": 1, "paths": [{"_path": 1, "path_type": "hardlink"}]},
        {"paths_version": 1, "paths": [{"_path": "a", "path_type": "hardlink", "file_mode": "x"}]},
    ],
)
def test_what_is_no_paths_json(document: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        path_rows(document)
