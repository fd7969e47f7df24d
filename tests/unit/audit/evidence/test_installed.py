"""Licences and libraries, as dist-info and conda-meta have them; whatever else lies there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envlock.audit.evidence.installed import read_conda, read_installed
from envlock.audit.evidence.model import CarriedLibrary, Installed

HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"  # of nothing, as RECORD spells it
HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def dist_info(prefix: Path, name: str, metadata: str = "", record: str = "") -> None:
    folder = prefix / "lib" / "python3.11" / "site-packages" / f"{name}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(metadata)
    (folder / "RECORD").write_text(record)


@pytest.mark.parametrize(
    ("metadata", "licences"),
    [
        ("License-Expression: MIT AND BSD-3-Clause\nLicense: other\n", ("MIT AND BSD-3-Clause",)),
        (
            "Classifier: License :: OSI Approved :: MIT License\n"
            "Classifier: License :: OSI Approved\nClassifier: Topic :: X\nLicense: other\n",
            ("MIT License",),
        ),
        ("License: Apache-2.0\n", ("Apache-2.0",)),
        ("License: a long\n        text of many\n        lines\n", ()),
        ("", ()),
        ("\x00\xff", ()),
    ],
)
def test_licences(tmp_path: Path, metadata: str, licences: tuple[str, ...]) -> None:
    dist_info(tmp_path, "demo-1.0", metadata)
    assert read_installed(tmp_path, {"demo": "1.0"}) == {"demo": Installed(licences=licences)}


def test_metadata_that_is_larger_than_any_says_nothing(tmp_path: Path) -> None:
    dist_info(tmp_path, "demo-1.0", "License: MIT\n", f"libx.so,sha256={HASH},0\n")
    [path] = tmp_path.rglob("METADATA")
    with path.open("r+b") as file:
        file.truncate((64 << 20) + 1)
    library = CarriedLibrary(path="libx.so", sha256=HEX, cuda=None)
    assert read_installed(tmp_path, {"demo": "1.0"}) == {"demo": Installed(libraries=(library,))}


def test_libraries_and_the_cuda_ones_among_them(tmp_path: Path) -> None:
    record = (
        f"torch/lib/libcudart-6f0dc1b5.so.11.0,sha256={HASH},0\n"
        f"torch/lib/libtorch.so,sha256={HASH},0\n"
        f"torch/_C.cpython-311-x86_64-linux-gnu.so,sha256={HASH},0\n"
        "torch/lib/libother.so,md5=xxx,0\ntorch/lib/libnone.so,,\nodd\n"
    )
    dist_info(tmp_path, "torch-2.6.0+cu124", "", record)
    found = read_installed(tmp_path, {"torch": "2.6.0+cu124"})
    assert found["torch"].libraries == (
        CarriedLibrary(path="torch/lib/libcudart-6f0dc1b5.so.11.0", sha256=HEX, cuda="cudart"),
        CarriedLibrary(path="torch/lib/libtorch.so", sha256=HEX, cuda=None),
    )


def test_other_versions_and_other_distributions_are_passed_over(tmp_path: Path) -> None:
    dist_info(tmp_path, "demo-2.0", "License: MIT\n")
    dist_info(tmp_path, "extra-1.0", "License: MIT\n")
    assert read_installed(tmp_path, {"demo": "1.0"}) == {}
    assert read_installed(tmp_path / "nowhere", {"demo": "1.0"}) == {}


def test_a_conda_record(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    paths = [
        {"_path": "lib/libcudart.so.12.4", "sha256_in_prefix": HEX},
        {"_path": "lib/libother.so", "sha256_in_prefix": "no hash"},
        {"_path": "bin/tool", "sha256_in_prefix": HEX},
    ]
    record = {"license": "LicenseRef-NVIDIA", "paths_data": {"paths": paths}}
    (tmp_path / "conda-meta" / "cudart-12.4-0.json").write_text(json.dumps(record))
    (tmp_path / "conda-meta" / "odd-1-0.json").write_text('{"paths_data": []}')
    names = {"cudart": "cudart-12.4-0.json", "odd": "odd-1-0.json", "gone": "gone-1-0.json"}
    library = CarriedLibrary(path="lib/libcudart.so.12.4", sha256=HEX, cuda="cudart")
    assert read_conda(tmp_path, names) == {
        "conda:cudart": Installed(licences=("LicenseRef-NVIDIA",), libraries=(library,))
    }
