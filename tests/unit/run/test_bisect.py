"""The search for the change that flips a result, on locks whose environments are made of air."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.errors import CouldNotTell, DiskFailed
from envlock.lock.model import Distribution, Lock, Wheel
from envlock.manifest.platforms import Platform
from envlock.run.bisect import Found, bisect
from envlock.run.mixture import Mixtures, RequiresDist
from envlock.run.smallest import smallest_set
from envlock.run.steps import Result, StepLog

HERE = Platform.LINUX_64


def lock(
    versions: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
    python: str = "3.11",
    tag: str = "",
) -> Lock:
    return Lock(
        manifest="0" * 64,
        python=python,
        python_exact=f"{python}.0",
        platforms=(HERE,),
        glibc="2.28",
        exclude_newer=None,
        project=None,
        stack={},
        settings={},
        distributions=tuple(distribution(*row, tag=tag) for row in sorted(versions.items())),
    )


def distribution(name: str, version: str, tag: str = "") -> Distribution:
    file = f"{name}-{version}-{tag or 'py3-none-any'}.whl"
    wheel = Wheel(
        file=file,
        platforms=(HERE,),
        sha256=sha256(file.encode()).hexdigest(),
        size=1,
        unpacked=1,
        files=1,
        digest="d",
    )
    return Distribution(name=name, version=version, index="default", requires=(), wheels=(wheel,))


class Air:
    """Results by what a lock holds, and requirements by (name, version)."""

    def __init__(self, judge: Callable[[Lock], int], needs: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.judge, self._needs = judge, needs
        self.seen: list[dict[str, str]] = []

    def run(self, lock: Lock) -> Result:
        self.seen.append({row.name: row.version for row in lock.distributions})
        return Result(status=self.judge(lock))

    def needs(self, lock: Lock) -> RequiresDist:
        rows = {row.name: row.version for row in lock.distributions}
        return {name: self._needs.get((name, version), ()) for name, version in rows.items()}


def version(lock: Lock, name: str) -> str | None:
    return next((row.version for row in lock.distributions if row.name == name), None)


def found(
    good: Lock,
    bad: Lock,
    judge: Callable[[Lock], int],
    folder: Path,
    needs: Mapping[tuple[str, str], Sequence[str]] | None = None,
) -> tuple[Found, Air]:
    air = Air(judge, needs or {})
    mixtures = Mixtures(good=good, bad=bad, platform=HERE)
    log = StepLog(path=folder / "log.jsonl", key="k")
    return bisect(mixtures, air, log, by_output=False, told=lambda _line: None), air


OLD = lock(dict.fromkeys("abcdefgh", "1"))
NEW = lock(dict.fromkeys("abcdefgh", "2"))


def words(changes: Sequence[object]) -> list[str]:
    return [str(getattr(each, "words", each)) for each in changes]


def test_one_culprit_among_eight(tmp_path: Path) -> None:
    result, air = found(OLD, NEW, lambda lock: int(version(lock, "f") == "2"), tmp_path)
    assert (words(result.culprits), result.along) == (["f 1 → 2"], ())
    assert len(air.seen) == result.steps <= 7


def test_two_that_are_needed_together(tmp_path: Path) -> None:
    result, _ = found(OLD, NEW, lambda lock: int(version(lock, "b") == version(lock, "g") == "2"), tmp_path)
    assert words(result.culprits) == ["b 1 → 2", "g 1 → 2"]


def test_what_a_requirement_binds_moves_along_and_no_mixture_breaks_one(tmp_path: Path) -> None:
    """c 2 needs a 2, and a 1 is what d 1 needs: three that cannot be told apart where c is to blame."""
    needs = {("c", "2"): ["a>=2"], ("c", "1"): ["a<2"], ("d", "1"): ["a==1"], ("d", "2"): ["a"]}
    result, air = found(OLD, NEW, lambda lock: int(version(lock, "c") == "2"), tmp_path, needs)
    culprits, along = words(result.culprits), words(result.along)
    assert sorted(culprits + along) == ["a 1 → 2", "c 1 → 2", "d 1 → 2"]
    assert len(culprits) == 1
    for row in air.seen:
        assert row["c"] == row["a"]
        assert not (row["d"] == "1" and row["a"] != "1")


def test_one_that_comes_and_one_that_goes(tmp_path: Path) -> None:
    needs = {("torch", "2"): ["triton"], ("torch", "1"): ["old"]}
    good, bad = lock({"torch": "1", "old": "1", "x": "1"}), lock({"torch": "2", "triton": "1", "x": "2"})
    result, air = found(good, bad, lambda lock: int(version(lock, "torch") == "2"), tmp_path, needs)
    assert {"torch 1 → 2", "triton absent → 1"} <= {*words(result.culprits), *words(result.along)}
    assert all("triton" in row for row in air.seen if row["torch"] == "2")
    assert all("old" in row for row in air.seen if row["torch"] == "1")


def test_a_setting_is_a_change_like_another(tmp_path: Path) -> None:
    good, bad = replace(OLD, settings={"A": "1", "B": "1"}), replace(NEW, settings={"A": "2"})
    result, _ = found(good, bad, lambda lock: int(lock.settings.get("A") == "2"), tmp_path)
    assert words(result.culprits) == ["setting:A 1 → 2"]


def test_another_python_takes_the_wheels_of_its_own_along(tmp_path: Path) -> None:
    good = lock({"n": "1", "p": "1"}, tag="cp311-cp311-manylinux_2_17_x86_64")
    bad = lock({"n": "1", "p": "1"}, python="3.12", tag="cp312-cp312-manylinux_2_17_x86_64")
    result, _ = found(good, bad, lambda lock: int(lock.python == "3.12"), tmp_path)
    assert words(result.culprits) == ["python 3.11 → 3.12"]
    assert [each.name for each in result.along] == ["n", "p"]


def test_the_same_with_both_is_told(tmp_path: Path) -> None:
    with pytest.raises(CouldNotTell) as caught:
        found(OLD, NEW, lambda _lock: 3, tmp_path)
    assert caught.value.message == "the command gives the same with both locks: exit status 3"


def test_what_does_not_repeat_is_told(tmp_path: Path) -> None:
    results = iter([0, 1])
    with pytest.raises(CouldNotTell) as caught:
        found(OLD, NEW, lambda _lock: next(results), tmp_path)
    assert caught.value.message == (
        "the command does not repeat itself with GOOD: exit status 0, then exit status 1"
    )


def test_locks_that_install_the_same(tmp_path: Path) -> None:
    with pytest.raises(CouldNotTell) as caught:
        found(OLD, replace(OLD, manifest="1" * 64), lambda _lock: 0, tmp_path)
    assert caught.value.message == (
        "the locks install the same files under the same settings: there is nothing between them"
    )


def test_a_search_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """Stopped in its fifth step, and once more while it wrote a line."""

    def judge(lock: Lock) -> int:
        return int(version(lock, "f") == "2")

    whole, _ = found(OLD, NEW, judge, tmp_path)
    log = tmp_path / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:4]) + lines[4][:20])
    again, air = found(OLD, NEW, judge, tmp_path)
    assert (again.culprits, len(air.seen), again.steps) == (whole.culprits, len(lines) - 4, len(lines) - 4)
    assert again.tried == whole.tried
    third, air = found(OLD, NEW, judge, tmp_path)
    assert (third.culprits, air.seen) == (whole.culprits, [])


def test_a_log_that_is_spoilt_is_not_believed(tmp_path: Path) -> None:
    log = StepLog(path=tmp_path / "log", key="k")
    rows = (
        '{"key": "k", "status": 1e999, "output": null, "seconds": 0, "moved": []}',
        "[" * 100_000,
        "5",
        "{",
    )
    more = ('{"key": "k"}', '{"key": "k", "status": 0, "output": null, "seconds": 0, "moved": 5}')
    log.path.write_text("\n".join([*rows, *more]))
    assert log.known() == {}
    log.keep(("a",), Result(status=1))
    assert log.known() == {("a",): Result(status=1)}


def test_a_log_that_is_none(tmp_path: Path) -> None:
    hint = "name another file: `envlock bisect --log FILE …`"
    log = StepLog(path=tmp_path, key="k")
    with pytest.raises(DiskFailed) as caught:
        log.known()
    assert (caught.value.message, caught.value.where, caught.value.hint) == (
        "the log cannot be read: is a directory",
        str(tmp_path),
        hint,
    )
    with pytest.raises(DiskFailed) as caught:
        log.keep((), Result(status=0))
    assert (caught.value.message, caught.value.hint) == ("the log cannot be written: is a directory", hint)
    (tmp_path / "log").write_bytes(b"\xff")
    with pytest.raises(DiskFailed) as caught:
        StepLog(path=tmp_path / "log", key="k").known()
    assert caught.value.message == "the log cannot be read: it is no text"


def test_the_lines_of_another_search_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    other = json.dumps({"key": "other", "moved": [], "status": 9, "output": None, "seconds": 0.0}) + "\n"
    log.write_text(other)
    result, _ = found(OLD, NEW, lambda lock: int(version(lock, "a") == "2"), tmp_path)
    assert result.good.status == 0
    assert log.read_text().startswith(other)


@given(
    st.integers(1, 20).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1)))
)
def test_the_set_that_is_needed_is_found_and_nothing_else(case: tuple[int, set[int]]) -> None:
    count, needed = case
    wanted = frozenset(map(str, needed))
    result = smallest_set([str(each) for each in range(count)], lambda moved: wanted <= moved)
    assert frozenset(result) == wanted
    assert len(result) == len(wanted)


def test_an_output_that_the_command_does_not_write(tmp_path: Path) -> None:
    log = StepLog(path=tmp_path / "log", key="k")
    mixtures = Mixtures(good=OLD, bad=NEW, platform=HERE)
    with pytest.raises(CouldNotTell) as caught:
        bisect(mixtures, Air(lambda _lock: 0, {}), log, by_output=True, told=lambda _line: None)
    assert (caught.value.message, caught.value.hint) == (
        "the command does not write the output with GOOD",
        "`--output` names a file that it writes, below this folder",
    )
