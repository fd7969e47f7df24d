"""`.python-version`, which pyenv and uv read."""

from __future__ import annotations

import re
from pathlib import Path

from envlock.manifest.documents import read_text
from envlock.manifest.init.model import Asking, Place, PythonSaid
from envlock.manifest.requirements_file import shown_path

_VERSION = re.compile(r"(?:cpython-|cpython@|python-)?(3\.[0-9]+(?:\.[0-9]+)?)")


def read_python_version(path: Path, place: Place, asking: Asking) -> None:
    """Add the first version of the file that is one of CPython."""
    name = shown_path(path, place.root)
    text = read_text(path, name, asking.faults) or ""
    for number, line in enumerate(text.splitlines(), start=1):
        match = _VERSION.fullmatch(line.strip())
        if match is not None:
            asking.read.append(name)
            asking.pythons.append(PythonSaid(text=line.strip(), where=f"{name}:{number}", exact=match[1]))
            return
