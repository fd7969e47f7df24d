"""How a file is held against a template (IDENTITY 6), with templates made here: no maker runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import envlock.agent
from envlock.agent import makers
from envlock.agent.makers import Owner, Slot, Template, accepted, blanked, kind_of, match
from envlock.agent.quoting import STYLES

MAKER = "maker 1.0 - 1.2"
TEXT = b"VIRTUAL_ENV='/env'; lib=python3.11; PS1='a \xff'\n"
SLOTS = (
    Slot(12, "prefix", "posix", "; lib"),
    Slot(12, "python", "version", ";"),
    Slot(6, "prompt", "posix", "\n"),
)
BLANK = b"VIRTUAL_ENV=\0prefix\0; lib=python\0python\0; PS1=\0prompt\0\n"


def template(blank: bytes, *slots: Slot, kind: str = "activate", maker: str = MAKER) -> Template:
    return Template(kind, maker, hashlib.sha256(blank).hexdigest(), slots)


def owner(prefix: str = "/env", python: tuple[int, int] = (3, 11), base_prefix: str = "/base") -> Owner:
    return Owner(prefix, python, base_prefix)


def is_honest(holds: str, style: str, value: str, kind: str = "activate", *, of: Owner | None = None) -> bool:
    """Is the value accepted that stands there as its maker quotes it?"""
    text = f"X={STYLES[style].quote(value)}\n".encode("utf-8", "surrogateescape")
    made = template(f"X=\0{holds}\0\n".encode(), Slot(2, holds, style, "\n"), kind=kind)
    return match(text, [made], of or owner()) == MAKER


def test_a_file_is_blanked_where_its_slots_are() -> None:
    text = TEXT.decode("utf-8", "surrogateescape")
    values = list(zip(SLOTS, ("/env", "3.11", "a \udcff"), strict=True))
    assert blanked(text, SLOTS) == (BLANK.decode(), values)
    assert blanked(text, ()) == (text, [])


@pytest.mark.parametrize(
    "slot", [Slot(11, *SLOTS[0][1:]), Slot(12, "prefix", "posix", ":"), Slot(99, *SLOTS[0][1:])]
)
def test_where_a_slot_is_no_literal_nothing_is_blanked(slot: Slot) -> None:
    text = TEXT.decode("utf-8", "surrogateescape")
    assert blanked(text, [slot]) is None
    assert blanked(text, [SLOTS[0], slot]) is None


def test_the_first_template_that_a_file_is_names_its_maker() -> None:
    made = template(BLANK, *SLOTS)
    others = [template(BLANK), template(BLANK + b"\n", *SLOTS), template(BLANK, *SLOTS[1:])]
    assert match(TEXT, [*others, made, made._replace(maker="another")], owner()) == MAKER
    assert match(TEXT, others, owner()) is None
    assert match(TEXT, [], owner()) is None


@pytest.mark.parametrize("other", [owner(prefix="/other"), owner(python=(3, 1)), owner(python=(2, 11))])
def test_a_file_of_another_environment_is_refused(other: Owner) -> None:
    assert match(TEXT, [template(BLANK, *SLOTS)], other) is None


@pytest.mark.parametrize(("length", "maker"), [(64 << 10, MAKER), ((64 << 10) + 1, None)])
def test_a_file_that_is_too_large_is_not_read(length: int, maker: str | None) -> None:
    assert match(b"x" * length, [template(b"x" * length)], owner()) == maker


def test_a_slot_that_the_file_spells_itself_is_refused() -> None:
    assert match(BLANK, [template(BLANK)], owner()) is None


def test_what_is_known_is_asked_for_the_kind_of_file(monkeypatch: pytest.MonkeyPatch) -> None:
    library = template(b"X=\0tcl\0\n", Slot(2, "tcl", "posix", "\n"))
    known = {"activate": (template(BLANK, *SLOTS), library)}
    monkeypatch.setattr(makers, "_TEMPLATES", known)
    assert accepted("/env/bin/activate", TEXT, prefix="/env", python=(3, 11)) == MAKER
    assert accepted("activate", TEXT, prefix="/env", python=(3, 11)) == MAKER
    assert accepted("activate.fish", TEXT, prefix="/env", python=(3, 11)) is None
    assert accepted("activate", TEXT, prefix="/other", python=(3, 11)) is None
    assert accepted("activate", TEXT, prefix="/env", python=(3, 12)) is None
    tcl = b"X='/base/lib/tcl8.6'\n"
    assert accepted("activate", tcl, prefix="/env", python=(3, 11), base_prefix="/base") == MAKER
    assert accepted("activate", tcl, prefix="/env", python=(3, 11)) is None
    assert accepted("activate", b"X='/lib/tcl8.6'\n", prefix="/env", python=(3, 11)) is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("activate", "activate"),
        ("/env/bin/activate", "activate"),
        ("_distutils_hack/__init__.py", "_distutils_hack/__init__.py"),
        ("/site/_distutils_hack/override.py", "_distutils_hack/override.py"),
        ("/_distutils_hack/site/x.py", "x.py"),
    ],
)
def test_the_name_says_the_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind


# -- values -------------------------------------------------------------------------------------


def test_a_prefix_may_go_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "link").symlink_to("env")
    monkeypatch.chdir(tmp_path)
    mine = owner(prefix=str(tmp_path / "link"))
    for value in (tmp_path / "env", tmp_path / "link", tmp_path / "env/../link"):
        assert is_honest("prefix", "posix", str(value), of=mine)
    for other in (str(tmp_path), "env", "link", "", "/\ud800"):
        assert not is_honest("prefix", "xonsh", other, of=mine)
    assert is_honest("prefix", "posix", "env", of=owner(prefix="env"))


@pytest.mark.parametrize("holds", ["prefix", "prompt"])
@pytest.mark.parametrize(
    ("kind", "style", "value", "expected"),
    [
        ("activate", "posix", "/aX!b%", True),
        ("activate.csh", "posix", "/ab", True),
        ("activate.csh", "posix", "/a!b", False),
        ("activate.csh", "posix-octal", "/a!b", False),
        ("activate.csh", "in-double-quotes", "/a!b", False),
        ("activate.csh", "csh", "/a!b", True),
        ("activate.csh", "posix", "/a%b", True),
        ("deactivate.csh", "posix", "/a!b", False),
        ("activate.bat", "posix", "/a%b", False),
        ("activate.bat", "in-double-quotes", "/a%b", False),
        ("activate.bat", "fish", "/a%b", True),
    ],
)
def test_what_a_shell_replaces_even_between_quotes(
    holds: str, kind: str, style: str, value: str, expected: bool
) -> None:
    mine = owner(prefix=value)
    assert is_honest(holds, style, value, kind, of=mine) is expected


def test_in_fish_a_backslash_escapes_the_quote() -> None:
    mine = owner(prefix="/a\\b")
    assert not is_honest("prefix", "posix", "/a\\b", "activate.fish", of=mine)
    assert is_honest("prefix", "fish", "/a\\b", "activate.fish", of=mine)
    assert is_honest("prefix", "posix", "/a\\b", of=mine)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("", True), ("a (b) é!", True), *((f"a{odd}b", False) for odd in "$`\\\n\x00\x1f\x7f")],
)
def test_a_prompt_is_shown_and_nothing_more(prompt: str, expected: bool) -> None:
    assert is_honest("prompt", "python-ascii", prompt) is expected


@pytest.mark.parametrize(
    ("python", "expected"),
    [("3.11", True), ("3.11t", True), ("3.1", False), ("3.12", False), ("2.11", False)],
)
def test_the_python_is_the_one_of_the_environment(python: str, expected: bool) -> None:
    assert is_honest("python", "version", python) is expected


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("", True),
        ("/base/lib/tcl8.6", True),
        ("/base/lib/tk9", True),
        ("/usr/share/tcltk/tcl8.6", True),
        ("/usr/lib/tk8.6", True),
        ("/usr/lib64/tcl8.6", True),
        ("/lib/tcl8.6", False),
        ("/base/tcl8.6", False),
        ("/base/lib/../../tmp/lib/tcl8.6", False),
        ("/tmp/lib/tcl8.6", False),
        ("/base/lib/evil", False),
        ("/base/lib/tcl8.6/evil", False),
        ("tcl8.6", False),
    ],
)
def test_tcl_is_of_the_base_python_or_of_the_system(library: str, expected: bool) -> None:
    assert is_honest("tcl", "posix", library) is expected


# -- the data -----------------------------------------------------------------------------------


def test_templates_are_read_from_the_data_once(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads((Path(envlock.agent.__file__).parent / "data/makers.json").read_bytes())
    monkeypatch.setattr(makers, "_TEMPLATES", {})
    known = makers.templates()
    assert {kind: [template._asdict() for template in rows] for kind, rows in known.items()} == {
        kind: [{"kind": kind, **row, "slots": tuple(Slot(*slot) for slot in row["slots"])} for row in rows]
        for kind, rows in document.items()
    }
    monkeypatch.setattr("pkgutil.get_data", lambda *_: pytest.fail("read again"))
    assert makers.templates() is known


def test_without_data_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(makers, "_TEMPLATES", {})
    monkeypatch.setattr("pkgutil.get_data", lambda *_: None)
    assert makers.templates() == {}
