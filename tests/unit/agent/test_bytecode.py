"""Bytecode against its source (IDENTITY 5)."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import marshal
import os
import py_compile
import resource
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from envlock.agent.bytecode import (
    SAME,
    STALE,
    PycJob,
    PycResult,
    _would_load,
    check_all,
    check_file,
    difference,
    main,
)

SOURCE = rb'''"""doc"""
X = {1, 2.5, "three", b"4", (5, -0.0)}
BIG = 10 ** 20
assert BIG, "\d"
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `\\d` in a text is no escape
        return compile(source, name, "exec", dont_inherit=True)


def result(job: PycJob, verdict: str) -> PycResult:
    """With the hashes of both files as they are."""
    return PycResult(
        job.pyc, verdict, *(hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in job[:2])
    )


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
@pytest.mark.parametrize("level", [0, 1, 2])
def test_honest_bytecode_is_the_same(source: Path, mode: py_compile.PycInvalidationMode, level: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyc = py_compile.compile(str(source), invalidation_mode=mode, optimize=level)
    assert pyc is not None
    job = PycJob(str(source), pyc, level)
    assert check_file(job) == result(job, SAME)
    # Every level leaves something out that the one below has.
    assert check_file(job._replace(optimize=(level + 1) % 3)).verdict not in (SAME, STALE)


def test_honest_bytecode_made_under_another_name_and_hash_seed(source: Path) -> None:
    assert check_file(write_pyc(source, compiled(SOURCE, "/somewhere/else.py"))).verdict == SAME


@pytest.mark.parametrize(
    ("flags", "touch"), [(0, True), (3, False)], ids=["another mtime", "the hash of another source"]
)
def test_stale_bytecode_is_ignored(source: Path, flags: int, touch: bool) -> None:
    job = write_pyc(source, compiled(b"evil = 1"), flags)
    if touch:
        os.utime(source, (1, 1))
    assert check_file(job) == result(job, STALE)


MAGIC = importlib.util.MAGIC_NUMBER
STAMP = (7).to_bytes(4, "little") + (9).to_bytes(4, "little")
HASH = importlib.util.source_hash(b"x = 1")


@pytest.mark.parametrize(
    ("head", "is_loaded"),
    [
        (MAGIC + bytes(4) + STAMP, True),
        (MAGIC + bytes(4) + STAMP[:7], False),
        (MAGIC + bytes(4) + STAMP[4:] + STAMP[:4], False),
        (MAGIC[:2] + b"\0\0" + bytes(4) + STAMP, False),
        (b"\0" + MAGIC[1:] + bytes(4) + STAMP, False),
        (MAGIC + b"\2\0\0\0" + STAMP, True),  # bit 1 alone says nothing
        (MAGIC + b"\2\0\0\0" + HASH, False),
        (MAGIC + b"\1\0\0\0" + bytes(8), True),
        (MAGIC + b"\3\0\0\0" + HASH, True),
        (MAGIC + b"\3\0\0\0" + STAMP, False),
        (MAGIC + b"\4\0\0\0" + STAMP, False),
        (MAGIC + b"\5\0\0\0" + STAMP, False),
        (MAGIC + b"\0\1\0\0" + STAMP, False),
        (MAGIC + b"\0\0\0\1" + STAMP, False),
    ],
)
@pytest.mark.parametrize("rest", [b"", b"code"])
def test_what_would_be_loaded(head: bytes, is_loaded: bool, rest: bytes) -> None:
    for turn in (0, 1 << 32):  # the header has the last 32 bits of either
        assert _would_load(head + rest, b"x = 1", 7 + turn, 9 + turn) == (
            is_loaded and len(head + rest) >= 16
        )
    if head[4:8] == bytes(4):
        assert not _would_load(head + rest, b"x = 1", 8, 9)
        assert not _would_load(head + rest, b"x = 1", 7, 8)


def test_the_stamp_of_a_source_is_read_from_it(source: Path) -> None:
    job = write_pyc(source, compiled(SOURCE), 0)
    os.utime(source, ns=(5 * 10**9, (1 << 32) * 10**9 + 7_900_000_000))
    stamp = (7).to_bytes(4, "little") + len(SOURCE).to_bytes(4, "little")
    pyc = Path(job.pyc)
    pyc.write_bytes(pyc.read_bytes()[:8] + stamp + pyc.read_bytes()[16:])
    assert check_file(job) == result(job, SAME)
    pyc.write_bytes(pyc.read_bytes()[:8] + b"\x08" + pyc.read_bytes()[9:])
    assert check_file(job) == result(job, STALE)


def test_files_that_are_not_there_or_cannot_be_read(source: Path) -> None:
    job = PycJob(str(source), str(source.parent / "none.pyc"), 0)
    assert check_file(job) == PycResult(job.pyc, STALE, "", "")
    job = PycJob(str(source.parent / "none.py"), str(source), 0)
    assert check_file(job) == PycResult(job.pyc, STALE, "", "")
    job = PycJob(str(source), str(source.parent), 0)
    assert check_file(job) == PycResult(job.pyc, "cannot be read: Is a directory", "", "")
    os.mkfifo(source.parent / "pipe")
    for path in ("/dev/zero", f"{source.parent}/pipe"):
        for job in (PycJob(str(source), path, 0), PycJob(path, str(source), 0)):
            assert check_file(job) == PycResult(job.pyc, "cannot be read: not a regular file", "", "")


def test_a_source_that_does_not_compile(source: Path) -> None:
    job = write_pyc(source, compiled(SOURCE))
    source.write_bytes(b"def\n")
    assert check_file(job) == result(job, "its source does not compile: SyntaxError")


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
    assert check_file(job) == result(job, reason)


ANOTHER_TYPE, DIFFERS, ANOTHER_NUMBER = (
    "a constant has another type",
    "a constant differs",
    "another number of constants",
)
NAN = float("nan")


@pytest.mark.parametrize(
    ("expected", "found", "reason"),
    [
        (1, 1, None),
        (1, 2, DIFFERS),
        (1, True, ANOTHER_TYPE),
        (1, 1.0, ANOTHER_TYPE),
        (0.0, -0.0, DIFFERS),
        (0j, -0j, DIFFERS),
        (NAN, NAN, None),
        (10**5000, 10**5000, None),
        (10**5000, 10**5000 + 1, DIFFERS),
        ("a", "a", None),
        ("a", "b", DIFFERS),
        (b"a", b"b", DIFFERS),
        (None, None, None),
        (..., ..., None),
        ((1, (2, 3)), (1, (2, 3)), None),
        ((1, (2, 3)), (1, (2, 4)), DIFFERS),
        ((1, (2, 3)), (1, (2, True)), ANOTHER_TYPE),
        ((1, 2), (1, 2, 3), ANOTHER_NUMBER),
        ((1, 2), (1,), ANOTHER_NUMBER),
        (frozenset("abc"), frozenset("cab"), None),
        (frozenset("abc"), frozenset("abd"), DIFFERS),
        (frozenset("abc"), frozenset("ab"), DIFFERS),
        (frozenset([1]), frozenset([True]), DIFFERS),
        (frozenset([0.0]), frozenset([-0.0]), DIFFERS),
        (frozenset([(1, frozenset([2]))]), frozenset([(1, frozenset([2]))]), None),
        (frozenset([(1, frozenset([2]))]), frozenset([(1, frozenset([True]))]), DIFFERS),
        (frozenset([(1, frozenset([2]))]), frozenset([(1, (2,))]), DIFFERS),
        (frozenset([(1, 2)]), frozenset([(True, 2)]), DIFFERS),
        (frozenset([("a", "b")]), frozenset(["a", "b"]), DIFFERS),
        (slice(1, 2, 3), slice(1, 2, 3), None),
        (slice(1, 2, 3), slice(0, 2, 3), DIFFERS),
        (slice(1, 2, 3), slice(1, 0, 3), DIFFERS),
        (slice(1, 2, 3), slice(1, 2, 0), DIFFERS),
        (slice(1, 2, 3), slice(1, 2, None), ANOTHER_TYPE),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_constants(expected: Any, found: Any, reason: str | None) -> None:
    assert difference(expected, found, "module.py") == reason


def inner(code: CodeType) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


FUNCTION = inner(compiled(b"def f(a, *, b):\n    try: return g(a, 1)\n    except E: return lambda: b"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("co_argcount", 0),
        ("co_posonlyargcount", 1),
        ("co_kwonlyargcount", 0),
        ("co_stacksize", FUNCTION.co_stacksize + 1),
        ("co_flags", FUNCTION.co_flags | 0x20),
        ("co_firstlineno", 2),
        ("co_code", FUNCTION.co_code[:-2] + b"\x09\0"),
        ("co_names", FUNCTION.co_names[::-1]),
        ("co_varnames", FUNCTION.co_varnames[::-1]),
        ("co_cellvars", ("c",)),
        ("co_freevars", ("c",)),
        ("co_name", "e"),
        ("co_qualname", "e"),
        ("co_linetable", FUNCTION.co_linetable[:-1]),
        ("co_exceptiontable", b""),
    ],
)
def test_every_field_of_code_is_compared(field: str, value: Any) -> None:
    assert getattr(FUNCTION, field) != value
    changed: CodeType = FUNCTION.replace(**{field: value})
    reason = difference(FUNCTION, changed, "module.py")
    first = next(name for name in sorted(dir(FUNCTION)) if name.startswith("co_") and is_other(name, changed))
    assert (reason, first in (field, "co_nlocals", "co_cellvars")) == (f"{first} of `f` differs", True)
    assert difference(FUNCTION, FUNCTION.replace(), "module.py") is None


def is_other(name: str, changed: CodeType) -> bool:
    plain = name not in ("co_lnotab", "co_lines", "co_positions", "co_consts")
    return plain and getattr(FUNCTION, name) != getattr(changed, name)


def test_constants_of_code_are_compared_and_named(source: Path) -> None:
    changed = FUNCTION.replace(co_consts=tuple(2 if value == 1 else value for value in FUNCTION.co_consts))
    assert difference(FUNCTION, changed, "module.py") == DIFFERS
    assert difference((1, FUNCTION), (1, changed), "module.py") == DIFFERS
    assert difference(FUNCTION, FUNCTION, "other.py") == "its parts name different source files"


def test_variables_in_another_order_differ() -> None:
    """`co_varnames` and its like are the same: only the instructions' own numbers tell."""
    code = inner(compiled(b"def f():\n    b = 1\n    a = 2\n    return lambda: b"))
    data = marshal.dumps(code, 2)
    assert (code.co_varnames, code.co_cellvars) == (("a",), ("b",))
    names, kinds = [marshal.dumps(("a", "b"), 2), marshal.dumps(("b", "a"), 2)], [b"\x20\x40", b"\x40\x20"]
    first = next(index for index in (0, 1) if names[index] in data)
    assert (data.count(names[first]), data.count(kinds[first])) == (1, 1)
    other = data.replace(names[first], names[1 - first]).replace(kinds[first], kinds[1 - first])
    changed = marshal.loads(other)
    assert (changed.co_varnames, changed.co_cellvars, changed.co_code) == (("a",), ("b",), code.co_code)
    assert difference(code, changed, "module.py") == "instructions of `f` differ"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="later ones make it anew as they load it")
