"""Real conda and conda-lock beside ours: they solve the same, and they install what we emit."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock import api
from envlock.errors import NoSolution
from envlock.lock.model import Lock
from envlock.report import Report, Severity, Verdict
from envlock.resolve.conda.solve import solve
from envlock.resolve.model import CondaEngine
from tests.support.conda import Channel
from tests.support.conda.forge import forge_records
from tests.support.conda.oracle import Oracle, installed, make_oracle
from tests.support.environments import SERIES, replace_file
from tests.unit.resolve.conda.wishes import VIRTUAL, wish

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """The tools, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = base / "conda-oracle", base / "conda-oracle.done"
    with (base / "conda-oracle.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return Oracle(folder)
        folder.mkdir()
        oracle = make_oracle(folder)
        done.touch()
    return oracle


def test_real_conda_solves_the_same_92_packages(oracle: Oracle, tmp_path: Path) -> None:
    url = forge_records(tmp_path / "forge")
    words = ("create", "-n", "forge", "--dry-run", "--json", "--override-channels", "-c", url, "pytorch-gpu")
    told = json.loads(oracle.conda(*words, CONDA_OVERRIDE_CUDA="12.9", CONDA_OVERRIDE_GLIBC="2.28"))
    theirs = {row["dist_name"] for row in told["actions"]["LINK"]}
    asked = wish("pytorch-gpu", virtual={**VIRTUAL, "__cuda": "12.9"})
    ours = {f"{row.name}-{row.version}-{row.build}" for row in solve(asked, {"conda-forge": url})}
    assert len(ours) == 92
    assert ours == theirs


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    root: Path
    lock: Lock

    def emit(self, format: str, file: str) -> Path:
        text = api.emit(
            api.EmitRequest(format=format, lock=self.root / "envlock.lock", environment=os.environ)
        )
        path = self.root / file
        path.write_text(text)
        return path

    @property
    def packages(self) -> set[str]:
        return {f"{row.name}-{row.version}-{row.build}" for row in self.lock.conda_packages}


@pytest.fixture(scope="module")
def locked(conda_channel: Channel, tmp_path_factory: pytest.TempPathFactory) -> Locked:
    """Conda packages, and a wheel from the package index."""
    root = tmp_path_factory.mktemp("mixed")
    (root / "envlock.toml").write_text(
        f'python = "{SERIES}"\nrequirements = ["einops==0.8.1"]\n'
        '[conda]\npackages = ["python", "numpy", "attrs", "pip"]\n'
        f'[sources]\nconda-forge = "{conda_channel.url}"\n'
    )
    return Locked(root=root, lock=api.lock(api.LockRequest(project=root), environment=os.environ).lock)


def imports(prefix: Path, *modules: str) -> None:
    code = "".join(f"import {module}\n" for module in modules)
    subprocess.run([prefix / "bin" / "python", "-I", "-c", code], check=True)


def test_conda_lock_renders_ours(
    oracle: Oracle, locked: Locked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = locked.emit("conda-lock", "conda-lock.yml")
    monkeypatch.chdir(tmp_path)
    oracle.conda_lock("render", "--kind", "explicit", "--platform", "linux-64", file)
    rendered = (tmp_path / "conda-linux-64.lock").read_text()
    assert set(re.findall(r"/([^/\n]+)\.conda#", rendered)) == locked.packages
    (wheel,) = locked.lock.distributions
    assert "# pip einops @ " in rendered
    assert wheel.wheels[0].sha256 in rendered


def test_conda_lock_installs_ours(oracle: Oracle, locked: Locked, tmp_path: Path) -> None:
    """The wheel, too: conda-lock has pip of the prefix install it, started by `conda run`."""
    file = locked.emit("conda-lock", "conda-lock.yml")
    prefix = tmp_path / "prefix"
    words = ("install", "--no-mamba", "--no-micromamba", "--conda", oracle.conda_exe, "--prefix", prefix)
    oracle.conda_lock(*words, file)
    assert installed(prefix) == locked.packages
    imports(prefix, "numpy", "attrs", "einops")
    assert verify(locked, prefix).verdict is Verdict.MATCH


def test_conda_installs_our_explicit_file(oracle: Oracle, locked: Locked, tmp_path: Path) -> None:
    file = locked.emit("conda-explicit-md5", "explicit.txt")
    prefix = tmp_path / "prefix"
    oracle.conda("create", "--yes", "--quiet", "--prefix", prefix, "--file", file)
    assert installed(prefix) == locked.packages
    imports(prefix, "numpy", "attrs")


def test_conda_installs_our_environment_yml(oracle: Oracle, locked: Locked, tmp_path: Path) -> None:
    file = locked.emit("conda", "environment.yml")
    prefix = tmp_path / "prefix"
    oracle.conda("env", "create", "--yes", "--quiet", "--prefix", prefix, "--file", file)
    assert installed(prefix) == locked.packages
    imports(prefix, "numpy", "attrs", "einops")


LONG = "n" * 150


@pytest.mark.parametrize("name", ["plain", "with a blank", LONG])
def test_a_prefix_of_real_conda_matches(oracle: Oracle, locked: Locked, tmp_path: Path, name: str) -> None:
    """conda overwrites, compiles bytecode, and puts `/usr/bin/env` where a first line would be too long."""
    prefix = tmp_path / name / "prefix"
    file = locked.emit("conda-explicit-md5", "explicit.txt")
    oracle.conda("create", "--yes", "--quiet", "--prefix", prefix, "--file", file)
    report = verify(locked, prefix)
    assert [row for row in report.findings if row.severity is not Severity.NOTE] == [
        row for row in report.findings if row.code == "distribution-missing"
    ]
    wheels = api.sync(order(locked, prefix))
    assert wheels.result.installed == ("einops==0.8.1",)
    assert verify(locked, prefix).verdict is Verdict.MATCH
    imports(prefix, "numpy", "attrs", "einops")
    # A new inode: conda links into its cache, and a write would reach the next prefix.
    replace_file(prefix / f"lib/python{SERIES}/site-packages/attr/_cmp.py", b"evil = 1\n")
    spoilt = verify(locked, prefix)
    assert ("file-differs", f"lib/python{SERIES}/site-packages/attr/_cmp.py") in [
        (row.code, row.path) for row in spoilt.findings
    ]


def test_real_conda_reads_a_prefix_of_ours(oracle: Oracle, locked: Locked, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    assert api.sync(order(locked, prefix)).faults == ()
    imports(prefix, "numpy", "attrs", "einops")
    listed = json.loads(oracle.conda("list", "--prefix", prefix, "--json"))
    ours = {row["dist_name"] for row in listed if row["channel"] != "pypi"}
    assert ours == {row.stem for row in (prefix / "conda-meta").glob("*.json")} == locked.packages
    oracle.conda("remove", "--yes", "--quiet", "--force", "--prefix", prefix, "attrs")
    report = verify(locked, prefix)
    assert ("conda-package-missing", "conda:attrs") in [(row.code, row.component) for row in report.findings]
    assert api.sync(order(locked, prefix)).report.verdict is Verdict.MATCH


def order(locked: Locked, prefix: Path) -> api.SyncOrder:
    cache = prefix.parent / "cache"
    lock = locked.root / "envlock.lock"
    return api.SyncOrder(lock=lock, venv=prefix, conda=True, environment=os.environ, cache=cache)


def verify(locked: Locked, prefix: Path) -> Report:
    lock = locked.root / "envlock.lock"
    return api.verify(api.VerifyRequest(lock=lock, prefix=prefix, environment={}, level="content"))


CUDA = "channels:\n  - {url}\ndependencies:\n  - pytorch-gpu\nplatforms:\n  - linux-64\n"


def test_where_conda_lock_takes_a_driver_for_granted(
    oracle: Oracle, conda_channel: Channel, tmp_path: Path
) -> None:
    """conda-lock tells its solver of `__cuda` 11.4, whoever asks; ours has to be told, and says so."""
    (tmp_path / "environment.yml").write_text(CUDA.format(url=conda_channel.url))
    lookup = tmp_path / "lookup.yml"
    lookup.write_text("{}")
    theirs = tmp_path / "conda-lock.yml"
    oracle.conda_lock(
        *("lock", "--no-mamba", "--no-micromamba", "--conda", oracle.conda_exe),
        *("--file", tmp_path / "environment.yml", "--platform", "linux-64", "--lockfile", theirs),
        *("--pypi_to_conda_lookup_file", lookup.as_uri()),
    )
    assert "pytorch-2.8.0-cuda129_mkl" in theirs.read_text()
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\n[conda]\npackages = ["pytorch-gpu"]\n'
        f'[sources]\nconda-forge = "{conda_channel.url}"\n'
    )
    with pytest.raises(NoSolution) as caught:
        api.lock(api.LockRequest(project=tmp_path), environment=os.environ)
    assert caught.value.message == (
        "`pytorch-gpu 2.8.0` needs `__cuda`, and the manifest gives linux-64 no such virtual package"
    )


def test_conda_lock_as_the_engine(oracle: Oracle, conda_channel: Channel, tmp_path: Path) -> None:
    """It is told the same virtual packages, and decides the same; what each archive holds is ours to say."""
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\ncuda = "12.9"\n[conda]\npackages = ["numpy", "pytorch-gpu"]\n'
        f'[sources]\nconda-forge = "{conda_channel.url}"\n'
    )
    ours = api.lock(api.LockRequest(project=tmp_path), environment=os.environ).lock
    (tmp_path / "envlock.lock").unlink()
    request = api.LockRequest(project=tmp_path, conda_engine=CondaEngine.CONDA_LOCK)
    assert api.lock(request, environment=oracle.environment).lock == ours
