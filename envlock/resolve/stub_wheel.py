"""A wheel of nothing but a name and a version: what is there already, told to a resolver.

It has no dependencies: whoever provides the distribution provides what it needs, too.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from packaging.utils import NormalizedName


def write_stub(folder: Path, name: NormalizedName, version: str) -> str:
    """Write the wheel into `folder`; its file name."""
    stem = f"{name.replace('-', '_')}-{version.replace('-', '_')}"
    file = f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / file, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return file
