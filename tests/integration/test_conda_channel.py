"""The channel that the conda tests stand on is a real one: rattler solves it, installs it, and it runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.conda import SUBDIR, Channel

pytestmark = pytest.mark.slow
_Value = TypeVar("_Value")


def wait_for(coroutine: Coroutine[None, None, _Value]) -> _Value:
    value = asyncio.run(coroutine)
    time.sleep(0.2)  # pyo3-async-runtimes#40
    return value


async def install(url: str, prefix: Path, cache: Path, *specs: str) -> list[str]:
    import rattler

    found = await rattler.solve(
        sources=[rattler.Channel(url)],
        specs=[rattler.MatchSpec(spec) for spec in specs],
        platforms=[rattler.Subdir(SUBDIR), rattler.Subdir("noarch")],
        virtual_packages=[],
    )
    await rattler.install(found, target_prefix=prefix, cache_dir=cache, show_progress=False)
    return sorted(record.name.normalized for record in found)


def test_python_and_numpy_run_from_a_prefix_made_over_http(conda_channel: Channel, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    with conda_channel.served() as server:
        names = wait_for(install(server.url, prefix, tmp_path / "cache", "python", "numpy", "attrs", "pip"))
    assert names == ["attrs", "numpy", "pip", "python"]
    program = (
        "import json, ssl, sys, attrs, numpy; total = float(numpy.ones(3).sum()); "
        "print(json.dumps([sys.prefix, ssl.__file__, attrs.__file__, numpy.__file__, total]))"
    )
    run = subprocess.run(
        [prefix / "bin/python", "-I", "-c", program], capture_output=True, text=True, check=True
    )
    *paths, total = json.loads(run.stdout)
    assert all(path.startswith(str(prefix)) for path in paths), paths
    assert total == 3.0
    pip = subprocess.run([prefix / "bin/pip", "--version"], capture_output=True, text=True, check=True)
    assert pip.stdout.startswith(f"pip 25.3 from {prefix}/")


def test_the_prefix_gets_into_texts_and_binaries(conda_channel: Channel, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    names = wait_for(install(conda_channel.url, prefix, tmp_path / "cache", "prefix-notes"))
    assert names == ["prefix-notes"]
    assert (prefix / "etc/prefix-notes.conf").read_text() == f"root={prefix}/share\n{prefix}\n"
    library = (prefix / "share/prefix-notes/chain").read_bytes()
    assert len(library) == 3 * 255 + 47
    assert b"first=" + bytes(prefix) + b"/share\x00" in library


def test_a_cuda_build_needs_a_driver(conda_channel: Channel) -> None:
    import rattler
    from rattler.exceptions import SolverError

    async def solve(*virtual: rattler.GenericVirtualPackage) -> list[str]:
        found = await rattler.solve(
            sources=[rattler.Channel(conda_channel.url)],
            specs=[rattler.MatchSpec("pytorch-gpu")],
            platforms=[rattler.Subdir(SUBDIR), rattler.Subdir("noarch")],
            virtual_packages=list(virtual),
        )
        return sorted(f"{record.name.normalized} {record.version}" for record in found)

    driver = rattler.GenericVirtualPackage(
        rattler.PackageName("__cuda"), rattler.Version("12.9"), rattler.BuildString("0")
    )
    names = [line.split()[0] for line in wait_for(solve(driver))]
    assert names == ["cuda-version", "libcudnn", "nccl", "numpy", "python", "pytorch", "pytorch-gpu"]
    with pytest.raises(SolverError, match="__cuda"):
        wait_for(solve())
