"""IDENTITY 2 without a wheel: rows, places, scripts, digests."""

from __future__ import annotations

import hashlib

import pytest

from envlock.agent.identity import (
    Entry,
    RecordRow,
    UnsafePath,
    clashes,
    decode_hash,
    distribution_digest,
    entry_list,
    entry_point_group,
    entry_point_scripts,
    is_cached_bytecode,
    normalize_wheel_script,
    parse_entry_list,
    parse_record,
    place_wheel_member,
    safe_relative_path,
)

EMPTY = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
EMPTY_HEX = hashlib.sha256(b"").hexdigest()


def test_the_entry_list_is_what_is_hashed_and_its_order_is_by_bytes() -> None:
    entries = [Entry("lib", "b.py", "sha256", "2" * 64), Entry("lib", "B.py", "sha256", "1" * 64)]
    data = entry_list("demo", "1.0", entries)
    rows = b"lib\0B.py\0sha256\0" + b"1" * 64 + b"\nlib\0b.py\0sha256\0" + b"2" * 64 + b"\n"
    assert data == b"envlock-dist-v1\0demo\x001.0\0" + rows
    assert distribution_digest("demo", "1.0", entries) == hashlib.sha256(data).hexdigest()
    assert distribution_digest("demo", "1.0", reversed(entries)) == hashlib.sha256(data).hexdigest()
    assert parse_entry_list(data) == ("demo", "1.0", sorted(entries))


def test_a_list_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^not an entry list$"):
        parse_entry_list(b"x\0y\0z\0w")


@pytest.mark.parametrize("data", [b"", b"envlock-dist-v1\0a\0b"])
def test_what_is_no_entry_list_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_entry_list(data)


@pytest.mark.parametrize(
    ("spelt", "path"),
    [
        ("a/b.py", "a/b.py"),
        ("a\\b.py", "a/b.py"),
        ("/a/b.py", "a/b.py"),
        ("//a/-b/+/b.py", "a/-b/+/b.py"),
        ("./a//b.py", "a/b.py"),
        ("a/../b.py", "b.py"),
        ("../../../bin/x", "../../../bin/x"),
        ("a/../../x", "../x"),
    ],
)
def test_paths_are_normalised(spelt: str, path: str) -> None:
    assert safe_relative_path(spelt) == path


@pytest.mark.parametrize("path", ["a\0b", "a\nb", "\x7f"])
def test_control_characters_are_refused(path: str) -> None:
    with pytest.raises(UnsafePath, match=r"^control characters$"):
        safe_relative_path(path)


def test_of_two_rows_for_one_file_the_one_with_a_hash_counts() -> None:
    rows = parse_record(f"a.py,,\n/a.py,{EMPTY},0\na.py,,\n")
    assert rows == [RecordRow("a.py", "sha256", EMPTY_HEX, 0)]


def test_record_with_quotes_and_crlf() -> None:
    rows = parse_record(f'"a,b.py",{EMPTY},0\r\nc.py,md5=AAAA,3\r\n')
    assert rows == [RecordRow("a,b.py", "sha256", EMPTY_HEX, 0), RecordRow("c.py", "", "", 3)]


def test_of_two_rows_with_a_hash_and_of_two_without_the_first_counts() -> None:
    assert parse_record(f"a.py,{EMPTY},0\na.py,sha512={'A' * 86},1\n") == [
        RecordRow("a.py", "sha256", EMPTY_HEX, 0)
    ]
    assert parse_record("a.py,,1\na.py,,2\n") == [RecordRow("a.py", "", "", 1)]


@pytest.mark.parametrize("size", ["²", "-1", "1.0", "", "9" * 20, "9" * 5000])
def test_a_size_that_is_none_counts_as_not_given(size: str) -> None:
    assert parse_record(f"a.py,,{size}\n") == [RecordRow("a.py", "", "", None)]


def test_the_largest_size() -> None:
    assert parse_record(f"a.py,,{10**19 - 1}\n") == [RecordRow("a.py", "", "", 10**19 - 1)]


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ("a.py", "a.py"),
        ("ab/", "ab"),
        ("ab/,,", "ab"),
        ("a/../b.py,,", "b.py"),
        ("./b.py,,", "b.py"),
        ("a b.py,,", "a b.py"),
        ("a.py ", "a.py "),
        ("aX", "aX"),
    ],
)
def test_rows_with_odd_paths_and_rows_that_are_short(row: str, path: str) -> None:
    rest = f"\n\nz.py,{EMPTY}\r\ny.py,,7\r\n"
    assert parse_record(row + rest) == [
        RecordRow(path, "", "", None),
        RecordRow("z.py", "sha256", EMPTY_HEX, None),
        RecordRow("y.py", "", "", 7),
    ]


def test_a_quoted_line_end_is_a_control_character() -> None:
    with pytest.raises(UnsafePath, match=r"^control characters$"):
        parse_record('"a\nb.py",,\n')


def test_what_is_not_csv_says_so() -> None:
    message = r"^it is not CSV: field larger than field limit \(131072\)$"
    with pytest.raises(ValueError, match=message):
        parse_record('"' + "a" * 131073 + '",,')


def test_padding_of_a_hash_means_nothing() -> None:
    assert decode_hash(EMPTY + "=") == decode_hash(EMPTY) == ("sha256", EMPTY_HEX)
    assert decode_hash("sha384=" + "X" * 64) == ("sha384", "5d75d7" * 16)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sha256",
        "sha256=",
        "sha256=AAAA",
        "md5=abc",
        "sha256=é",
        "crc=1",
        EMPTY + " ",
        EMPTY[:-4] + "!" * 4,
    ],
)
def test_a_hash_that_says_nothing_is_none(value: str) -> None:
    assert decode_hash(value) == ("", "")


