"""Files that this very process has mapped as code, told by their names."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from mmap import PROT_EXEC, PROT_READ, mmap
from pathlib import Path

import pytest

from envlock.agent.mapped import mapped_names, read_process
from envlock.run.mapped import MappedFiles

ODD = ["plain.so", "two words.so ", "line\u2028separator.so", "form\x0cfeed.so", "new\nline.so", "\udcff.so"]


@pytest.fixture(params=ODD)
def mapped(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / request.param
    shutil.copyfile(os.path.realpath(sys.executable), path)
    with path.open("rb") as file, mmap(file.fileno(), 0, prot=PROT_READ | PROT_EXEC):
        yield path


def test_a_mapped_file_has_its_whole_name(mapped: Path) -> None:
    rows = {row["file"]: row["state"] for row in read_process(os.getpid())["mapped"]}
    assert rows[str(mapped)] == ""
    assert str(mapped) in mapped_names(os.getpid())


def test_a_receipt_has_it_too(mapped: Path) -> None:
    seen = MappedFiles(mapped.parent)
    seen.look(os.getpid())
    facts = seen.facts()
    assert facts["environment"] == [os.fsencode(mapped.name).decode(errors="replace")]
    assert facts["looks"] == 1
