"""The benchmark's runner, tables, plots and page, on commands that take a millisecond."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page
from benchmarks.__main__ import _without_places
from benchmarks.desk import Desk, remove
from benchmarks.machine import Machine
from benchmarks.measure import Sample
from benchmarks.plots import pictures
from benchmarks.race import OURS, CommandFailed, Entrant, Launcher, Outcome, Race, Timed, run
from benchmarks.record import Record, read_record
from benchmarks.rows import every_row
from benchmarks.runner import Order, measured
from benchmarks.tables import beside, left_out, seconds, tables
from benchmarks.trees import write_distribution
from envlock.agent.identity import Entry, distribution_digest, parse_record

MACHINE = Machine(
    processor="a <fast> one",
    cores=2,
    memory_gib=24.2,
    kernel="Linux 6",
    python="3.11.7",
    date="2026-01-02",
    load=0.1,
    versions=(("envlock", "1"), ("uv", "2")),
)


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    with Launcher(tmp_path) as started:
        yield started


def _race(*entrants: Entrant, **more: object) -> Race:
    return replace(Race(row="r", title="t", entrants=entrants), **more)  # type: ignore[arg-type]


def _timed(who: str, *walls: float) -> Timed:
    return Timed(
        who=who, samples=tuple(Sample(wall_seconds=w, cpu_seconds=w / 2, peak_mib=12.4) for w in walls)
    )


def _record(*outcomes: Outcome, **left: str) -> Record:
    return Record(
        title="A run",
        machine=MACHINE,
        command="python -m benchmarks",
        seconds=3.2,
        outcomes=outcomes,
        left_out=left,
    )


BARS = Outcome(
    row="start-up",
    title="`--version`",
    timed=(_timed(OURS, 0.1, 0.3, 0.2), _timed("uv & co", 0.05), Timed(who="pip", failure="not here")),
    budget="0.12 s",
)
POINTS = tuple(
    Outcome(
        row="sizes",
        title=f"{at} files",
        timed=(_timed(OURS, at / 1000), _timed("sha256sum", at / 2000)),
        series="files",
        at=at,
    )
    for at in (10, 1000)
)


def test_every_round_runs_all_in_turn_and_the_first_is_not_counted(
    tmp_path: Path, launcher: Launcher
) -> None:
    log = tmp_path / "log"
    entrants = [Entrant(who=who, command=("sh", "-c", f"echo {who} >> {log}")) for who in "ab"]
    outcome = run(_race(*entrants), launcher, rounds=2)
    assert [len(each.samples) for each in outcome.timed] == [2, 2]
    assert log.read_text().split() == ["b", "a", "a", "b", "b", "a"]


def test_long_races_have_fewer_rounds(launcher: Launcher) -> None:
    outcome = run(_race(Entrant(who="a", command=("true",)), most=1, warm_up=False), launcher, rounds=9)
    assert len(outcome.timed[0].samples) == 1


def test_a_command_that_fails_loses_no_other(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(
        _race(
            Entrant(who="fails", command=("sh", "-c", "echo no such index >&2; exit 5")),
            Entrant(who="missing", command=("/nowhere/tool",)),
            Entrant(who="may differ", command=("false",), statuses=(1,)),
            absent={"conda-lock": "not installed"},
        ),
        launcher,
        rounds=1,
    )
    assert [(each.who, each.failure, len(each.samples)) for each in outcome.timed] == [
        ("fails", "ended with 5: no such index", 0),
        ("missing", "ended with 127: [Errno 2] No such file or directory: '/nowhere/tool'", 0),
        ("may differ", "", 1),
        ("conda-lock", "not measured: not installed", 0),
    ]


def test_a_command_that_hangs_is_stopped_with_its_children(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.race.SECONDS_ALLOWED", 0.2)
    with pytest.raises(CommandFailed, match="ended with -9"):
        launcher.measure(Entrant(who="a", command=("sh", "-c", "sleep 60; true")))


def test_memory_is_the_commands_own(launcher: Launcher) -> None:
    """Not that of the process that starts it, which holds much more here."""
    held = bytearray(80 << 20)
    small = launcher.measure(Entrant(who="a", command=("true",)))
    large = launcher.measure(Entrant(who="a", command=(sys.executable, "-c", "b'x' * (60 << 20)")))
    assert small.peak_mib < 30 < 60 < large.peak_mib
    assert len(held) == 80 << 20


def test_a_row_that_fails_is_told_and_the_others_are_measured(tmp_path: Path) -> None:
    def good(desk: Desk) -> Iterator[Race]:
        yield _race(Entrant(who=OURS, command=("true",)))

    def bad(desk: Desk) -> Iterator[Race]:
        yield from good(desk)
        subprocess.run(["sh", "-c", "echo 'no wheel' >&2; exit 4"], check=True, capture_output=True)

    def skipped(desk: Desk) -> Iterator[Race]:
        pytest.skip("not installed: dockerd")
        yield

    def wrong(desk: Desk) -> Iterator[Race]:
        raise ValueError("too few bytes are free")
        yield

    rows = {"bad": bad, "skipped": skipped, "wrong": wrong, "good": good}
    record = measured(Order(rows=tuple(rows), rounds=1, title="t", command="c"), Desk(work=tmp_path), rows)
    assert len(record.outcomes) == 2
    assert record.left_out == {
        "bad": "sh -c 'echo '\"'\"'no wheel'\"'\"' >&2; exit 4' ended with 4: no wheel",
        "skipped": "not installed: dockerd",
        "wrong": "ValueError: too few bytes are free",
    }


def test_what_is_measured_before_it_is_stopped_is_kept(tmp_path: Path) -> None:
    def stopped(desk: Desk) -> Iterator[Race]:
        yield _race(Entrant(who=OURS, command=("true",)))
        raise KeyboardInterrupt

    rows = {"one": stopped, "two": stopped}
    record = measured(Order(rows=tuple(rows), rounds=1, title="t", command="c"), Desk(work=tmp_path), rows)
    assert len(record.outcomes) == 1
    assert record.left_out == {"one": "stopped by ^C", "two": "stopped by ^C"}


def test_the_command_of_a_record_has_no_place_of_the_machine() -> None:
    words = ["--rounds", "1", "--output", "/tmp/a", "--scratch=/tmp/b", "--publish", "all"]
    assert _without_places(words) == ["--rounds", "1", "--publish", "all"]


def test_every_group_of_rows_is_found() -> None:
    files = {path.stem for path in Path(page.__file__).with_name("rows").glob("[a-z]*.py")}
    modules = {row.__module__.rpartition(".")[2] for row in every_row().values()}
    assert modules == files


def test_the_table() -> None:
    assert dict(tables(_record(BARS))) == {
        "start-up": "| | wall s | range | n | CPU s | MiB | envlock is |\n"
        "|---|---|---|---|---|---|---|\n"
        "| **`--version`** (budget 0.12 s) | | | | | | |\n"
        "| envlock | 0.200 | 0.100-0.300 | 3 | 0.100 | 12 |  |\n"
        "| uv & co | 0.050 | 0.050-0.050 | 1 | 0.025 | 12 | 4 times slower |\n"
        "\n"
        "- pip, `--version`: not here"
    }
    assert left_out(_record(image="no daemon")) == "- image: no daemon"


@pytest.mark.parametrize(
    ("value", "told"), [(0.0642, "0.064"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123")]
)
def test_seconds(value: float, told: str) -> None:
    assert seconds(value) == told


def test_ours_beside_a_peer() -> None:
    assert beside(2.0, 1.0) == "2 times slower"
    assert beside(1.0, 12.4) == "12 times faster"


def test_plots_are_xml_and_show_every_entrant() -> None:
    found = {each.name: ElementTree.fromstring(each.svg) for each in pictures(_record(BARS, *POINTS))}
    assert sorted(found) == ["sizes-files.svg", "start-up.svg"]
    texts = {name: [each.text for each in root.iter() if each.text] for name, root in found.items()}
    assert {"envlock", "uv & co", "0.200 s", "0.050 s"} <= set(texts["start-up.svg"])
    assert {"envlock, 1 s", "sha256sum, 0.500 s", "1,000", "0.1 s"} <= set(texts["sizes-files.svg"])


def test_a_line_goes_up_with_the_seconds_and_right_with_the_size() -> None:
    (picture,) = pictures(_record(*POINTS))
    lines = [each for each in ElementTree.fromstring(picture.svg).iter() if each.tag.endswith("polyline")]
    for line in lines:
        (left, low), (right, high) = (
            tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()
        )
        assert (left < right, low > high) == (True, True)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = _record(BARS, *POINTS, image="no daemon")
    record.write(tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record


def test_publishing_keeps_what_people_wrote_and_the_other_runs(tmp_path: Path) -> None:
    there = tmp_path / "benchmarks.md"
    there.write_text(f"# Benchmarks\n\nProse.\n\n{page.BEGIN}")
    page.publish(_record(BARS), "all", there)
    page.publish(replace(_record(*POINTS), title="A million"), "million", there)
    page.publish(_record(BARS), "all", there)
    text = there.read_text()
    lines = text.splitlines()
    assert text.startswith(f"# Benchmarks\n\nProse.\n\n{page.BEGIN}\n## A run\n\n2026-01-02: 2 cores of a ")
    assert [line for line in lines if line.startswith("## ")] == ["## A run", "## A million"]
    linked = [tmp_path / line.partition("](")[2].rstrip(")") for line in lines if line.startswith("![")]
    assert [path.name for path in linked if path.exists()] == ["start-up.svg", "sizes-files.svg"]
    assert max(map(len, lines)) <= 110


def test_the_published_page_is_that_of_its_records(tmp_path: Path) -> None:
    """Nobody edits figures by hand."""
    copied = tmp_path / "benchmarks.md"
    copied.write_text(page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "benchmarks").symlink_to(page.PAGE.with_suffix(""))
    page.rewrite(copied)
    assert copied.read_text(encoding="utf-8") == page.PAGE.read_text(encoding="utf-8")


def test_a_made_distribution_is_what_its_lock_says(tmp_path: Path) -> None:
    made = write_distribution(tmp_path, 7, range(3))
    rows = parse_record((tmp_path / "modules7-1.0.dist-info/RECORD").read_text())
    files = {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert {row.path for row in rows} == files.keys()
    entries = [
        Entry("lib", row.path, "sha256", hashlib.sha256(files[row.path]).hexdigest())
        for row in rows
        if row.hex
    ]
    assert [entry.hex for entry in entries] == [row.hex for row in rows if row.hex]
    assert [row.size for row in rows if row.hex] == [len(files[row.path]) for row in rows if row.hex]
    assert [(wheel.files, wheel.digest) for wheel in made.wheels] == [
        (5, distribution_digest("modules7", "1.0", entries))
    ]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, GeneratorExit, ValueError])
def test_a_stopped_row_does_not_wait_for_its_files_to_go(
    tmp_path: Path,
    stop: type[BaseException],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def kept(folder: Path) -> subprocess.Popen[bytes]:
        begun.append(remove(folder))
        return begun[-1]

    monkeypatch.setattr("benchmarks.desk.remove", kept)
    work = tmp_path / "work"
    work.mkdir()

    def stopped() -> None:
        with Desk(work=work).folder("row") as folder:
            (folder / "file").write_text("")
            raise stop

    with pytest.raises(stop):
        stopped()
    assert list(work.iterdir()) == []
    told = f"{work / 'row'} is being removed by process {begun[0].pid}\n"
    assert capsys.readouterr().err == told
    assert begun[0].wait() == 0
    assert list(tmp_path.iterdir()) == [work]
