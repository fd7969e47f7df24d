"""Real records of conda-forge, without the archives: enough to solve PyTorch."""

from __future__ import annotations

import gzip
from pathlib import Path

_DATA = Path(__file__).resolve().parents[2] / "data" / "conda-forge"


def forge_records(folder: Path) -> str:
    """Unpack the records into `folder`; the URL of the channel."""
    for packed in sorted(_DATA.glob("*/repodata.json.gz")):
        target = folder / packed.parent.name
        target.mkdir(parents=True)
        (target / "repodata.json").write_bytes(gzip.decompress(packed.read_bytes()))
    return folder.as_uri()
