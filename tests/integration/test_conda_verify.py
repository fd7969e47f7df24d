"""Conda prefixes: honest ones raise no alarm, whoever made them; whatever was changed is named."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from envlock.report import Report, Severity, Verdict
from tests.support.conda import Channel, CondaPackage, File, Link
from tests.support.conda.locks import archive_of, conda_subject, install, solve
from tests.support.conda.platform import SERIES, SITE
from tests.support.environments import Subject, replace_file, uv
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.slow

SPECS = ("python", "attrs", "pip", "packaging", "prefix-notes", "cuda-version", "tool", "compiled")
TOOL = CondaPackage(
    name="tool",
    version="1.0",
    noarch="python",
    depends=("python",),
    entry_points=("tool = tool:main",),
    files=(
        File(path="site-packages/tool.py", content=b"def main():\n    print('tool')\n"),
        File(path="site-packages/tool-1.0.dist-info/METADATA", content=b"Name: tool\nVersion: 1.0\n"),
        File(path="site-packages/tool-1.0.dist-info/RECORD", content=b"tool.py,,\n"),
        File(path="python-scripts/old-tool", content=b"#!/usr/bin/env python\nprint(2)\n", executable=True),
        File(path="bin/raw-tool", content=b"#!/bin/sh\nexit 0\n", executable=True),
        Link(path="share/tool-lib", target="../lib"),
    ),
)
BYTECODE = f"{SITE}/__pycache__/compiled.cpython-{SERIES.replace('.', '')}.pyc"
COMPILED = CondaPackage(
    name="compiled",
    version="1.0",
    depends=("python",),
    files=(
        File(path=f"{SITE}/compiled.py", content=b"ONE = 1\n"),
        File(path=BYTECODE, content=b"as it was packaged"),
    ),
)


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """A second channel with what is made for these tests."""
    channel = Channel(tmp_path_factory.mktemp("more"))
    channel.add(TOOL)
    channel.add(COMPILED)
    channel.index()
    return channel


@dataclass
class Home:
    """Where prefixes of one kind are made."""

    channel: Channel
    more: Channel
    folder: Path

    def subject(self, prefix: Path, *specs: str) -> Subject:
        records = solve([self.channel.url, self.more.url], *(specs or SPECS))
        if not prefix.exists():
            install(records, prefix, self.folder / "cache")
        return conda_subject(prefix, self.folder / "wheels", [archive_of(record) for record in records])


@pytest.fixture(scope="module")
def home(conda_channel: Channel, more: Channel, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(conda_channel, more, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def made(home: Home) -> Subject:
    return home.subject(home.folder / "prefix")


def told(report: Report) -> list[tuple[str, str | None, str]]:
    return [
        (finding.code, finding.path, finding.message)
        for finding in report.findings
        if finding.severity is not Severity.NOTE
    ]


def assert_match(report: Report) -> None:
    assert told(report) == []
    assert report.verdict is Verdict.MATCH
    assert report.observed == report.expected


def test_a_prefix_made_by_rattler_matches(made: Subject) -> None:
    assert_match(made.verify())
    program = "import attrs, tool; tool.main()"
    subprocess.run([made.python, "-c", program], check=True, capture_output=True)
    assert_match(made.verify())  # the bytecode that Python wrote is what its sources compile to


@pytest.mark.parametrize("name", ["n" * 150, "with a blank", "lib"])
def test_long_prefixes_blanks_and_common_words_are_no_fault(home: Home, name: str) -> None:
    assert_match(home.subject(home.folder / name / "env").verify())


def test_a_prefix_under_another_name_is_the_same(home: Home, made: Subject) -> None:
    link = home.folder / "other-name"
    link.symlink_to(made.prefix)
    assert_match(Subject(prefix=link, lock=made.lock, entries=made.entries).verify())


# -- what was changed is named --------------------------------------------------------------------


@pytest.fixture
def spoilt(made: Subject) -> Iterator[Callable[[str, bytes | None], Path]]:
    """Write other bytes into a file of the prefix (None: remove it); all is as it was afterwards."""
    undo: list[Callable[[], object]] = []

    def spoil(name: str, content: bytes | None) -> Path:
        path = made.prefix / name
        if path.is_symlink():
            undo.append(partial(relinked, path, os.readlink(path)))
        elif path.exists():
            old, mode = path.read_bytes(), path.stat().st_mode
            undo.append(partial(rewritten, path, old, mode))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            undo.append(path.unlink)
        if path.is_symlink() or content is None:
            path.unlink()
        if content is not None:
            replace_file(path, content)
        return path

    yield spoil
    for step in reversed(undo):
        step()


def rewritten(path: Path, content: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def relinked(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


Spoil = Callable[[str, bytes | None], Path]


def swap(path: Path, old: bytes, new: bytes) -> bytes:
    content = path.read_bytes()
    assert old in content
    return content.replace(old, new)


def test_a_plain_file(made: Subject, spoilt: Spoil) -> None:
    spoilt("share/prefix-notes/plain.txt", b"plaim\n")
    message = "`share/prefix-notes/plain.txt` is not the file of prefix-notes 1.0 h0_0"
    assert told(made.verify()) == [("file-differs", "share/prefix-notes/plain.txt", message)]


def test_the_observed_hash_is_another_one(made: Subject, spoilt: Spoil) -> None:
    spoilt("share/prefix-notes/plain.txt", b"plaim\n")
    report = made.verify()
    assert report.verdict is Verdict.MISMATCH
    assert report.observed not in (None, report.expected)


def test_a_missing_file(made: Subject, spoilt: Spoil) -> None:
    spoilt(f"{SITE}/attr/_cmp.py", None)
    message = f"`{SITE}/attr/_cmp.py` of attrs 25.4.0 pyhd8ed1ab_0 is missing"
    assert told(made.verify()) == [("file-missing", f"{SITE}/attr/_cmp.py", message)]


def test_a_missing_file_whose_bytecode_stays(made: Subject, spoilt: Spoil) -> None:
    """Python loads no bytecode of `__pycache__` without its source."""
    source = made.prefix / f"{SITE}/attr/_config.py"
    subprocess.run([made.python, "-m", "compileall", "-q", source], check=True)
    spoilt(f"{SITE}/attr/_config.py", None)
    message = f"`{SITE}/attr/_config.py` of attrs 25.4.0 pyhd8ed1ab_0 is missing"
    assert told(made.verify()) == [("file-missing", f"{SITE}/attr/_config.py", message)]


def test_packaged_bytecode_that_is_gone_is_made_again_by_python(made: Subject, spoilt: Spoil) -> None:
    spoilt(BYTECODE, None)
    assert_match(made.verify())


def test_packaged_bytecode_that_differs(made: Subject, spoilt: Spoil) -> None:
    spoilt(BYTECODE, b"as it was not")
    message = f"`{BYTECODE}` is not the file of compiled 1.0 h0_0"
    assert told(made.verify()) == [("file-differs", BYTECODE, message)]


def test_packaged_bytecode_that_is_gone_with_its_source(made: Subject, spoilt: Spoil) -> None:
    spoilt(BYTECODE, None)
    spoilt(f"{SITE}/compiled.py", None)
    message = f"`{SITE}/compiled.py` of compiled 1.0 h0_0 is missing"
    assert told(made.verify()) == [("file-missing", f"{SITE}/compiled.py", message)]


def test_a_text_that_holds_the_prefix(made: Subject, spoilt: Spoil) -> None:
    file = "etc/prefix-notes.conf"
    spoilt(file, swap(made.prefix / file, b"root=", b"boot="))
    assert told(made.verify()) == [
        ("file-differs", file, f"`{file}` is not the file of prefix-notes 1.0 h0_0")
    ]


def test_a_text_that_names_another_prefix(made: Subject, spoilt: Spoil) -> None:
    file = "etc/prefix-notes.conf"
    spoilt(file, swap(made.prefix / file, bytes(made.prefix), b"/somewhere/else"))
    assert told(made.verify()) == [
        ("file-differs", file, f"`{file}` is not the file of prefix-notes 1.0 h0_0")
    ]


@pytest.mark.parametrize(
    ("old", "new"), [(b"mid\0", b"mis\0"), (b"first=", b"thirs="), (b"end\0", b"ene\0")], ids=str
)
def test_a_binary_that_holds_the_prefix(made: Subject, spoilt: Spoil, old: bytes, new: bytes) -> None:
    file = "lib/libprefix-notes.so.1"
    spoilt(file, swap(made.prefix / file, old, new))
    assert told(made.verify()) == [
        ("file-differs", file, f"`{file}` is not the file of prefix-notes 1.0 h0_0")
    ]


def test_code_in_the_filling_of_a_binary(made: Subject, spoilt: Spoil) -> None:
    file = "lib/libprefix-notes.so.1"
    spoilt(file, swap(made.prefix / file, b"\0" * 12 + b"mid", b"\0" + b"A" * 10 + b"\0mid"))
    assert told(made.verify()) == [
        ("file-differs", file, f"`{file}` is not the file of prefix-notes 1.0 h0_0")
    ]


def test_a_shebang_that_starts_another_python(made: Subject, spoilt: Spoil) -> None:
    file = "bin/prefix-notes"
    spoilt(file, b"#!/usr/bin/env python\n" + (made.prefix / file).read_bytes().split(b"\n", 1)[1])
    assert told(made.verify()) == [
        ("file-differs", file, f"`{file}` is not the file of prefix-notes 1.0 h0_0")
    ]


def test_a_script_of_an_entry_point(made: Subject, spoilt: Spoil) -> None:
    spoilt("bin/tool", swap(made.prefix / "bin/tool", b"main()", b"main(1)"))
    message = "`bin/tool` is not what pip, uv, distlib or conda writes for an entry point"
    assert told(made.verify()) == [("script-differs", "bin/tool", message)]


def test_a_missing_script_of_an_entry_point(made: Subject, spoilt: Spoil) -> None:
    spoilt("bin/tool", None)
    assert told(made.verify()) == [("script-missing", "bin/tool", "`bin/tool` is missing")]


def test_a_library_of_python(made: Subject, spoilt: Spoil) -> None:
    file = f"lib/python{SERIES}/json/decoder.py"
    spoilt(file, (made.prefix / file).read_bytes() + b"#\n")
    assert [row[:2] for row in told(made.verify())] == [("file-differs", file)]


def relink(made: Subject, spoilt: Spoil, name: str, target: str) -> None:
    spoilt(name, None)
    (made.prefix / name).symlink_to(target)


def test_a_swapped_link(made: Subject, spoilt: Spoil) -> None:
    relink(made, spoilt, "lib/libprefix-notes.so", "../etc/prefix-notes.conf")
    message = (
        "`lib/libprefix-notes.so` of prefix-notes 1.0 h0_0 leads to `etc/prefix-notes.conf`, "
        "the packaged one to another file"
    )
    chained = (
        "`share/prefix-notes/chain` of prefix-notes 1.0 h0_0 leads to `etc/prefix-notes.conf`, "
        "the packaged one to another file"
    )
    assert told(made.verify()) == [
        ("link-differs", "lib/libprefix-notes.so", message),
        ("link-differs", "share/prefix-notes/chain", chained),
    ]


@pytest.mark.parametrize("target", ["../lib", "../share", "prefix-notes/../prefix-notes"])
def test_a_link_to_a_folder_that_leads_to_another(made: Subject, spoilt: Spoil, target: str) -> None:
    """`info/paths.json` has no hash for it; the lock has where it led."""
    relink(made, spoilt, "share/notes", target)
    message = (
        f"`share/notes` of prefix-notes 1.0 h0_0 leads to `{target}`, the packaged one to `prefix-notes`"
    )
    assert told(made.verify()) == [("link-differs", "share/notes", message)]


def test_a_lock_that_does_not_say_where_links_lead(made: Subject) -> None:
    packages = tuple(replace(package, links=()) for package in made.lock.conda_packages)
    assert_match(replace(made, lock=replace(made.lock, conda_packages=packages)).verify())


def test_a_link_out_of_the_prefix(made: Subject, spoilt: Spoil, tmp_path: Path) -> None:
    outside = tmp_path / "libprefix-notes.so.1"
    outside.write_bytes((made.prefix / "lib/libprefix-notes.so.1").read_bytes())
    relink(made, spoilt, "share/prefix-notes/chain", str(outside))
    message = (
        "`share/prefix-notes/chain` of prefix-notes 1.0 h0_0 leads out of the prefix, "
        f"to `{os.path.realpath(outside)}`"
    )
    assert told(made.verify()) == [("link-differs", "share/prefix-notes/chain", message)]


def test_a_link_to_what_nobody_owns(made: Subject, spoilt: Spoil) -> None:
    spoilt("lib/other.txt", b"other")
    relink(made, spoilt, "lib/libprefix-notes.so", "other.txt")
    found = told(made.verify())
    message = (
        "`lib/libprefix-notes.so` of prefix-notes 1.0 h0_0 leads to `lib/other.txt`, which no package owns"
    )
    assert ("link-differs", "lib/libprefix-notes.so", message) in found


def test_a_link_where_a_file_belongs(made: Subject, spoilt: Spoil, tmp_path: Path) -> None:
    copy = tmp_path / "plain.txt"
    copy.write_bytes(b"plain\n")
    relink(made, spoilt, "share/prefix-notes/plain.txt", str(copy))
    message = (
        f"`share/prefix-notes/plain.txt` of prefix-notes 1.0 h0_0 is a link to `{copy}` where a file belongs"
    )
    assert told(made.verify()) == [("link-differs", "share/prefix-notes/plain.txt", message)]


RECORD = "conda-meta/prefix-notes-1.0-h0_0.json"


def edited(path: Path, change: Callable[[dict[str, object]], object]) -> bytes:
    document = json.loads(path.read_bytes())
    change(document)
    return json.dumps(document).encode()


def forget_plain(document: dict) -> None:  # type: ignore[type-arg]
    rows = document["paths_data"]["paths"]
    document["paths_data"]["paths"] = [row for row in rows if not row["_path"].endswith("plain.txt")]


def test_a_record_that_forgets_a_file(made: Subject, spoilt: Spoil) -> None:
    spoilt(RECORD, edited(made.prefix / RECORD, forget_plain))
    message = (
        f"`{RECORD}` does not have the files of prefix-notes 1.0 h0_0: it was edited, and which file it is "
        "about is not known without the archive"
    )
    report = made.verify()
    assert told(report) == [("conda-record-edited", RECORD, message)]
    assert report.observed != report.expected


def test_a_record_and_its_file_edited_to_match(made: Subject, spoilt: Spoil) -> None:
    content = b"evil\n"
    spoilt("share/prefix-notes/plain.txt", content)
    import hashlib

    def change(document: dict) -> None:  # type: ignore[type-arg]
        for row in document["paths_data"]["paths"]:
            if row["_path"].endswith("plain.txt"):
                row["sha256"] = hashlib.sha256(content).hexdigest()

    spoilt(RECORD, edited(made.prefix / RECORD, change))
    assert [row[:2] for row in told(made.verify())] == [("conda-record-edited", RECORD)]


def test_a_record_of_another_archive(made: Subject, spoilt: Spoil) -> None:
    spoilt(RECORD, edited(made.prefix / RECORD, lambda document: document.update(sha256="0" * 64)))
    message = (
        "prefix-notes 1.0 h0_0 was installed from another archive than the locked "
        "`prefix-notes-1.0-h0_0.conda`"
    )
    assert told(made.verify()) == [("conda-package-differs", RECORD, message)]


def test_a_record_of_another_build(made: Subject, spoilt: Spoil) -> None:
    spoilt(RECORD, edited(made.prefix / RECORD, lambda document: document.update(build="h1_1")))
    message = "prefix-notes 1.0 h1_1 (linux-64) is installed, the lock has prefix-notes 1.0 h0_0 (linux-64)"
    assert told(made.verify()) == [("conda-package-differs", RECORD, message)]


def test_a_missing_record(made: Subject, spoilt: Spoil) -> None:
    spoilt("conda-meta/cuda-version-12.9-h0_3.json", None)
    message = "cuda-version 12.9 h0_3 is locked and has no record in `conda-meta`"
    assert told(made.verify()) == [("conda-package-missing", None, message)]


def test_a_record_too_many(made: Subject, spoilt: Spoil) -> None:
    document = {"name": "jq", "version": "1.7", "build": "h0_0", "build_number": 0, "subdir": "linux-64"}
    spoilt("conda-meta/jq-1.7-h0_0.json", json.dumps({**document, "paths_data": {"paths": []}}).encode())
    assert told(made.verify()) == [
        ("foreign-conda-package", "conda-meta/jq-1.7-h0_0.json", "jq 1.7 h0_0 is installed and not locked")
    ]


def test_a_record_that_is_none(made: Subject, spoilt: Spoil) -> None:
    spoilt("conda-meta/x.json", b"{}")
    spoilt("conda-meta/y.json", b"{")
    found = told(made.verify())
    assert [row[:2] for row in found] == [
        ("bad-conda-record", "conda-meta/x.json"),
        ("bad-conda-record", "conda-meta/y.json"),
    ]
    assert found[0][2] == "`conda-meta/x.json` is no record of a conda package: `paths_data` is missing"


@pytest.mark.parametrize("module", ["decoder", "tool"])
def test_bytecode_of_the_standard_library(made: Subject, spoilt: Spoil, module: str) -> None:
    """`json.decoder` is what the agent itself uses when it asks an interpreter."""
    tag = f"cpython-{SERIES.replace('.', '')}"
    source = made.prefix / f"lib/python{SERIES}/json/{module}.py"
    evil = compile("print('evil')", str(source), "exec")
    import importlib.util
    import marshal

    content = importlib.util.MAGIC_NUMBER + b"\x01" + bytes(11) + marshal.dumps(evil)
    file = f"lib/python{SERIES}/json/__pycache__/{module}.{tag}.pyc"
    spoilt(file, content)
    assert [row[:2] for row in told(made.verify())] == [("bytecode-differs", file)]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        (f"lib/python{SERIES}/evil.py", b"", "foreign-module"),
        (f"{SITE}/evil.py", b"", "foreign-module"),
        (f"{SITE}/evil.pth", b"import evil\n", "startup-file"),
        ("lib/libevil.so", b"\x7fELF", "foreign-library"),
        ("lib/evil", b"\x7fELF", "foreign-library"),
        ("bin/evil", b"#!/bin/sh\n", "foreign-executable"),
        ("etc/conda/activate.d/evil.sh", b"export LD_PRELOAD=x\n", "foreign-executable"),
        ("pyvenv.cfg", b"home = /usr/bin\n", "startup-file"),
    ],
    ids=str,
)
def test_code_that_nobody_owns(made: Subject, spoilt: Spoil, name: str, content: bytes, code: str) -> None:
    path = spoilt(name, content)
    if name.startswith("bin/"):
        path.chmod(0o755)
    assert (code, name) in [row[:2] for row in told(made.verify())]


def test_a_folder_that_became_a_link(made: Subject, tmp_path: Path) -> None:
    folder, moved = made.prefix / "share/prefix-notes", tmp_path / "moved"
    folder.rename(moved) if os.stat(folder).st_dev == os.stat(tmp_path).st_dev else pytest.skip("two disks")
    folder.symlink_to(moved)
    try:
        found = told(made.verify())
        assert ("foreign-link", "share/prefix-notes") in [row[:2] for row in found]
    finally:
        folder.unlink()
        moved.rename(folder)


def test_other_files_are_a_note(made: Subject, spoilt: Spoil) -> None:
    spoilt("share/my-notes.txt", b"mine")
    spoilt("share/my-table.csv", b"mine")
    report = made.verify()
    assert_match(report)
    (note,) = [finding for finding in report.findings if finding.code == "extra-files"]
    assert note.message == (
        "`share/my-notes.txt` and 1 more files belong to no package, and nothing loads them by itself"
    )


@pytest.mark.parametrize("name", ["history", "created_at", "frozen", "pixi_env_prefix"])
def test_what_the_tools_note_for_themselves_is_no_stranger(made: Subject, spoilt: Spoil, name: str) -> None:
    """`created_at` came with conda 26."""
    spoilt(f"conda-meta/{name}", b"1767225600.0")
    report = made.verify()
    assert_match(report)
    assert [row for row in report.findings if row.code == "extra-files"] == []


def test_a_broken_interpreter_is_named(made: Subject, spoilt: Spoil) -> None:
    file = f"bin/python{SERIES}"
    spoilt(file, b"\x7fELF not quite")
    report = made.verify()
    assert ("file-differs", file) in [row[:2] for row in told(report)]
    assert report.verdict is Verdict.MISMATCH


def test_warm_sees_every_change(made: Subject, spoilt: Spoil, tmp_path: Path) -> None:
    subject = Subject(prefix=made.prefix, lock=made.lock, entries=made.entries, cache=tmp_path / "cache")
    os.utime(made.prefix / "lib")
    assert_match(subject.verify(level="content"))
    assert_match(subject.verify(level="warm"))
    for file in ("etc/prefix-notes.conf", "share/prefix-notes/plain.txt", RECORD, "bin/tool"):
        spoilt(file, (made.prefix / file).read_bytes() + b" ")
        assert [row[1] for row in told(subject.verify(level="warm"))] == [file] or file == RECORD
        spoilt(file, (made.prefix / file).read_bytes()[:-1])
    assert_match(subject.verify(level="warm"))
    spoilt("lib/libevil.so", b"\x7fELF")
    assert [row[:2] for row in told(subject.verify(level="warm"))] == [("foreign-library", "lib/libevil.so")]


# -- clobbers -------------------------------------------------------------------------------------


def clobbering(folder: Path) -> Channel:
    channel = Channel(folder)
    channel.add(
        CondaPackage(
            name="aaa",
            version="1",
            files=(
                File(path="share/both.txt", content=b"a"),
                File(path="share/same.txt", content=b"same"),
            ),
        ),
        CondaPackage(
            name="bbb",
            version="1",
            files=(
                File(path="share/both.txt", content=b"b"),
                File(path="share/same.txt", content=b"same"),
            ),
        ),
    )
    channel.index()
    return channel


def test_a_clobber_is_named(home: Home, tmp_path: Path) -> None:
    records = solve([home.channel.url, clobbering(tmp_path / "c").url], "python", "aaa", "bbb")
    install(records, tmp_path / "prefix", home.folder / "cache")
    subject = conda_subject(tmp_path / "prefix", tmp_path / "w", [archive_of(record) for record in records])
    report = subject.verify()
    assert_match(report)
    (note,) = report.findings
    assert (note.code, note.path) == ("clobber", "share/both.txt")
    assert note.message == "aaa and bbb each have a `share/both.txt`: that of aaa is there"
    replace_file(subject.prefix / "share/both.txt", b"b")
    report = subject.verify()
    message = "aaa and bbb each have a `share/both.txt`: that of bbb is there, that of aaa is due"
    assert told(report) == [("clobber", "share/both.txt", message)]
    assert report.observed != report.expected
    replace_file(subject.prefix / "share/both.txt", b"c")
    assert [row[:2] for row in told(subject.verify())] == [
        ("clobber", "share/both.txt"),
        ("file-differs", "share/both.txt"),
    ]


# -- with wheels ----------------------------------------------------------------------------------


def pip_install(prefix: Path, wheel: Path) -> None:
    """What conda's Python marks as managed by others, as PEP 668 asks for."""
    options = ("--no-deps", "--no-index", "--break-system-packages")
    uv("pip", "install", *options, "--python", prefix / "bin/python", wheel)


