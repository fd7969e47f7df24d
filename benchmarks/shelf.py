"""An index on this machine for made and for real wheels: no network is measured.

Every answer is made once, so that the index takes little of the processor that the commands run on.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.index import LocalIndex
from tests.support.wheels import Wheel, make_wheel


class Shelf(LocalIndex):
    """A context manager; `environment` sends envlock, uv and pip there and nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, str], Any] = {}

    def look_up(self, path: str, accept: str) -> Any:
        key = (path, accept)
        if key not in self._known:
            self._known[key] = super().look_up(path, accept)
        return self._known[key]

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "ENVLOCK_SOURCE_DEFAULT": self.url,
            "UV_DEFAULT_INDEX": self.url,
            "PIP_INDEX_URL": self.url,
            "PIP_FIND_LINKS": "",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "NO_PROXY": "127.0.0.1",
        }


def made(count: int) -> Iterable[Wheel]:
    """`count` distributions of ten files; each needs two others, so that `package0` needs all."""
    for number in range(count):
        name = f"package{number}"
        needed = [f"package{each}" for each in (2 * number + 1, 2 * number + 2) if each < count]
        files = {f"{name}/part{part}.py": b"# %d\n" % part * (part + 9) for part in range(10)}
        yield make_wheel(name, "1.0", files=files, requires=needed)


def published(path: Path) -> Wheel:
    """A wheel that is there, with the metadata that it carries."""
    name, version = path.name.split("-")[:2]
    with zipfile.ZipFile(path) as archive:
        metadata = archive.read(f"{name}-{version}.dist-info/METADATA")
    return Wheel(
        name=name,
        version=version,
        filename=path.name,
        content=path.read_bytes(),
        metadata=metadata,
        requires_python=None,
    )
