"""Bytecode against its source (IDENTITY 5)."""

from __future__ import annotations

import importlib.util
import marshal
import os
import py_compile
import sys
from pathlib import Path
from types import CodeType

import pytest

from envlock.agent.bytecode import SAME, STALE, PycJob, check_all, check_file, difference

SOURCE = b'''"""doc"""
X = {1, 2.5, "three", b"4", (5, -0.0)}
BIG = 10 ** 20
def f(a, /, b=1, *c, d=2.0, **e):
    def g():
        return a, -0.0, 1e400, 3j, None, ..., True
    return [g() for _ in range(3)] if a in {"x", "y", 3, (1, 2)} else (yield)
class C:
    """inner"""
    def m(self): return __class__
    async def n(self): await self.m()
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "module.py"
    path.write_bytes(SOURCE)
    return path


def write_pyc(source: Path, code: CodeType | None, flags: int = 1) -> PycJob:
    pyc = Path(importlib.util.cache_from_source(str(source)))
    pyc.parent.mkdir(exist_ok=True)
    pyc.write_bytes(
        importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little") + bytes(8) + marshal.dumps(code)
    )
    return PycJob(str(source), str(pyc), 0)


def compiled(source: bytes, name: str = "module.py") -> CodeType:
    return compile(source, name, "exec", dont_inherit=True)


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
@pytest.mark.parametrize("level", [0, 1, 2])
def test_honest_bytecode_is_the_same(source: Path, mode: py_compile.PycInvalidationMode, level: int) -> None:
    pyc = py_compile.compile(str(source), invalidation_mode=mode, optimize=level)
    assert pyc is not None
    assert check_file(PycJob(str(source), pyc, level)).verdict == SAME


def test_honest_bytecode_made_under_another_name_and_hash_seed(source: Path) -> None:
    assert check_file(write_pyc(source, compiled(SOURCE, "/somewhere/else.py"))).verdict == SAME


@pytest.mark.parametrize(
    ("flags", "touch"), [(0, True), (3, False)], ids=["another mtime", "the hash of another source"]
)
def test_stale_bytecode_is_ignored(source: Path, flags: int, touch: bool) -> None:
    job = write_pyc(source, compiled(b"evil = 1"), flags)
    if touch:
        os.utime(source, (1, 1))
    assert check_file(job).verdict == STALE


@pytest.mark.parametrize(
    "evil",
    [
        SOURCE.replace(b"range(3)", b"range(4)"),
        SOURCE.replace(b"-0.0, 1e400", b"0.0, 1e400"),
        SOURCE.replace(b"True", b"1"),
        SOURCE.replace(b'"""inner"""', b'"""other"""'),
        SOURCE.replace(b"d=2.0", b"d=2"),
        SOURCE.replace(b'{"x", "y", 3', b'{"x", "y", 4'),
        SOURCE.replace(b"return __class__", b"return self"),
        SOURCE + b"\nimport os\n",
        b"",
    ],
)
def test_other_code_differs(source: Path, evil: bytes) -> None:
    assert evil != SOURCE
    assert check_file(write_pyc(source, compiled(evil))).verdict not in (SAME, STALE)


def test_fields_that_equality_ignores(source: Path) -> None:
    code = compiled(SOURCE)
    assert difference(code, code.replace(co_stacksize=code.co_stacksize + 1), "module.py") == (
        "co_stacksize of `<module>` differs"
    )
    nested = tuple(c.replace(co_filename="x") if isinstance(c, CodeType) else c for c in code.co_consts)
    assert difference(code, code.replace(co_consts=nested), "module.py") == (
        "its parts name different source files"
    )


@pytest.mark.parametrize(
    ("body", "reason"), [(b"", "its code cannot be read"), (marshal.dumps(5), "it holds no code")]
)
def test_bytes_that_are_no_code(source: Path, body: bytes, reason: str) -> None:
    job = write_pyc(source, None)
    header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
    Path(job.pyc).write_bytes(header + body)
    assert check_file(job).verdict == reason


def test_many_files_among_two_workers(tmp_path: Path) -> None:
    jobs = []
    for number in range(5):
        source = tmp_path / f"m{number}.py"
        source.write_bytes(SOURCE)
        jobs.append(write_pyc(source, compiled(SOURCE)))
    results = check_all(jobs, sys.executable, workers=2)
    assert {result.verdict for result in results.values()} == {SAME}


@pytest.mark.skipif(sys.platform != "linux", reason="memory files are Linux's")
def test_nothing_is_written_anywhere(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's file system may be read-only, /tmp included."""
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    job = write_pyc(source, compiled(SOURCE))
    assert check_all([job], sys.executable, 1)[job.pyc].verdict == SAME
