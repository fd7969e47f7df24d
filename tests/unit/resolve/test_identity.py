"""IDENTITY 2 over whole wheels: what counts, where it lands, what RECORD may get wrong, what is refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from envlock.agent.identity import Entry, entry_list, parse_entry_list
from envlock.errors import BadWheel, HashMismatch, RecordLies
from envlock.lock.model import Fixup
from envlock.resolve.wheels import values
from envlock.resolve.wheels.identity import WheelIdentity, identify_archive
from tests.support import wheels
from tests.support.wheels import Spoiler, Wheel, make_wheel

PYTHON = (3, 11)
HINT = "pin another version, and tell the people who publish this one"
FILES = {"demo/__init__.py": b"x = 1\n", "demo/core.py": b"y = 2\n"}


def identity_of(wheel: Wheel, python: tuple[int, int] = PYTHON) -> WheelIdentity:
    return identify_archive(io.BytesIO(wheel.content), python=python, file=wheel.filename)


def rows(identity: WheelIdentity) -> dict[tuple[str, str], tuple[str, str]]:
    _, _, entries = parse_entry_list(identity.entries)
    return {(entry.place, entry.path): (entry.algorithm, entry.hex) for entry in entries}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


demo = partial(make_wheel, "demo", "1.0", files=FILES)


def refusal(wheel: Wheel) -> BadWheel:
    with pytest.raises(BadWheel) as caught:
        identity_of(wheel)
    return caught.value


# --- what counts, and where


def test_digest_is_the_hash_of_the_entry_list() -> None:
    wheel = demo()
    identity = identity_of(wheel)
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        counted = [name for name in archive.namelist() if not name.endswith("/RECORD")]
        entries = [Entry("lib", name, "sha256", sha256(archive.read(name))) for name in counted]
    assert identity.entries == entry_list("demo", "1.0", entries)
    assert identity.digest == sha256(identity.entries)
    assert identity.files == len(counted) == 4
    assert (identity.name, identity.version) == ("demo", "1.0")
    assert (identity.sha256, identity.size) == (wheel.sha256, wheel.size)
    assert identity.proved
    assert identity.fixups == ()


def test_files_of_installers_and_cached_bytecode_do_not_count() -> None:
    left_out = {
        "{info}/INSTALLER": b"pip\n",
        "{info}/REQUESTED": b"",
        "{info}/direct_url.json": b"{}",
        "{info}/RECORD.jws": b"",
        "demo/__pycache__/core.cpython-311.pyc": b"bytecode",
    }
    assert identity_of(demo(files={**FILES, **left_out})).digest == identity_of(demo()).digest


def test_bytecode_outside_of_pycache_counts() -> None:
    assert ("lib", "demo/hidden.pyc") in rows(identity_of(demo(files={**FILES, "demo/hidden.pyc": b"code"})))


def test_unpacked_counts_every_member() -> None:
    wheel = demo(files={**FILES, "{info}/INSTALLER": b"pip\n"})
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        assert identity_of(wheel).unpacked == sum(member.file_size for member in archive.infolist())


@pytest.mark.parametrize(
    ("member", "place", "path"),
    [
        ("{data}/purelib/demo/x.py", "lib", "demo/x.py"),
        ("{data}/platlib/demo/x.so", "lib", "demo/x.so"),
        ("{data}/scripts/x", "scripts", "x"),
        ("{data}/headers/x.h", "headers", "x.h"),
        ("{data}/data/share/x.txt", "data", "share/x.txt"),
        ("{data}/data/bin/x", "scripts", "x"),
        ("{data}/data/lib/python3.11/site-packages/x.py", "lib", "x.py"),
        ("{data}/data/include/python3.11/demo/x.h", "headers", "x.h"),
        ("{data}/data/include/python3.11/other/x.h", "data", "include/python3.11/other/x.h"),
        ("demo//x.py", "lib", "demo/x.py"),
        ("./demo/x.py", "lib", "demo/x.py"),
        ("demo/é.py", "lib", "demo/é.py"),
    ],
)
def test_members_count_where_they_land(member: str, place: str, path: str) -> None:
    identity = identity_of(demo(files={**FILES, member: b"content"}))
    assert rows(identity)[place, path] == ("sha256", sha256(b"content"))
    assert identity.fixups == ()


def test_headers_of_another_python_land_in_data() -> None:
    wheel = demo(files={"{data}/data/include/python3.11/demo/x.h": b""})
    assert ("data", "include/python3.11/demo/x.h") in rows(identity_of(wheel, (3, 12)))


@pytest.mark.parametrize(
    ("content", "counted"),
    [
        (b"#!python\nprint()\n", b"#!python\nprint()\n"),
        (b"#!pythonw\nprint()\n", b"#!python\nprint()\n"),
        (b"#!python -E\r\nprint()\n", b"#!python\nprint()\n"),
        (b"#!python", b"#!python\n"),
        (b"#!/usr/bin/env python\nprint()\n", b"#!/usr/bin/env python\nprint()\n"),
        (b"\x7fELF", b"\x7fELF"),
        (b"", b""),
    ],
)
def test_scripts_count_with_the_placeholder_shebang(content: bytes, counted: bytes) -> None:
    identity = identity_of(demo(files={"{data}/scripts/x": content}))
    assert rows(identity)["scripts", "x"] == ("sha256", sha256(counted))
    assert identity.fixups == ()


def test_only_members_of_scripts_have_their_shebang_replaced() -> None:
    content = b"#!python3\n"
    identity = identity_of(demo(files={"{data}/data/bin/x": content, "demo/x.py": content}))
    assert rows(identity)["scripts", "x"] == ("sha256", sha256(content))
    assert rows(identity)["lib", "demo/x.py"] == ("sha256", sha256(content))


def test_requirements_are_read_from_the_headers_only() -> None:
    wheel = demo(requires=["filelock", 'numpy>=1 ; extra == "all"'], requires_python=">=3.9")
    identity = identity_of(wheel)
    assert identity.requires_dist == ("filelock", 'numpy>=1 ; extra == "all"')
    assert identity.requires_python == ">=3.9"


def test_a_local_version_is_kept_as_in_the_folder_name() -> None:
    wheel = make_wheel("torch", "2.6.0+cu118", files={"torch/__init__.py": b""})
    assert identity_of(wheel).version == "2.6.0+cu118"


# --- what RECORD may get wrong (IDENTITY 2.4)


def _unhashed_by_another_name(known: wheels.Rows) -> wheels.Rows:
    """The row without a hash after the other one, by where the member could have been as well."""
    name = "demo-1.0.data/purelib/demo/core.py"
    return tuple(row if row.hash else replace(row, path=name) for row in known[::-1])


@pytest.mark.parametrize(
    "spoil",
    [
        wheels.leading_slash(),
        wheels.backslashed(),
        wheels.duplicated("demo/core.py"),
        wheels.spoilt(wheels.duplicated(), lambda known: known[::-1]),
        wheels.spoilt(wheels.duplicated("demo/core.py"), _unhashed_by_another_name),
        wheels.ghost("{info}/INSTALLER", "demo/__pycache__/x.pyc", "demo/", "demo"),
    ],
    ids=[
        "leading slash",
        "backslash",
        "two rows, hash last",
        "two rows, hash first",
        "two names of one place",
        "rows that mean nothing",
    ],
)
def test_odd_rows_that_say_the_same(spoil: Spoiler) -> None:
    identity = identity_of(demo(record=spoil))
    assert rows(identity) == rows(identity_of(demo()))
    assert identity.fixups == ()


def test_record_with_crlf_is_read_alike() -> None:
    spoilt, honest = identity_of(demo(record_newline="\r\n")), identity_of(demo())
    assert spoilt.digest == honest.digest
    assert spoilt.fixups == ()


@pytest.mark.parametrize("spoil", [wheels.without, wheels.unhashed, wheels.wrong_size])
def test_a_member_that_record_tells_nothing_true_about_is_fixed_up(spoil: Callable[[str], Spoiler]) -> None:
    identity = identity_of(demo(record=spoil("demo/core.py")))
    assert identity.digest == identity_of(demo()).digest
    assert identity.fixups == (Fixup(place="lib", path="demo/core.py", sha256=sha256(b"y = 2\n")),)


def test_record_without_hashes_is_fixed_up_in_full() -> None:
    identity = identity_of(demo(record=wheels.no_hashes))
    assert identity.digest == identity_of(demo()).digest
    assert [fixup.path for fixup in identity.fixups] == sorted(path for _, path in rows(identity))


def test_stronger_algorithms_are_kept() -> None:
    identity = identity_of(demo(record=wheels.rehashed("sha512", "demo/core.py")))
    assert rows(identity)["lib", "demo/core.py"] == ("sha512", hashlib.sha512(b"y = 2\n").hexdigest())
    assert identity.fixups == ()


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "blake2b"])
def test_other_algorithms_are_fixed_up(algorithm: str) -> None:
    identity = identity_of(demo(record=wheels.rehashed(algorithm, "demo/core.py")))
    assert rows(identity)["lib", "demo/core.py"] == ("sha256", sha256(b"y = 2\n"))
    assert identity.fixups == (Fixup(place="lib", path="demo/core.py", sha256=sha256(b"y = 2\n")),)


def test_a_row_without_a_member_must_be_absent() -> None:
    identity = identity_of(
        demo(record=wheels.ghost("demo/ghost.py", "{data}/scripts/ghost", "../../../bin/g"))
    )
    assert identity.digest == identity_of(demo()).digest
    assert identity.fixups == (
        Fixup(place="lib", path="demo/ghost.py", sha256=None),
        Fixup(place="scripts", path="g", sha256=None),
        Fixup(place="scripts", path="ghost", sha256=None),
    )


def test_a_row_for_a_generated_script_means_nothing() -> None:
    entry_points = "[console_scripts]\ndemo = demo:main\n"
    identity = identity_of(demo(entry_points=entry_points, record=wheels.ghost("../../../bin/demo")))
    assert identity.fixups == ()


def test_scripts_are_hashed_with_sha256_whatever_record_says() -> None:
    files = {**FILES, "{data}/scripts/x": b"#!/bin/sh\n"}
    identity = identity_of(demo(files=files, record=wheels.rehashed("sha512", "{data}/scripts/x")))
    assert rows(identity)["scripts", "x"] == ("sha256", sha256(b"#!/bin/sh\n"))
    assert identity.fixups == ()


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"#!python\n"])
def test_a_script_without_a_row_is_fixed_up(content: bytes) -> None:
    files = {**FILES, "{data}/scripts/x": content}
    identity = identity_of(demo(files=files, record=wheels.without("{data}/scripts/x")))
    assert identity.fixups == (Fixup(place="scripts", path="x", sha256=sha256(content)),)


def test_record_that_lies_with_the_right_size() -> None:
    with pytest.raises(RecordLies) as caught:
        identity_of(demo(record=wheels.wrong_hash("demo/core.py")))
    error = caught.value
    assert error.message == "the RECORD of `demo-1.0-py3-none-any.whl` lies about 'demo/core.py'"
    assert error.facts == (
        ("RECORD", f"sha256 {sha256(b'y = 2' + bytes([10]) + b'?')}"),
        ("member", f"sha256 {sha256(b'y = 2' + bytes([10]))}"),
    )
    assert error.hint == HINT


def test_a_lie_that_changes_no_value_is_none() -> None:
    files = {"{data}/scripts/x": b"#!python\n"}
    lying = identity_of(demo(files=files, record=wheels.wrong_hash("{data}/scripts/x")))
    assert lying.digest == identity_of(demo(files=files)).digest


# --- what is refused (IDENTITY 2.6)


def with_member(name: str, content: bytes = b"") -> Wheel:
    return demo(extra=[(name, content)])


@pytest.mark.parametrize(
    ("wheel", "reason"),
    [
        (with_member("../evil.py"), "a member is named '../evil.py'"),
        (with_member("demo/../../evil.py"), "a member is named 'demo/../../evil.py'"),
        (with_member("demo/../evil.py"), "a member is named 'demo/../evil.py'"),
        (with_member("/etc/evil"), "a member is named '/etc/evil'"),
        (with_member("C:/evil"), "a member is named 'C:/evil'"),
        (with_member("demo\\evil.py"), "a member is named 'demo\\\\evil.py'"),
        (with_member("demo/e\nvil.py"), "a member is named 'demo/e\\nvil.py'"),
        (with_member("demo/e\x1bvil.py"), "a member is named 'demo/e\\x1bvil.py'"),
        (with_member("demo/../"), "a member is named 'demo/../'"),
        (
            with_member("demo/e~vil.py").with_bytes(b"demo/e~vil.py", b"demo/e\0vil.py"),
            "a member is named 'demo/e\\x00vil.py'",
        ),
        (
            with_member("demo/e~vil.py").with_bytes(b"demo/e~vil.py", b"demo/e\xffvil.py"),
            "the name of the member 'demo/e\\xa0vil.py' is not UTF-8",
        ),
        (with_member("demo/core.py"), "two members are named 'demo/core.py'"),
        (with_member("demo//core.py"), "two members are named 'demo/core.py'"),
        (
            with_member("{data}/purelib/demo/core.py"),
            "the members 'demo/core.py' and 'demo-1.0.data/purelib/demo/core.py' land on one place",
        ),
        (
            with_member("{data}/x"),
            "the member 'demo-1.0.data/x' cannot be placed: a file directly under .data",
        ),
        (
            with_member("{data}/etc/x"),
            "the member 'demo-1.0.data/etc/x' cannot be placed: unknown key `etc` under .data",
        ),
        (
            demo(entry_points="[console_scripts]\nx = demo:main\n", extra=[("{data}/scripts/x", b"")]),
            "the script 'demo-1.0.data/scripts/x' has the name of an entry point",
        ),
        (
            demo(entry_points="[console_scripts]\nx = demo:main\n", extra=[("{data}/data/bin/x", b"")]),
            "the script 'demo-1.0.data/data/bin/x' has the name of an entry point",
        ),
        (
            demo(entry_points="[console_scripts]\n../../x = demo:main\n"),
            "an entry point is named '../../x'",
        ),
        (with_member("other-1.0.dist-info/METADATA"), "it has 2 dist-info folders instead of one"),
        (
            demo(record=wheels.ghost("../../../../evil")),
            "its RECORD names '../../../../evil', outside of the environment",
        ),
        (
            demo(record=wheels.ghost("demo/\x1b")),
            "its RECORD cannot be read: control characters",
        ),
    ],
)
def test_refused(wheel: Wheel, reason: str) -> None:
    error = refusal(wheel)
    assert error.message == f"`demo-1.0-py3-none-any.whl` cannot be installed safely: {reason}"
    assert error.hint == HINT


def test_invalid_utf8_under_the_utf8_flag() -> None:
    wheel = with_member("demo/é.py").with_bytes("demo/é.py".encode(), b"demo/\xff\xff.py")
    assert refusal(wheel).message == (
        "`demo-1.0-py3-none-any.whl` is broken: it is not a zip file that can be read"
    )


@pytest.mark.parametrize("file", ["other-1.0-py3-none-any.whl", "demo-1.1-py3-none-any.whl", "demo.whl"])
def test_the_folder_must_say_what_the_file_name_says(file: str) -> None:
    with pytest.raises(BadWheel) as caught:
        identify_archive(io.BytesIO(demo().content), python=PYTHON, file=file)
    assert caught.value.message == (
        f"`{file}` cannot be installed safely: its dist-info folder is named 'demo-1.0.dist-info'"
    )


def test_an_open_wheel_is_named() -> None:
    with pytest.raises(TypeError) as caught:
        identify_archive(io.BytesIO(demo().content), python=PYTHON)
    assert str(caught.value) == "an open wheel needs its file name"


@pytest.mark.parametrize("missing", ["RECORD", "METADATA", "WHEEL"])
def test_a_dist_info_that_lacks_a_file(missing: str) -> None:
    wheel = demo().with_bytes(f"dist-info/{missing}".encode(), f"dist-info/{missing.lower()}".encode())
    assert refusal(wheel).message == (
        f"`demo-1.0-py3-none-any.whl` cannot be installed safely: it has no {missing} in 'demo-1.0.dist-info'"
    )


def test_a_wheel_of_a_later_major_version() -> None:
    wheel = demo(compression=zipfile.ZIP_STORED)
    content = _rezipped(wheel, {"demo-1.0.dist-info/WHEEL": b"Wheel-Version: 2.0\n"})
    with pytest.raises(BadWheel) as caught:
        identify_archive(io.BytesIO(content), python=PYTHON, file=wheel.filename)
    assert caught.value.message == (
        "`demo-1.0-py3-none-any.whl` cannot be installed safely: it is no wheel of version 1"
    )


def _share(archive: zipfile.ZipFile) -> None:
    archive.filelist[1].header_offset = archive.filelist[0].header_offset


def _overlap(archive: zipfile.ZipFile) -> None:
    archive.filelist[1].header_offset = archive.filelist[0].header_offset + 1


def _encrypt(archive: zipfile.ZipFile) -> None:
    archive.filelist[1].flag_bits |= 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_share, "two members overlap"),
        (_overlap, "the member 'demo/__init__.py' overlaps another"),
        (_encrypt, "the member 'demo/core.py' is encrypted"),
    ],
)
def test_directories_that_mean_harm(change: Callable[[zipfile.ZipFile], None], reason: str) -> None:
    content = _rezipped(demo(), {}, change)
    with pytest.raises(BadWheel) as caught:
        identify_archive(io.BytesIO(content), python=PYTHON, file="demo-1.0-py3-none-any.whl")
    assert caught.value.message == f"`demo-1.0-py3-none-any.whl` cannot be installed safely: {reason}"


def test_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    wheel = demo()
    assert b"PK\x06\x06" in wheel.content
    monkeypatch.undo()
    assert identity_of(wheel).digest == identity_of(demo()).digest


def test_bytes_that_are_no_zip() -> None:
    with pytest.raises(BadWheel) as caught:
        identify_archive(io.BytesIO(b"<html>"), python=PYTHON, file="demo-1.0-py3-none-any.whl")
    assert caught.value.message == (
        "`demo-1.0-py3-none-any.whl` is broken: it is not a zip file that can be read"
    )
    assert caught.value.facts == (("reason", "File is not a zip file"),)


def test_a_member_whose_bytes_were_changed() -> None:
    wheel = demo(compression=zipfile.ZIP_STORED).with_bytes(b"y = 2\n", b"y = 3\n")
    error = refusal(wheel)
    assert error.message == "`demo-1.0-py3-none-any.whl` is broken: 'demo/core.py' cannot be unpacked"
    assert error.facts == (("reason", "Bad CRC-32 for file 'demo/core.py'"),)


def test_a_record_that_unpacks_to_more_than_any_record() -> None:
    bomb = b"x,,\n" * (17 << 20)
    content = _rezipped(demo(), {"demo-1.0.dist-info/RECORD": bomb})
    with pytest.raises(BadWheel) as caught:
        identify_archive(io.BytesIO(content), python=PYTHON, file="demo-1.0-py3-none-any.whl")
    assert caught.value.message == (
        "`demo-1.0-py3-none-any.whl` cannot be installed safely:"
        " 'demo-1.0.dist-info/RECORD' is larger than 64 MiB"
    )


def test_the_wheel_must_have_the_hash_that_is_given(tmp_path: Path) -> None:
    path = demo().write(tmp_path)
    assert identify_archive(path, python=PYTHON, sha256=demo().sha256).sha256 == demo().sha256
    with pytest.raises(HashMismatch) as caught:
        identify_archive(path, python=PYTHON, sha256="0" * 64)
    assert caught.value.message == "`demo-1.0-py3-none-any.whl` is not the file that its index lists"
    assert caught.value.facts == (("listed", "0" * 64), ("found", demo().sha256))


def test_a_script_that_is_larger_than_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_TEXT_BYTES", 1 << 20)
    script = b"#!python\n" + bytes(1 << 20)
    assert refusal(demo(extra=[("{data}/scripts/run", script)])).message == (
        "the script 'demo-1.0.data/scripts/run' of `demo-1.0-py3-none-any.whl` is larger than 1 MiB"
    )


def _rezipped(
    wheel: Wheel,
    changed: Mapping[str, bytes],
    change: Callable[[zipfile.ZipFile], None] = lambda _archive: None,
) -> bytes:
    """The wheel with other bytes for some members, RECORD left as it was; `change` edits the directory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as old, zipfile.ZipFile(buffer, "w", 8) as new:
        for member in old.infolist():
            new.writestr(member.filename, changed.get(member.filename, old.read(member)))
        change(new)
    return buffer.getvalue()
