"""`envlock compare`: planned from examples, measured on real environments, two builds side by side."""

from __future__ import annotations

import hashlib
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
from envlock.audit.compare.host import host_now, needs_of
from envlock.audit.compare.looking import unshared
from envlock.audit.compare.model import Change, Compared, Comparison, Depth, Fault, Measured, Rebuild
from envlock.audit.compare.pins import pins_of
from envlock.audit.compare.trees import Seen, held_against
from envlock.audit.compare.weight import BaseSeen, weight_of
from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.errors import CouldNotTell, DiskFailed, UsageFault
from envlock.lock.file import read_lock, write_lock
from envlock.lock.model import ImageLock, ImagePlatform
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.report import Report, Verdict
from envlock.resolve.image import open_platform
from envlock.resolve.oci.layered import layered
from envlock.resolve.oci.layout import open_layout
from tests.support.images import tiny_base
from tests.support.registry import LocalRegistry

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


def test_a_base_image_with_cuda_is_a_second_provider(tmp_path: Path) -> None:
    lock = read_lock(TORCH)
    base = BaseSeen(name="nvidia/cuda:12.4.1", download=10**9, environment={"CUDA_VERSION": "12.4.1"})
    assert weight_of(lock, LINUX, Route.OCI, base).cuda_twice == "base image nvidia/cuda:12.4.1"
    assert weight_of(lock, LINUX, Route.VENV, base).cuda_twice is None
    slim = replace(base, environment={"PYTHON_VERSION": "3.11.9"})
    assert weight_of(lock, LINUX, Route.OCI, slim).cuda_twice is None
    planned = plan(TORCH, tmp_path, routes=(Route.OCI,))
    [route] = planned.routes
    twice = replace(route, weight=weight_of(lock, LINUX, Route.OCI, base))
    lines = comparison_text(replace(planned, routes=(twice,))).splitlines()
    assert [line for line in lines if "CUDA" in line and "base image 1 GB" not in line] == [
        "of it CUDA                3.03 GB",
        "CUDA twice                    yes",
        "  CUDA comes twice: in the wheels, and from base image nvidia/cuda:12.4.1",
    ]


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


def test_two_images_differ_in_the_layers_that_they_do_not_share(tmp_path: Path) -> None:
    stores = [
        open_layout(f"oci:{tiny_base(tmp_path / python, python=python)}", Path("/"))
        for python in ("3.11.2", "3.11.3")
    ]
    one, other = (layered(open_platform(store, store.document(""), LINUX)) for store in stores)
    first, second = unshared(one, other)
    assert (
        sorted(first)
        == sorted(second)
        == [
            "usr/bin/.wh.python3.9",
            "usr/bin/python3",
            "usr/bin/python3.11",
            "usr/lib/python3.11/_sysconfigdata__x86_64-linux-gnu.py",
            "usr/lib/python3.11/os.py",
        ]
    )
    content = hashlib.sha256(b"\x7fELF\x003.11.2\0").hexdigest()
    assert first["usr/bin/python3.11"] == Seen(content=content, mode=0o755, mtime_ns=0)
    assert first["usr/bin/python3"].content == "-> python3.11"
    assert held_against(first, second).changes == (Change(path="usr/bin/python3.11", kind="script"),)


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


def rebuild(*changes: str, digest: str | None = None, times_only: int | None = None) -> Rebuild:
    return Rebuild(
        first=digest and "sha256:0",
        second=digest,
        changes=tuple(Change(path=each, kind="log") for each in changes),
        times_only=times_only,
    )


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (
            rebuild("a", "b", "c", times_only=1200),
            ["3 log: a, b, …", "1,200 files differ in their modification time alone"],
        ),
        (rebuild("a", digest="sha256:1"), ["1 log: a"]),
        (
            rebuild(digest="sha256:1"),
            ["every file is the same; the digests differ by times, such as when the image was made"],
        ),
        (rebuild(digest="sha256:0"), ["no file differs in content or mode"]),
        (rebuild(), ["no file differs in content or mode"]),
    ],
)
def test_what_two_builds_do_not_share(tmp_path: Path, found: Rebuild, lines: list[str]) -> None:
    comparison = with_measured(plan(TORCH, tmp_path, routes=(Route.VENV,)), found)
    told = [line for line in comparison_text(comparison).splitlines() if line.startswith("  built twice: ")]
    assert told == [f"  built twice: {line}" for line in lines]


