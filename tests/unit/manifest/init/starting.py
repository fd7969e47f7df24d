"""What `envlock init` makes of files, with nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envlock import api
from envlock.errors import ManifestInvalid
from tests.unit.manifest.reading import write


def begun(folder: Path, files: Mapping[str, str], path: str = ".") -> api.InitResult:
    write(folder, files)
    return api.init(api.InitRequest(path=folder / path, dry_run=True), environment={})


def choices(result: api.InitResult) -> str:
    """Python, CUDA and the like: the lines below the head."""
    return result.text.split("\n\n")[1].rstrip("\n") + "\n"


def lists(result: api.InitResult) -> str:
    """What stands below the choices."""
    return result.text.partition("\n\n")[2].partition("\n\n")[2]


def refused(folder: Path, files: Mapping[str, str], path: str = ".") -> list[tuple[str, str]]:
    """The faults of `files` as (where, message)."""
    with pytest.raises(ManifestInvalid) as caught:
        begun(folder, files, path)
    return [(fault.where, fault.message) for fault in caught.value.faults]


def nothing(folder: Path, files: Mapping[str, str], path: str = ".") -> tuple[str, ...]:
    """The notes of `files` that ask for no distribution."""
    with pytest.raises(ManifestInvalid) as caught:
        begun(folder, files, path)
    assert caught.value.message == "nothing here asks for a distribution"
    return tuple(note for _, note in caught.value.facts)
