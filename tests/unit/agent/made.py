"""Environments made of folders: nothing is installed, no interpreter is asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from envlock.agent.interpreter import Interpreter
from envlock.agent.prefix import Prefix
from envlock.agent.target import Target

TAG = f"{sys.implementation.cache_tag}"


def interpreter(prefix: Path, **changed: Any) -> Interpreter:
    """Python 3.11 of the virtual environment `prefix`, with its library in `prefix/../base`."""
    base = prefix.parent / "base"
    told: dict[str, Any] = {
        "implementation": "cpython",
        "version": (3, 11, 7),
        "full_version": "3.11.7",
        "soabi": "cpython-311-x86_64-linux-gnu",
        "abiflags": "",
        "debug": "0",
        "gil_disabled": "0",
        "cache_tag": TAG,
        "magic": "a70d0d0a",
        "prefix": str(prefix),
        "base_prefix": str(base),
        "sites": [str(prefix / "lib/python3.11/site-packages")],
        "user_site": str(prefix.parent / "home/.local/lib/python3.11/site-packages"),
        "scripts": str(prefix / "bin"),
        "data": str(prefix),
        "include": str(prefix / "include/site/python3.11"),
        "stdlib": [str(base / "lib/python3.11")],
        "stdlib_names": ["json", "re"],
    }
    return Interpreter(**{**told, **changed})


def target(prefix: Path, **changed: Any) -> Target:
    return Target(Prefix(str(prefix), None, {"home": "/nowhere"}), interpreter(prefix, **changed), [])


def write(path: Path, content: bytes = b"") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)