def with_measured(comparison: Comparison, found: Rebuild, *verdicts: Verdict) -> Comparison:
    """As if each route had been made, with these verdicts; the last counts for those that are left."""
    measured = [
        Measured(cold=9.0, warm=1.0, verify=0.5, disk=10**9, report=report(each), rebuild=found)
        for each in verdicts or (Verdict.MATCH,)
    ]
    routes = [
        replace(each, measured=measured[min(number, len(measured) - 1)])
        for number, each in enumerate(comparison.routes)
    ]
    return replace(comparison, routes=tuple(routes), host=host_now())


def report(verdict: Verdict) -> Report:
    return Report(
        verdict=verdict, expected="rt1:00", observed=None, level="content", target="/env", findings=()
    )


@pytest.mark.parametrize(
    ("verdicts", "failed", "words", "status"),
    [
        ([Verdict.MATCH], [], [], 0),
        ([Verdict.MATCH, Verdict.MISMATCH], [], [], 1),
        ([Verdict.INCOMPLETE, Verdict.MISMATCH], [], [], 1),
        ([Verdict.MATCH, Verdict.INCOMPLETE], [], [], 8),
        ([Verdict.MATCH], [0], [], 0),
        ([Verdict.MATCH], [0], ["--routes", "venv,docker"], 8),
        ([Verdict.MATCH], [5, 0], [], 5),
        ([], [0], [], 8),
    ],
)
def test_what_measuring_ends_with(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdicts: list[Verdict],
    failed: list[int],
    words: list[str],
    status: int,
) -> None:
    planned = plan(TORCH, tmp_path)
    made = with_measured(planned, rebuild(), *verdicts)
    whole = [*made.routes[: len(verdicts)]]
    whole += [
        replace(each, fault=Fault(message="no", exit_status=code))
        for each, code in zip(planned.routes[len(verdicts) :], failed, strict=False)
    ]
    outcome = replace(made, routes=tuple(whole))
    monkeypatch.setattr("envlock.api.comparing.compare", lambda *_: outcome)
    page = tmp_path / "page.html"
    assert run(cli, ["compare", "-l", str(TORCH), "--html", str(page), *words]) == status
    assert capsys.readouterr().out.splitlines()[1].startswith("measured ")
    assert page.read_bytes().startswith(b"<!")