def test_longer_algorithms_are_kept() -> None:
    assert decode_hash("sha512=" + "A" * 86)[0] == "sha512"
    assert len(decode_hash("sha384=" + "A" * 64)[1]) == 96


@pytest.mark.parametrize(
    ("member", "placed"),
    [
        ("demo/x.py", ("lib", "demo/x.py")),
        ("demo-1.0.data/purelib/demo/x.py", ("lib", "demo/x.py")),
        ("demo-1.0.data/platlib/demo/x.so", ("lib", "demo/x.so")),
        ("demo-1.0.data/scripts/tool", ("scripts", "tool")),
        ("demo-1.0.data/headers/x.h", ("headers", "x.h")),
        ("demo-1.0.data/data/share/x", ("data", "share/x")),
        ("demo-1.0.data/data/bin/tool", ("scripts", "tool")),
        ("demo-1.0.data/data/lib/python3.11/site-packages/x.py", ("lib", "x.py")),
        ("demo-1.0.data/data/include/site/python3.11/Demo/x.h", ("headers", "x.h")),
        ("demo-1.0.data/data/include/python3.11/demo/x.h", ("headers", "x.h")),
        ("demo-1.0.data/data/include/python3.11/demo/sub/x.h", ("headers", "sub/x.h")),
        ("demo-1.0.data/data/include/python3.11/other/x.h", ("data", "include/python3.11/other/x.h")),
    ],
)
def test_members_are_placed_where_they_land(member: str, placed: tuple[str, str]) -> None:
    assert place_wheel_member(member, "demo", (3, 11), "demo-1.0.data") == placed


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("demo-1.0.data/odd/x", "unknown key `odd` under .data"),
        ("demo-1.0.data/scripts", "a file directly under .data"),
    ],
)
def test_members_that_land_nowhere(member: str, reason: str) -> None:
    with pytest.raises(UnsafePath, match=f"^{reason}$"):
        place_wheel_member(member, "demo", (3, 11), "demo-1.0.data")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"#!python\nx", b"#!python\nx"),
        (b"#!pythonw -u\nx", b"#!python\nx"),
        (b"#!python\r\nx", b"#!python\nx"),
        (b"#!python", b"#!python\n"),
        (b"#!/usr/bin/env python\nx", b"#!/usr/bin/env python\nx"),
        (b"\x7fELF", b"\x7fELF"),
    ],
)
def test_scripts_of_a_wheel(content: bytes, value: bytes) -> None:
    assert normalize_wheel_script(content) == value


def test_entry_points_and_the_names_that_pip_gets() -> None:
    text = (
        "[console_scripts]\na = m.x:f\nb=m:g [extra]\n# c = d:e\n;d = e:f\n\n[gui_scripts]\nXw = m : h\n"
        "[other]\nz = q\n"
    )
    assert entry_point_scripts(text, "demo", (3, 11)) == {"a": "m.x:f", "b": "m:g", "Xw": "m:h"}
    main = "pip._internal.cli.main:main"
    pip = f"[console_scripts]\npip = {main}\npip3 = {main}\npip3.9 = {main}\n"
    assert entry_point_scripts(pip, "pip", (3, 12)) == dict.fromkeys(["pip", "pip3", "pip3.12"], main)


def test_only_pip_gets_names_and_only_for_a_script_of_its_own_name() -> None:
    text = "[console_scripts]\npip = m:f\n"
    assert entry_point_scripts(text, "demo", (3, 12)) == {"pip": "m:f"}
    assert entry_point_scripts("[console_scripts]\npip3 = m:f\n", "pip", (3, 12)) == {"pip3": "m:f"}


def test_an_object_reference_starts_after_the_first_equals_sign() -> None:
    assert entry_point_group("[g]\na = m:f=x\n", "g") == [("a", "m:f=x")]


def test_cached_bytecode_is_told_from_importable_bytecode() -> None:
    assert is_cached_bytecode("a/__pycache__/x.cpython-311.pyc")
    assert is_cached_bytecode("__pycache__/x.cpython-311.pyc")
    assert not is_cached_bytecode("a/x.pyc")
    assert not is_cached_bytecode("a__pycache__/x.pyc")


def test_clashes_name_both_owners_once() -> None:
    same = Entry("lib", "nvidia/__init__.py", "sha256", "0" * 64)
    left, right = Entry("lib", "x.py", "sha256", "1" * 64), Entry("lib", "x.py", "sha256", "2" * 64)
    assert clashes([("a", [same, left]), ("b", [same, right])]) == [("lib", "x.py", "a", "b")]
    assert clashes([("a", [same]), ("b", [same])]) == []
    assert clashes([("a", [left]), ("b", [right]), ("c", [right])]) == [("lib", "x.py", "a", "b")]


def test_other_files_and_a_distribution_with_itself_do_not_clash() -> None:
    left, right = Entry("lib", "x.py", "sha256", "1" * 64), Entry("lib", "x.py", "sha256", "2" * 64)
    elsewhere = Entry("lib", "y.py", "sha256", "3" * 64)
    assert clashes([("a", [left]), ("b", [elsewhere])]) == []
    assert clashes([("a", [left, right])]) == []
