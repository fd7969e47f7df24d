"""Shared switches and fixtures of the whole suite."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

from envlock.lock import read_lock
from tests.support.conda import Channel, build_channel
from tests.support.dockerd import Dockerd, dockerd
from tests.support.environments import Subject
from tests.support.real_wheels import make_cpu_torch

# In CI the same examples on every run: what is found by chance is found at home, and becomes a test.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("home", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "home")

# The plugin of coverage.py does not see what pytest loads, and it loads all that belongs to a plugin.
if (measuring := sys.modules.get("tests.support.measuring")) is not None:
    measuring.add_arcs(import_module("envlock.observe.zipapp"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow (on in CI)")
    parser.addoption("--torch", action="store_true", help="with --slow, also a conda package of PyTorch")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: `make test SLOW=1` runs it")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the user's configuration, cache or active environment of envlock."""
    for name in list(os.environ):
        if name.startswith("ENVLOCK_") or name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"):
            monkeypatch.delenv(name)
    # uv keeps its own cache: downloading the same wheels for every test proves nothing.
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(_shared_uv_cache())))
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))


def _shared_uv_cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root) / "uv"


@contextmanager
def _once(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that all workers share, and whether it is to be made; the others wait meanwhile."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    done = base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield base / name, not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def conda_channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """The channel of tests/support/conda, built once for all workers. Needs the package index: slow tests."""
    with _once(tmp_path_factory, "conda-channel") as (folder, is_new):
        return build_channel(folder) if is_new else Channel(folder)


@pytest.fixture(scope="session")
def cpu_torch(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """An environment with a CPU build of torch, made once for all workers: nobody changes it."""
    with _once(tmp_path_factory, "cpu-torch") as (folder, is_new):
        if is_new:
            make_cpu_torch(folder)
        return Subject(prefix=folder / "env", lock=read_lock(folder / "envlock.lock"), entries={})


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[Dockerd]:
    """A Docker daemon of this worker's own, which ends with it."""
    with dockerd() as daemon:
        yield daemon
