"""Which bytecode is judged, by which source, and what is kept of it (IDENTITY 5): folders are made here."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import platform
from pathlib import Path
from typing import Any

import pytest

from envlock.agent import bytecode
from envlock.agent.bytecode import PycJob
from envlock.agent.cached_bytecode import CachedBytecode
from envlock.agent.contents import Contents
from envlock.agent.hashing import stat_row
from tests.unit.agent.made import TAG, target, write

SITE = "env/lib/python3.11/site-packages"


def contents(root: Path, **changed: Any) -> Contents:
    made = Contents(target(root / "env", **changed), None)
    made.tree.walk(str(root / SITE))
    made.library.walk(str(root / "base/lib/python3.11"))
    return made


def pyc_of(source: str, code: bytes = b"x = 1\n") -> str:
    """Bytecode that is loaded whatever its source is."""
    head = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8)
    made = Path(importlib.util.cache_from_source(source))
    return write(made, head + marshal.dumps(compile(code, source, "exec", dont_inherit=True)))


def test_cached_files_of_sources_are_paired_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / SITE / "pkg"
    sources = {f"{folder}/a.py", f"{folder}/x.y.py", f"{folder}/missing.py"}
    levels = {
        f"a.{TAG}.pyc": ("a.py", 0),
        f"a.{TAG}.opt-1.pyc": ("a.py", 1),
        f"a.{TAG}.opt-2.pyc": ("a.py", 2),
        f"a.{TAG}.opt-33.pyc": ("a.py", 2),  # as `-O` 33 times
        f"x.y.{TAG}.pyc": ("x.y.py", 0),
        f"missing.{TAG}.pyc": ("missing.py", 0),
    }
    others = [f"other.{TAG}.pyc", "a.cpython-27.pyc", f"a.{TAG}.pyc.txt", "a.pyc", f"a.{TAG}.opt-x.pyc"]
    for name in (*levels, *others):
        write(folder / "__pycache__" / name)
    write(folder / f"a.{TAG}.pyc")
    write(folder / "my__pycache__" / f"a.{TAG}.pyc")
    judge = CachedBytecode(contents(tmp_path), None, [])
    expected = [
        PycJob(f"{folder}/{source}", f"{folder}/__pycache__/{name}", level)
        for name, (source, level) in sorted(levels.items())
    ]
    assert sorted(judge.pairs(sources), key=lambda job: job.pyc) == expected
    assert judge.pairs(set()) == []


def test_more_files_are_told_and_what_is_proved_is_not_judged(tmp_path: Path) -> None:
    names = [write(tmp_path / SITE / f"__pycache__/{name}.{TAG}.pyc") for name in "ab"]
    more = [f"{tmp_path}/lib/__pycache__/{name}.{TAG}.pyc" for name in "cd"]
    jobs = {
        path: PycJob(path.replace("__pycache__/", "").replace(f".{TAG}.pyc", ".py"), path, 0)
        for path in (*names, *more)
    }
    judge = CachedBytecode(contents(tmp_path), None, [])
    sources = {job.source for job in jobs.values()}
    judge.also((*names, *more), {names[1], more[1]})
    assert judge.pairs(sources) == [jobs[names[0]], jobs[more[0]]]
    judge.also(more, set())
    assert sorted(judge.pairs(sources)) == sorted(jobs.values())


def test_a_mirror_of_bytecode_is_looked_through_by_every_name_of_a_folder(tmp_path: Path) -> None:
    site, base, mirror = tmp_path / SITE, tmp_path / "base/lib/python3.11", str(tmp_path / "mirror")
    (site / "linked").parent.mkdir(parents=True)
    (tmp_path / "real").mkdir()
    (site / "linked").symlink_to(tmp_path / "real")
    write(base / "json/decoder.py")
    write(base / "abc.py")
    sources = {f"{site}/a.py", f"{site}/linked/b.py"}
    pycs = [
        write(Path(f"{mirror}{folder}/{name}.{TAG}.pyc"))
        for folder, name in ((base, "abc"), (base / "json", "decoder"), (site, "a"), (site, "other"))
    ]
    linked = [
        write(Path(f"{mirror}{folder}/b.{TAG}.opt-1.pyc")) for folder in (site / "linked", tmp_path / "real")
    ]
    made = contents(tmp_path)
    assert CachedBytecode(made, mirror, []).pairs(sources) == [
        PycJob(f"{base}/abc.py", pycs[0], 0),
        PycJob(f"{base}/json/decoder.py", pycs[1], 0),
        PycJob(f"{site}/a.py", pycs[2], 0),
        *(PycJob(f"{site}/linked/b.py", pyc, 1) for pyc in linked),
    ]
    watched = {
        *pycs,
        *linked,
        *(f"{mirror}{folder}" for folder in (base, base / "json", site, site / "linked")),
    }
    watched |= {f"{mirror}{tmp_path}/real", f"{mirror}{site}/linked"}
    known = made.known([])
    assert {path: row.row for path, row in known.items() if path.startswith(mirror)} == {
        path: stat_row(path) for path in watched
    }


def test_a_mirror_that_is_missing_is_watched(tmp_path: Path) -> None:
    made, source = contents(tmp_path), f"{tmp_path}/{SITE}/a.py"
    assert CachedBytecode(made, "/none", []).pairs({source}) == []
    assert made.known([])[f"/none{tmp_path}/{SITE}"].row is None
    assert CachedBytecode(made, "", []).pairs({source}) == []


def key(level: int, source: str, pyc: str) -> str:
    return hashlib.sha256(f"3.11.7 a70d0d0a {level} {source} {pyc}".encode()).hexdigest()[:32]


def sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class Compiler:
    """What `bytecode.check_all` is, in this process: it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, jobs: list[PycJob], *arguments: Any) -> dict[str, bytecode.PycResult]:
        self.asked.append((jobs, *arguments))
        return {job.pyc: bytecode.check_file(job) for job in jobs}


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    made = Compiler()
    monkeypatch.setattr(bytecode, "check_all", made)
    return made