def tools(folder: Path, *names: str) -> dict[str, str]:
    """An environment whose PATH has programs of these names, and nothing else."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder), "DOCKER_HOST": "tcp://127.0.0.1:9"}


def test_what_a_route_needs_and_what_is_here(tmp_path: Path) -> None:
    def needs(lock: Path, route: Route, *names: str) -> dict[str, tuple[bool | None, str]]:
        found = needs_of(read_lock(lock), LINUX, route, tools(tmp_path / "-".join(names), *names))
        return {each.what: (each.here, each.seen) for each in found}

    driver = needs(TORCH, Route.VENV)["an NVIDIA driver"]
    assert driver in ((False, "none"), (True, "/proc/driver/nvidia/version"))
    assert needs(TORCH, Route.CONDA)["conda, mamba or micromamba"] == (False, "none")
    assert needs(TORCH, Route.CONDA, "mamba")["conda, mamba or micromamba"] == (True, "mamba")
    nothing = needs(NATIVE, Route.CONDA)["nothing: no root, no daemon, no conda"]
    assert nothing == (True, "py-rattler is in envlock")
    assert needs(TORCH, Route.OCI, "podman")["an engine to run it"] == (True, "podman")
    assert needs(TORCH, Route.OCI, "nvidia-ctk")["NVIDIA's container toolkit"] == (True, "nvidia-ctk")
    assert needs(TORCH, Route.DOCKER)["a Docker daemon"] == (False, "no `docker` command")
    here, seen = needs(TORCH, Route.DOCKER, "docker")["a Docker daemon"]
    assert not here
    assert seen.startswith("no Docker daemon answers")


def test_a_lock_is_measured_on_its_own_platform_alone(tmp_path: Path) -> None:
    order = api.CompareOrder(lock=TORCH, environment={}, scratch=tmp_path, platform="win-64")
    with pytest.raises(CouldNotTell) as caught:
        api.compare(order)
    assert caught.value.message == "win-64 cannot be measured on linux-64"
    assert caught.value.hint == "`envlock compare --plan` compares from the lock alone"


def test_the_platform_of_a_plan(tmp_path: Path) -> None:
    lock = tmp_path / "envlock.lock"
    there = replace(read_lock(TORCH), platforms=("osx-arm64", "win-64"), stack={})
    write_lock(lock, replace(there, distributions=()))
    assert plan(lock, tmp_path).platform == "osx-arm64"
    assert plan(lock, tmp_path, platform="win-64").platform == "win-64"
    with pytest.raises(UsageFault) as caught:
        plan(lock, tmp_path, platform=LINUX)
    assert caught.value.message == "the lock has no platform `linux-64`, it has osx-arm64, win-64"


def test_what_the_command_does_with_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    words = ["compare", "--plan", "-l", str(TORCH), "-q", "--html"]
    page = tmp_path / "page.html"
    assert run(cli, [*words, str(page)]) == 0
    assert page.read_bytes().startswith(b"<!")
    assert capsys.readouterr().out == ""
    for wrong in (tmp_path, tmp_path / "none" / "page.html"):
        assert run(cli, [*words, str(wrong)]) == 2
        message, _, hint = capsys.readouterr().err.splitlines()
        assert message == f"error: `--html {wrong}` cannot be written [usage]"
        assert hint == "hint: name a file in a folder that is there"


def test_what_the_figures_leave_out(tmp_path: Path) -> None:
    def unknown(lock: Path, route: Route, **options: Any) -> list[str]:
        return list(plan(lock, tmp_path, routes=(route,), **options).routes[0].weight.unknown)

    assert unknown(TORCH, Route.VENV) == ["the interpreter is the host's and counts as nothing"]
    solved = "Python and what conda adds to it are solved anew, and not in the lock"
    assert unknown(TORCH, Route.CONDA) == [solved]
    packed = "the lock has no unpacked size of conda packages"
    assert unknown(NATIVE, Route.CONDA) == [packed]
    assert unknown(TORCH, Route.DOCKER) == ["no base image is locked, so its size is not known"]


def test_a_base_image_is_weighed_where_it_may_be_asked(tmp_path: Path) -> None:
    with LocalRegistry() as registry:
        registry.add(tiny_base(tmp_path / "layout"), "team/base", "3.11")
        lock = tmp_path / "envlock.lock"
        digest = registry.tags["team/base", "3.11"]
        base = ImageLock(
            base=registry.reference("team/base:3.11"),
            digest=digest,
            platforms={LINUX: ImagePlatform(manifest=digest, diff_ids=diff_ids(tmp_path / "layout"))},
        )
        write_lock(lock, replace(read_lock(TORCH), image=base))

        def weighed(**options: bool) -> tuple[int, tuple[str, ...]]:
            weight = plan(lock, tmp_path, routes=(Route.OCI,), **options).routes[0].weight
            return sum(each.download for each in weight.shares if each.owner == "base image"), weight.unknown

        assert weighed() == (0, ("the base image is not counted: `--online` asks its registry",))
        size, told = weighed(online=True)
        assert size > 0
        assert told == ("the base image's layers count compressed; unpacked they are larger",)
        registry.repositories.clear()
        message = f"there is no image `{base.base}`: the registry answers 404"
        assert weighed(online=True) == (0, (f"the base image is not counted: {message}",))


def diff_ids(layout: Path) -> tuple[str, ...]:
    store = open_layout(f"oci:{layout}", Path("/"))
    return open_platform(store, store.document(""), LINUX).config.diff_ids


def test_no_row_of_the_view_lacks_a_route(tmp_path: Path) -> None:
    comparison = plan(NATIVE, tmp_path)
    rows: list[view.Row] = [*view.figures(comparison), *view.pins(comparison)]
    assert {len(cells) for _, cells in rows} == {len(comparison.routes)}
    assert all(isinstance(each, Compared) for each in comparison.routes)
