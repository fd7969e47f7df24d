"""`envlock compare`: planned from examples, measured on real environments, two builds side by side."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envlock import api
from envlock.api.comparing import Route, comparison_document, comparison_page, comparison_text
from envlock.audit.compare import view
from envlock.audit.compare.model import Compared, Comparison, Depth
from envlock.audit.compare.pins import pins_of
from envlock.audit.compare.trees import Seen, held_against
from envlock.audit.compare.weight import BaseSeen, weight_of
from envlock.errors import DiskFailed
from envlock.lock.file import read_lock
from envlock.lock.runtime import conda_runtime_hash, runtime_hash

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TORCH = EXAMPLES / "bert-cu124" / "envlock.lock"
NATIVE = EXAMPLES / "conda-native" / "envlock.lock"
LINUX = "linux-64"


def plan(lock: Path, tmp_path: Path, **options: Any) -> Comparison:
    environment = {"PATH": str(tmp_path / "nothing")}
    return api.compare(
        api.CompareOrder(lock=lock, environment=environment, scratch=tmp_path, plan=True, **options)
    )


def faults(comparison: Comparison) -> dict[str, str | None]:
    return {each.route: each.fault.message if each.fault else None for each in comparison.routes}


def test_a_lock_of_wheels_has_no_conda_route_and_says_why(tmp_path: Path) -> None:
    assert faults(plan(TORCH, tmp_path)) == {
        "venv": None,
        "conda": "the lock has no conda packages: `emit conda` writes an environment.yml whose wheels are "
        "pinned by hash and whose Python conda solves anew",
        "docker": None,
        "oci": "the lock has no base image for this platform",
    }


def test_a_lock_with_conda_packages_has_a_conda_route_and_no_half_of_it(tmp_path: Path) -> None:
    found = faults(plan(NATIVE, tmp_path, routes=(Route.VENV, Route.CONDA, Route.DOCKER)))
    assert found == {
        "venv": "a virtual environment holds wheels alone, and `attrs`, `numpy` of the lock come from conda",
        "conda": None,
        "docker": "this image holds wheels alone, and `attrs`, `numpy` of the lock come from conda",
    }


def test_bytes_are_those_of_the_lock(tmp_path: Path) -> None:
    venv = plan(TORCH, tmp_path).routes[0]
    wheels = [wheel for _, wheel in read_lock(TORCH).on(LINUX)]
    assert venv.weight.download == sum(wheel.size for wheel in wheels)
    assert venv.weight.unpacked == sum(wheel.unpacked for wheel in wheels)
    cuda = {share.owner for share in venv.weight.shares if share.is_cuda}
    assert cuda == {row.name for row, _ in read_lock(TORCH).on(LINUX) if row.name.startswith("nvidia-")}


def test_a_base_image_with_cuda_is_a_second_provider() -> None:
    lock = read_lock(TORCH)
    base = BaseSeen(name="nvidia/cuda:12.4.1", download=10**9, environment={"CUDA_VERSION": "12.4.1"})
    assert weight_of(lock, LINUX, Route.OCI, base).cuda_twice == "base image nvidia/cuda:12.4.1"
    assert weight_of(lock, LINUX, Route.VENV, base).cuda_twice is None
    slim = replace(base, environment={"PYTHON_VERSION": "3.11.9"})
    assert weight_of(lock, LINUX, Route.OCI, slim).cuda_twice is None


def test_what_is_pinned_how_far() -> None:
    depths = {
        route: {pin.part: pin.depth for pin in pins_of(read_lock(NATIVE), LINUX, route)} for route in Route
    }
    assert depths[Route.CONDA]["interpreter"] is Depth.BYTES
    assert depths[Route.VENV]["interpreter"] is Depth.HOST
    assert {depths[route]["GPU driver"] for route in Route} == {Depth.HOST}
    assert {depths[route]["kernel"] for route in Route} == {Depth.HOST}


def test_the_runtime_of_a_lock_with_conda_packages_has_them(tmp_path: Path) -> None:
    assert plan(NATIVE, tmp_path).runtime == conda_runtime_hash(read_lock(NATIVE), LINUX)
    assert plan(TORCH, tmp_path).runtime == runtime_hash(read_lock(TORCH), LINUX)


def test_two_trees_differ_by_file_and_kind() -> None:
    seen = Seen(content="a", mode=0o644, mtime_ns=1)
    first = {"var/lib/dpkg/status": seen, "x.py": seen, "var/log/apt/term.log": seen, "same": seen}
    second = {
        "var/lib/dpkg/status": replace(seen, content="b"),
        "x.py": replace(seen, mtime_ns=2),
        "same": seen,
    }
    found = held_against(first, second)
    assert [(change.path, change.kind) for change in found.changes] == [
        ("var/lib/dpkg/status", "package manager's state"),
        ("var/log/apt/term.log", "log"),
    ]
    assert (found.times_only, found.same_digest) == (1, None)


def test_the_page_escapes_and_loads_nothing(tmp_path: Path) -> None:
    comparison = replace(plan(TORCH, tmp_path), project="<script>alert(1)</script>")
    page = comparison_page(comparison).decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert page.count("<svg") == 1 + len(comparison.routes)


def test_text_and_document_of_a_plan(tmp_path: Path) -> None:
    comparison = plan(TORCH, tmp_path)
    lines = comparison_text(comparison).splitlines()
    assert lines[1] == "planned from the lock; nothing was made"
    assert "download             3.15 GB  3.15 GB  3.15 GB  3.15 GB" in lines
    assert "CUDA twice                no       no  unknown  unknown" in lines
    conda = comparison_text(plan(NATIVE, tmp_path, routes=(Route.CONDA,))).splitlines()
    assert any(line.startswith("unpacked, as locked  over ") for line in conda)
    document = comparison_document(comparison)
    assert list(document) == ["schema", "project", "platform", "runtime_hash", "host", "routes"]
    assert [row["route"] for row in document["routes"]] == ["venv", "conda", "docker", "oci"]


def test_no_room_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    order = api.CompareOrder(lock=TORCH, environment=dict(os.environ), scratch=tmp_path, routes=(Route.VENV,))
    with pytest.raises(DiskFailed) as raised:
        api.compare(order)
    assert raised.value.message == "measuring takes about 14.6 GB, and 1 GB are free"
    assert list(tmp_path.iterdir()) == []


def envlock(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envlock", "compare", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_exit_statuses_of_the_command() -> None:
    odd = envlock("--routes", "venv,snap", cwd=TORCH.parent)
    assert (odd.returncode, odd.stderr) == (
        2,
        "error: there is no route `snap` [usage]\n\nhint: the routes are venv, conda, docker, oci\n",
    )
    named = envlock("--routes", "conda", "--json", cwd=TORCH.parent)
    assert named.returncode == 8, named.stderr
    assert json.loads(named.stdout)["routes"][0]["measured"] is None


def test_no_row_of_the_view_lacks_a_route(tmp_path: Path) -> None:
    comparison = plan(NATIVE, tmp_path)
    rows: list[view.Row] = [*view.figures(comparison), *view.pins(comparison)]
    assert {len(cells) for _, cells in rows} == {len(comparison.routes)}
    assert all(isinstance(each, Compared) for each in comparison.routes)
