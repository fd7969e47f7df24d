"""The agent as one importable file: the same bytes whenever and wherever it is written."""

from __future__ import annotations

import io
import stat
import zipfile
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from envlock.errors import DiskFailed, ToolMissing
from envlock.observe.carried import PACKAGE, carried_files, entry_text

_MAIN = "from envlock_agent.__main__ import main\n\nmain()\n"
_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def agent_bytes() -> bytes:
    """The zipapp: a shebang line, then the package `envlock_agent`, what it carries, and an entry point."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _members():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return _SHEBANG + buffer.getvalue()


def write_agent(output: Path) -> int:
    """Write the zipapp, executable, and return its size in bytes."""
    data = agent_bytes()
    try:
        output.write_bytes(data)
        output.chmod(0o755)
    except OSError as error:
        raise DiskFailed(f"cannot write `{output}`: {error.strerror}", where=str(output)) from error
    return len(data)


def _members() -> list[tuple[str, bytes]]:
    package = dict(_walk(files("envlock.agent"), PACKAGE)) | carried_files()
    entry = f"{PACKAGE}/__init__.py"
    package.update(_bindings())
    package[entry] = entry_text(package[entry].decode()).encode()
    return [("__main__.py", _MAIN.encode()), *sorted(package.items())]


def _bindings() -> dict[str, bytes]:
    """NVIDIA's own bindings of its management library (nvidia-ml-py, one file, its licence on top)."""
    found = find_spec("pynvml")
    if found is None or found.origin is None:
        raise ToolMissing(
            "nvidia-ml-py is not installed, and the agent carries it", hint="install envlock anew"
        )
    folder = f"{PACKAGE}/carried"
    return {f"{folder}/__init__.py": b"", f"{folder}/pynvml.py": Path(found.origin).read_bytes()}


def _walk(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for child in folder.iterdir():
        if child.is_dir():
            if child.name != "__pycache__":
                found += _walk(child, f"{name}/{child.name}")
        elif not child.name.endswith(".pyc"):
            found.append((f"{name}/{child.name}", child.read_bytes()))
    return found
