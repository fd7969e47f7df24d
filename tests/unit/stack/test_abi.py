"""What an interpreter says of its ABI: vectors, and the interpreter that runs the tests."""

from __future__ import annotations

import platform as host
import sys
import sysconfig

import pytest

from envlock import stack
from envlock.manifest.platforms import Platform

HERE = {
    ("Linux", "x86_64"): Platform.LINUX_64,
    ("Linux", "aarch64"): Platform.LINUX_AARCH64,
    ("Darwin", "arm64"): Platform.OSX_ARM64,
    ("Windows", "AMD64"): Platform.WIN_64,
}


@pytest.mark.parametrize(
    ("platform", "python", "soabi", "abiflags"),
    [
        (Platform.LINUX_64, "3.8", "cpython-38-x86_64-linux-gnu", ""),
        (Platform.LINUX_64, "3.11", "cpython-311-x86_64-linux-gnu", ""),
        (Platform.LINUX_64, "3.11.7", "cpython-311-x86_64-linux-gnu", ""),
        (Platform.LINUX_64, "3.13t", "cpython-313t-x86_64-linux-gnu", "t"),
        (Platform.LINUX_AARCH64, "3.12", "cpython-312-aarch64-linux-gnu", ""),
        (Platform.LINUX_AARCH64, "3.14.1t", "cpython-314t-aarch64-linux-gnu", "t"),
        (Platform.OSX_ARM64, "3.11", "cpython-311-darwin", ""),
        (Platform.OSX_ARM64, "3.13t", "cpython-313t-darwin", "t"),
        (Platform.WIN_64, "3.12", "", ""),
        (Platform.WIN_64, "3.13", "cp313-win_amd64", ""),
        (Platform.WIN_64, "3.14t", "cp314t-win_amd64", ""),
    ],
)
def test_the_abi_of_a_python(platform: Platform, python: str, soabi: str, abiflags: str) -> None:
    assert stack.soabi(platform, python) == soabi
    assert stack.abiflags(platform, python) == abiflags


@pytest.mark.parametrize("python", ["3.7", "2.7", "3", "3.12t", "3.11.7.1", "", "3.11d"])
def test_another_python_is_not_described(python: str) -> None:
    with pytest.raises(ValueError, match=f"^not a CPython that can be described: '{python}'$"):
        stack.soabi(Platform.LINUX_64, python)
    with pytest.raises(ValueError, match=f"^not a CPython that can be described: '{python}'$"):
        stack.abiflags(Platform.LINUX_64, python)


def test_the_table_says_what_this_interpreter_says() -> None:
    here = HERE[host.system(), host.machine()]
    flags = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    python = ".".join(map(str, sys.version_info[:3])) + flags
    assert stack.soabi(here, python) == (sysconfig.get_config_var("SOABI") or "")
    assert stack.abiflags(here, python) == getattr(sys, "abiflags", "")