def test_what_differs_is_told_and_what_is_the_same_is_kept(tmp_path: Path, compiler: Compiler) -> None:
    site = tmp_path / SITE
    same, other, stale, unreadable = (write(site / f"{name}.py", b"x = 1\n") for name in ("a", "b", "c", "d"))
    pycs = [pyc_of(same), pyc_of(other, b"x = 2\n"), write(Path(importlib.util.cache_from_source(stale)))]
    Path(importlib.util.cache_from_source(unreadable)).mkdir()
    made = contents(tmp_path)
    judge = CachedBytecode(made, None, ["before"])
    judge.also([importlib.util.cache_from_source(unreadable)], set())
    sources = {same, other, stale, unreadable}
    assert judge.judge(sources, "/python", 3) == [
        {
            "file": f"lib/python3.11/site-packages/__pycache__/b.{TAG}.pyc",
            "source": "lib/python3.11/site-packages/b.py",
            "reason": "a constant differs",
        }
    ]
    assert [(sorted(job.pyc for job in asked[0]), *asked[1:]) for asked in compiler.asked] == [
        ([*pycs, importlib.util.cache_from_source(unreadable)], "/python", 3, False)
    ]
    assert judge.unreadable == [
        [f"lib/python3.11/site-packages/__pycache__/d.{TAG}.pyc", "cannot be read: Is a directory"]
    ]
    assert judge.same == {"before", key(0, sha256(same), sha256(pycs[0]))}


def test_what_is_known_is_not_compiled_again(tmp_path: Path, compiler: Compiler) -> None:
    sources = [write(tmp_path / SITE / f"{name}.py", b"x = 1\n") for name in "abc"]
    pycs = [pyc_of(source) for source in sources]
    made = contents(tmp_path)
    known = key(0, sha256(sources[0]), sha256(pycs[0]))
    for path in (*sources[:2], *pycs[:1], *pycs[2:]):
        made.plan(path)
    made.hash(1)
    judge = CachedBytecode(made, None, [known])
    assert judge.judge(set(sources), None, 1) == []
    # Of one the source was not hashed, of another the bytecode.
    assert [(sorted(job.pyc for job in asked[0]), *asked[1:]) for asked in compiler.asked] == [
        (pycs[1:], None, 1, False)
    ]
    assert judge.judge({sources[0]}, None, 1) == []
    assert (
        CachedBytecode(made, None, [key(1, sha256(sources[0]), sha256(pycs[0]))]).judge({sources[0]}, None, 2)
        == []
    )
    assert [len(asked[0]) for asked in compiler.asked] == [2, 1]


def test_beside_bytecode_of_the_standard_library_it_is_not_used(tmp_path: Path, compiler: Compiler) -> None:
    mine, its = (
        write(tmp_path / SITE / "a.py", b"x = 1\n"),
        write(tmp_path / "base/lib/python3.11/abc.py", b"x = 1\n"),
    )
    pyc_of(mine)
    code = Path(pyc_of(its)).read_bytes()
    write(Path(f"{tmp_path}/mirror{tmp_path}/base/lib/python3.11/abc.{TAG}.pyc"), code)
    judge = CachedBytecode(contents(tmp_path), str(tmp_path / "mirror"), [])
    assert judge.judge({mine}, None, 1) == []
    assert [(len(asked[0]), *asked[1:]) for asked in compiler.asked] == [(2, None, 1, True)]


def test_here_only_the_same_python_can_judge(tmp_path: Path) -> None:
    sources = [write(tmp_path / SITE / f"m{number:02}.py", b"x = 1\n") for number in range(22)]
    for source in sources:
        pyc_of(source, b"x = 2\n")
    judge = CachedBytecode(contents(tmp_path, full_version="3.11.0rc1"), None, [])
    assert judge.judge_here(set(sources)) == []
    reason = "bytecode can be judged only by the Python that it is for"
    assert (len(judge.unreadable), judge.same) == (20, set())
    names = {f"lib/python3.11/site-packages/__pycache__/m{number:02}.{TAG}.pyc" for number in range(22)}
    assert all(row[0] in names and row[1:] == [reason] for row in judge.unreadable)
    assert (judge.judge_here(set(sources[:1])), len(judge.unreadable)) == ([], 21)
    judge = CachedBytecode(contents(tmp_path, full_version=platform.python_version()), None, [])
    assert judge.judge_here(set(sources[:1])) == [
        {
            "file": f"lib/python3.11/site-packages/__pycache__/m00.{TAG}.pyc",
            "source": "lib/python3.11/site-packages/m00.py",
            "reason": "a constant differs",
        }
    ]
