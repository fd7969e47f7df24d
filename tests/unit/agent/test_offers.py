"""What a host offers beside its glibc."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from envlock.agent.numerics.cpu import Cpu
from envlock.agent.offers import cpu_level, level_of, libstdcxx

V2 = ("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3")
V3 = (*V2, "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave")
V4 = (*V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
ASKED = ("sse4.2", "avx", "avx2", "fma", "avx512f")


def test_the_first_library_that_has_versions_of_symbols(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("none", "stub", "real", "later")]
    assert libstdcxx(paths) is None
    (tmp_path / "stub").write_bytes(b"\0GLIBCXX_FORCE_NEW\0")
    assert libstdcxx(paths) is None
    (tmp_path / "real").write_bytes(b"\0GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0GLIBCXX_3.4\0")
    (tmp_path / "later").write_bytes(b"\0GLIBCXX_3.4.33\0")
    assert libstdcxx(paths) == "3.4.30"


@pytest.mark.parametrize(
    ("flags", "features", "level"),
    [
        (V4, ASKED, "x86-64-v4"),
        (V4, ASKED[:-1], "x86-64-v3"),
        (V3, ASKED, "x86-64-v3"),
        (V2, ASKED, "x86-64-v2"),
        (V4[1:], ASKED, "x86-64"),
        (V4, (), "x86-64"),
    ],
)
def test_the_highest_level_whose_features_are_all_there(
    flags: tuple[str, ...], features: tuple[str, ...], level: str
) -> None:
    assert level_of(flags, features) == level


def test_other_machines_have_no_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t\t: " + " ".join(V4) + "\n")
    monkeypatch.setattr("envlock.agent.offers.this_cpu", lambda: Cpu("GenuineIntel", list(ASKED)))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    assert cpu_level(str(tmp_path / "cpuinfo")) == "x86-64-v4"
    assert cpu_level(str(tmp_path / "none")) is None
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    assert cpu_level(str(tmp_path / "cpuinfo")) is None
