"""Which wheel: the order of tags, beside what uv and packaging themselves take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.tags import Tag

from envlock.manifest.platforms import Platform
from envlock.resolve.tags import best_wheel, platform_tags, series, supported_tags, tags_of, uv_platform
from envlock.resolve.uv import find_uv
from tests.support.wheels import make_wheel

LINUX = supported_tags(Platform.LINUX_64, (3, 11), (2, 28))


def test_linux_tags_go_from_the_newest_glibc_to_plain_linux() -> None:
    tags = platform_tags(Platform.LINUX_64, (2, 28))
    assert tags[:2] == ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64")
    assert tags[11:14] == ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_16_x86_64")
    assert tags[-3:] == ("manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64")


def test_arm_linux_begins_where_its_manylinux_begins() -> None:
    tags = platform_tags(Platform.LINUX_AARCH64, (2, 17))
    assert tags == ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64")


def test_a_newer_glibc_than_the_floor_does_not_count() -> None:
    assert best_wheel(["a-1-cp311-cp311-manylinux_2_31_x86_64.whl"], LINUX) is None


def test_mac_and_windows() -> None:
    assert platform_tags(Platform.WIN_64, (2, 28)) == ("win_amd64",)
    assert platform_tags(Platform.OSX_ARM64, (2, 28))[0] == "macosx_14_0_arm64"
    mac = supported_tags(Platform.OSX_ARM64, (3, 11), (2, 28))
    assert best_wheel(["torch-2.6.0-cp311-none-macosx_11_0_arm64.whl"], mac) is not None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "a-1-py3-none-any.whl"),
            "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            id="native before pure",
        ),
        pytest.param(
            ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", "a-1-cp311-cp311-manylinux_2_28_x86_64.whl"),
            "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
            id="newest glibc first",
        ),
        pytest.param(
            ("a-1-cp311-cp311-linux_x86_64.whl", "a-1-cp311-cp311-manylinux1_x86_64.whl"),
            "a-1-cp311-cp311-manylinux1_x86_64.whl",
            id="plain linux last",
        ),
        pytest.param(
            ("a-1-cp38-abi3-manylinux_2_28_x86_64.whl", "a-1-cp311-abi3-manylinux_2_17_x86_64.whl"),
            "a-1-cp311-abi3-manylinux_2_17_x86_64.whl",
            id="nearer stable ABI first",
        ),
        pytest.param(
            ("a-1-py38-none-any.whl", "a-1-py311-none-any.whl", "a-1-py310-none-any.whl"),
            "a-1-py311-none-any.whl",
            id="nearest pure Python",
        ),
        pytest.param(
            ("a-1-1-py3-none-any.whl", "a-1-2-py3-none-any.whl", "a-1-py3-none-any.whl"),
            "a-1-2-py3-none-any.whl",
            id="highest build number",
        ),
        pytest.param(("a-1-cp312-cp312-manylinux_2_28_x86_64.whl",), None, id="another Python"),
        pytest.param(("a-1-cp311-cp311-musllinux_1_2_x86_64.whl",), None, id="musl"),
        pytest.param(("a-1.whl", "not a wheel"), None, id="not wheels"),
    ],
)
def test_best_wheel(files: tuple[str, ...], expected: str | None) -> None:
    assert best_wheel(files, LINUX) == expected
    assert best_wheel(reversed(files), LINUX) == expected


RIVALS = (
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_27_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp311-cp311-manylinux1_x86_64",
    "cp311-cp311-linux_x86_64",
    "cp311-abi3-manylinux_2_28_x86_64",
    "cp39-abi3-manylinux_2_28_x86_64",
    "cp311-none-manylinux_2_28_x86_64",
    "py311-none-manylinux_2_28_x86_64",
    "py3-none-manylinux_2_17_x86_64",
    "py3-none-linux_x86_64",
    "py311-none-any",
    "py3-none-any",
    "py39-none-any",
)


def test_uv_takes_the_same_wheel_of_any_set(tmp_path: Path) -> None:
    """Wheels are taken away one by one, the best first: at each step uv installs the one chosen here."""
    links = tmp_path / "links"
    links.mkdir()
    wheels = {}
    for tag in RIVALS:
        wheel = make_wheel("rival", "1.0", files={"rival.py": f"TAG = {tag!r}\n".encode()}, tag=tag)
        wheels[wheel.write(links).name] = tag
    for step in range(len(RIVALS)):
        best = best_wheel(wheels, LINUX)
        assert best is not None
        assert uv_takes(links, tmp_path / f"target-{step}") == wheels.pop(best)
        (links / best).unlink()


def uv_takes(links: Path, target: Path) -> str:
    """The tag of the wheel that uv installs for Linux with glibc 2.28 and Python 3.11."""
    command = [
        *(find_uv(os.environ), "pip", "install", "--no-config", "--no-cache", "--quiet", "--no-index"),
        *("--find-links", str(links), "--python", sys.executable, "--target", str(target)),
        *("--python-version", "3.11", "--python-platform", uv_platform(Platform.LINUX_64, (2, 28)), "rival"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    namespace: dict[str, str] = {}
    exec((target / "rival.py").read_text(), namespace)
    return namespace["TAG"]


def test_tags_are_those_of_packaging_for_this_python() -> None:
    assert LINUX[0] == Tag("cp311", "cp311", "manylinux_2_28_x86_64")
    assert LINUX[-1] == Tag("py30", "none", "any")
    assert len(LINUX) == len(set(LINUX))


def test_tags_of_says_what_there_is() -> None:
    files = ["a-1-cp39-cp39-win_amd64.whl", "a-1-2-py3-none-any.whl"]
    assert tags_of(files) == ("cp39-cp39-win_amd64", "py3-none-any")


@pytest.mark.parametrize(
    ("platform", "glibc", "expected"),
    [
        (Platform.LINUX_64, (2, 28), "x86_64-manylinux_2_28"),
        (Platform.LINUX_64, (2, 30), "x86_64-manylinux_2_28"),
        (Platform.LINUX_64, (2, 50), "x86_64-manylinux_2_40"),
        (Platform.LINUX_AARCH64, (2, 12), "aarch64-manylinux_2_17"),
        (Platform.OSX_ARM64, (2, 28), "aarch64-apple-darwin"),
        (Platform.WIN_64, (2, 28), "x86_64-pc-windows-msvc"),
    ],
)
def test_uv_platform(platform: Platform, glibc: tuple[int, int], expected: str) -> None:
    assert uv_platform(platform, glibc) == expected


def test_series() -> None:
    assert series("3.11.7") == (3, 11)
    assert series("3.13") == (3, 13)
