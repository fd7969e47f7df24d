"""The runtime hash that a lock promises (IDENTITY 3)."""

from __future__ import annotations

from envlock.agent import merkle
from envlock.agent.merkle import PythonIdentity, RuntimeTree, distribution_value
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.stack import abiflags, soabi


def runtime_tree(lock: Lock, platform: str) -> RuntimeTree:
    """The parts of the runtime on `platform`. Conda packages are not in this version of the lock."""
    return RuntimeTree(
        python=python_identity(lock.python, platform),
        distributions={
            distribution.name: distribution_value(distribution.version, wheel.digest)
            for distribution, wheel in lock.on(platform)
        },
        conda={},
        settings=dict(lock.settings),
    )


def runtime_hash(lock: Lock, platform: str) -> str:
    """`rt1:…`: what `verify` must observe on a host of `platform`."""
    return merkle.runtime_hash(runtime_tree(lock, platform))


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
