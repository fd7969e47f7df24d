"""Files that this very process has mapped as code, told by their names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from mmap import PROT_EXEC, PROT_READ, mmap
from pathlib import Path

import pytest

from envlock.agent.mapped import mapped_code, mapped_names, process_python, read_process
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


def rows(*names: str, inode: int) -> list[str]:
    """Lines of /proc/PID/maps; the span is of no process."""
    return [f"1-2 r-xp 00000000 fe:01 {inode} {name}" for name in names]


def test_of_two_mappings_of_a_name_the_one_that_is_not_its_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.touch()
    kept, replaced = (rows(str(path), inode=path.stat().st_ino + more) for more in (0, 1))
    gone = rows(f"{path} (deleted)", f"{path}.2 (deleted)", inode=1)
    for lines in (kept + replaced, replaced + kept, gone + kept):
        assert mapped_code(lines, os.getpid())[0] == {"file": str(path), "state": "replaced"}
    assert mapped_code(gone, os.getpid())[1] == {"file": f"{path}.2", "state": "deleted"}
    path.unlink()
    assert mapped_code(replaced, os.getpid()) == [{"file": str(path), "state": "deleted"}]


def test_an_interpreter_that_was_called_by_its_bare_name(tmp_path: Path) -> None:
    """The link in the first folder of its PATH that leads to it names the environment."""
    link = tmp_path / "env/bin/python"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.realpath(sys.executable))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/python").symlink_to("/bin/sh")
    folders = f"{tmp_path}/other:env/bin:/usr/bin"
    program = "print('ready', flush=True); input()"
    for word, found in {"python": str(link), "worker": None, str(link): str(link)}.items():
        with subprocess.Popen(
            [word, "-I", "-S", "-c", program],
            executable=link,
            cwd=tmp_path,
            env={"PATH": folders},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert process_python(process.pid) == found
            process.communicate(b"\n")
