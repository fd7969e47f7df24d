"""The runtime hash that a lock promises (IDENTITY 3)."""

from __future__ import annotations

from envlock.agent import merkle
from envlock.agent.merkle import PythonIdentity, RuntimeTree, conda_value, distribution_value
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.stack.abi import abiflags, soabi


def runtime_tree(lock: Lock, platform: str, *, conda: bool = False) -> RuntimeTree:
    """The parts of the runtime on `platform`: of a virtual environment or an image, or with `conda` those
    of a conda prefix, which has the conda packages and the wheels."""
    return RuntimeTree(
        python=python_identity(lock.python, platform),
        distributions={
            distribution.name: distribution_value(distribution.version, wheel.digest)
            for distribution, wheel in lock.on(platform)
        },
        conda=_conda(lock, platform) if conda else {},
        settings=dict(lock.settings),
    )


def runtime_hash(lock: Lock, platform: str) -> str:
    """`rt1:…`: what `verify` must observe on a host of `platform`."""
    return merkle.runtime_hash(runtime_tree(lock, platform))


def conda_runtime_hash(lock: Lock, platform: str) -> str | None:
    """As `runtime_hash`, of a conda prefix; None where the lock has no conda package for `platform`."""
    tree = runtime_tree(lock, platform, conda=True)
    return merkle.runtime_hash(tree) if tree.conda else None


def _conda(lock: Lock, platform: str) -> dict[str, str]:
    return {
        package.name: conda_value(package.version, package.build, package.subdir, package.paths)
        for package in lock.conda_on(platform)
    }


def python_identity(python: str, platform: str) -> PythonIdentity:
    """A release build of CPython, `python` as the manifest writes it."""
    return PythonIdentity(
        implementation="cpython",
        version=python,
        soabi=soabi(Platform(platform), python),
        abiflags=abiflags(Platform(platform), python),
        debug="0",
        gil_disabled="0",
    )