def test_specialised_instructions_differ() -> None:
    """`co_code` shows what they were made of."""
    names: dict[str, Any] = {}
    code = inner(compiled(b"def f(a): return a + a"))
    exec(compiled(b"def f(a): return a + a"), names)
    for number in range(100):
        names["f"](number)
    warm = names["f"].__code__._co_code_adaptive
    changed = code.replace(co_code=warm)
    assert (changed.co_code, warm != code.co_code) == (code.co_code, True)
    assert difference(code, changed, "module.py") == "instructions of `f` differ"


def test_rows_are_answered_within_bounds(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [write_pyc(source, compiled(SOURCE)), PycJob("none", "none", 0)]
    bounds: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_AS: (-1, 5 << 30)}.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", lambda *bound: bounds.append(bound))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(jobs)))
    main()
    assert json.loads(capsys.readouterr().out) == [list(result(jobs[0], SAME)), ["none", STALE, "", ""]]
    assert bounds == [(resource.RLIMIT_AS, (2 << 30, 5 << 30))]


@pytest.mark.parametrize("error", [ValueError, OSError])
def test_where_memory_cannot_be_bound_rows_are_answered_too(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr("sys.stdin", io.StringIO("[]"))
    main()
    assert capsys.readouterr().out == "[]"


# Stands for the module in the workers: it answers with what it was started with, and dies of some files.
STUB = """
import json, os, sys
def main():
    jobs = json.load(sys.stdin)
    if any("deadly" in job[0] for job in jobs):
        print("[]", flush=True)
        os.kill(os.getpid(), 9)
    print("ignored", file=sys.stderr)
    flags = [sys.flags.isolated, sys.flags.no_site, sys.dont_write_bytecode, sys.pycache_prefix]
    told = json.dumps([len(jobs), [sys.executable, *flags], sorted(set(os.environ) - {"LC_CTYPE"})])
    json.dump([[job[1], told, job[0], str(job[2])] for job in jobs], sys.stdout)
"""


def answers(
    monkeypatch: pytest.MonkeyPatch, jobs: Sequence[PycJob], *arguments: Any, stub: str = STUB
) -> list[PycResult]:
    monkeypatch.setattr("envlock.agent.interpreter.source_of", {"bytecode.py": stub}.__getitem__)
    monkeypatch.setenv("OF_A_USER", "x")
    found = check_all(jobs, *arguments)
    assert list(found) == [result.pyc for result in found.values()]
    return sorted(found.values())


def told(of: int, executable: str, pycache: str | None = None) -> str:
    return json.dumps([of, [executable, 1, 1, True, pycache], ["LC_ALL", "PATH"]])


def test_workers_are_started_clean_and_share_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    jobs = [PycJob(f"s{number}", f"p{number}", number) for number in range(3)]
    of = {0: 2, 1: 1, 2: 2}
    assert answers(monkeypatch, jobs, None, 2) == [
        PycResult(f"p{number}", told(of[number], sys.executable), f"s{number}", str(number)) for number in of
    ]
    assert answers(monkeypatch, jobs[:1], str(python), 2, True) == [
        PycResult("p0", told(1, str(python), os.devnull), "s0", "0")
    ]
    assert answers(monkeypatch, [], None, 2) == []
    assert capfd.readouterr() == ("", "")


def test_the_file_that_a_worker_dies_of_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [PycJob(name, name, 0) for name in ("a", "deadly b", "c")]
    honest = told(1, sys.executable, os.devnull)
    assert answers(monkeypatch, jobs, None, 1, True) == [
        PycResult("a", honest, "a", "0"),
        PycResult("c", honest, "c", "0"),
        PycResult("deadly b", "it crashes the interpreter that reads it", "", ""),
    ]


def test_where_memory_files_are_missing_others_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    job = PycJob("s", "p", 0)
    assert answers(monkeypatch, [job], None, 1) == [PycResult("p", told(1, sys.executable), "s", "0")]


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
