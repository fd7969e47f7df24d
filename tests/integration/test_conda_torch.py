"""All of it from conda, with the real CPU build of PyTorch: locked, synced, run, and every byte proved."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from envlock import api
from envlock.report import Verdict
from tests.support.conda import Channel
from tests.support.conda.platform import PY, SERIES
from tests.support.conda.python import python_package
from tests.support.conda.wheels import package_of
from tests.support.real_wheels import cpu_torch

pytestmark = pytest.mark.slow
TORCH = "2.13.0"
PROGRAM = """
import json, sys, torch
a = torch.arange(6, dtype=torch.float64).reshape(2, 3)
product = (a @ a.T).tolist()
print(json.dumps([torch.__version__, torch.__file__.startswith(sys.prefix), product]))
"""


@pytest.fixture(scope="module")
def channel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """Python, PyTorch as conda-forge names its CPU build, and each wheel that it needs as a package."""
    if not request.config.getoption("--torch"):
        pytest.skip("PyTorch becomes a conda package of 200 MB: `pytest --slow --torch` runs it")
    channel, scratch = Channel(tmp_path_factory.mktemp("channel")), tmp_path_factory.mktemp("scratch")
    wheels = cpu_torch(scratch, TORCH)
    others = [package_of(wheel, scratch) for wheel in wheels if not wheel.name.startswith("torch-")]
    torch = package_of(next(wheel for wheel in wheels if wheel.name.startswith("torch-")), scratch)
    depends = (*torch.depends, *(package.name for package in others))
    pytorch = replace(torch, name="pytorch", build=f"cpu_generic_{PY}h0_0", depends=depends)
    channel.add(python_package(scratch), *others, pytorch)
    channel.index()
    return channel


def test_pytorch_from_conda(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\ncuda = "cpu"\nrequirements = ["torch>=2.13"]\n'
        f'[conda]\npackages = ["pytorch"]\n[sources]\nconda-forge = "{channel.url}"\n'
    )
    lock = api.lock(api.LockRequest(project=tmp_path), environment=os.environ).lock
    found = lock.stack["linux-64"]
    assert (found.torch, found.cuda, found.cudnn, found.nccl, found.driver) == (
        TORCH,
        "cpu",
        None,
        None,
        None,
    )
    assert lock.distributions == ()
    assert {"python", "pytorch", "numpy", "sympy"} <= {package.name for package in lock.conda_packages}
    prefix, path = tmp_path / "env", tmp_path / "envlock.lock"
    order = api.SyncOrder(
        lock=path, venv=prefix, conda=True, environment=os.environ, cache=tmp_path / "cache"
    )
    assert api.sync(order).report.verdict is Verdict.MATCH
    ran = subprocess.run(
        [prefix / "bin/python", "-I", "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == [f"{TORCH}+cpu", True, [[5.0, 14.0], [14.0, 50.0]]]
    report = api.verify(api.VerifyRequest(lock=path, prefix=prefix, environment={}, level="content"))
    assert (report.verdict, list(report.findings)) == (Verdict.MATCH, [])