def test_wheels_beside_conda_packages(home: Home, tmp_path: Path) -> None:
    wheel = make_wheel(
        "six", "1.17.0", files={"six.py": b"X = 1\n"}, entry_points="[console_scripts]\ns = six:x\n"
    )
    prefix = tmp_path / "prefix"
    records = solve([home.channel.url, home.more.url], *SPECS)
    install(records, prefix, home.folder / "cache")
    file = wheel.write(tmp_path / "wheels")
    pip_install(prefix, file)
    subject = conda_subject(prefix, tmp_path / "wheels", [archive_of(record) for record in records], [wheel])
    assert_match(subject.verify())
    replace_file(subject.site / "six.py", b"X = 2\n")
    assert [row[:2] for row in told(subject.verify())] == [("file-differs", f"{SITE}/six.py")]


def test_a_wheel_over_a_file_of_conda_is_named(home: Home, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    subject = home.subject(prefix)
    wheel = make_wheel("shadow", "1.0", files={"tool.py": b"def main(): print('evil')\n"})
    file = wheel.write(tmp_path)
    pip_install(prefix, file)
    found = [row[:2] for row in told(subject.verify())]
    assert ("file-differs", f"{SITE}/tool.py") in found


def test_only_wheels_locked_in_a_conda_prefix(home: Home, tmp_path: Path) -> None:
    """As before there were conda packages in a lock: the prefix is where the wheels happen to be."""

    prefix = tmp_path / "prefix"
    subject = home.subject(prefix, *(each for each in SPECS if each != "compiled"))
    wheel = make_wheel("six", "1.17.0", files={"six.py": b"X = 1\n"})
    file = wheel.write(tmp_path / "wheels")
    pip_install(prefix, file)
    locked = conda_subject(prefix, tmp_path / "wheels", [], [wheel])
    locked.lock = replace(locked.lock, conda=None)
    assert_match(locked.verify())
    assert subject.verify().verdict is Verdict.MATCH  # an extra distribution is a note
