"""Where the finder of an editable install leads (IDENTITY 6), held against setuptools' own text."""

from __future__ import annotations

import ast
import os
import zipfile
from pathlib import Path

import pytest
import virtualenv.seed.wheels.embed as embed

from envlock.agent.editable import blanked_digest, finder_directories, is_finder_name

LINE = "import __editable___demo_1_0_finder; __editable___demo_1_0_finder.install()"
MAPPING = {"demo": "/srv/demo", "other": "/srv/../other/"}
NAMESPACES = {"space": ["/srv/a", "/srv/./b"]}
FOLDERS = ["/srv/demo", "/other", "/srv/a", "/srv/b"]


@pytest.fixture(scope="module")
def template() -> str:
    """What setuptools fills in, of the wheel that virtualenv embeds."""
    wheel = sorted(Path(embed.__file__).parent.glob("setuptools-*.whl"))[-1]
    with zipfile.ZipFile(wheel) as archive:
        tree = ast.parse(archive.read("setuptools/command/editable_wheel.py"))
    values = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    return str(ast.literal_eval(values["_FINDER_TEMPLATE"]))


def led(site: Path, text: str | bytes, line: str = LINE) -> list[str] | None:
    content = text if isinstance(text, bytes) else text.encode()
    (site / "__editable___demo_1_0_finder.py").write_bytes(content)
    return finder_directories(line, str(site))


def finder(template: str, mapping: object = MAPPING, namespaces: object = NAMESPACES, name: str = "x") -> str:
    return template.format(name=name, mapping=mapping, namespaces=namespaces)


def test_a_finder_that_is_a_pipe_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "__editable___demo_1_0_finder.py")
    assert finder_directories(LINE, str(tmp_path)) is None


@pytest.mark.parametrize("line", [LINE, f"  {LINE} \n"])
def test_a_known_finder_leads_to_its_folders(template: str, line: str, tmp_path: Path) -> None:
    assert led(tmp_path, finder(template, name="__editable__.demo-1.0.finder"), line) == FOLDERS
    assert led(tmp_path, finder(template, {}, {}), line) == []


@pytest.mark.usefixtures("ascii_locale")
def test_a_folder_may_have_any_name(template: str, tmp_path: Path) -> None:
    assert led(tmp_path, finder(template, {"demo": "/srv/é"}, {})) == ["/srv/é"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "/srv/demo",
        LINE + "; evil()",
        LINE.replace("install()", "evil()"),
        LINE.replace("; __editable___demo", "; __editable___other"),
        LINE.replace("__editable___demo_1_0_finder", "demo"),
    ],
)
def test_another_line_is_no_finder(template: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(finder(template))
    (tmp_path / "__editable___other_1_0_finder.py").write_text(finder(template))
    assert led(tmp_path, finder(template), line) is None


def test_a_finder_that_is_not_there_or_no_text_is_none(template: str, tmp_path: Path) -> None:
    assert finder_directories(LINE, str(tmp_path)) is None
    assert led(tmp_path, finder(template).encode() + b"\xff") is None


@pytest.mark.parametrize(
    ("mapping", "namespaces"),
    [
        ([], {}),
        ({}, []),
        ({"sitecustomize": "/work"}, {}),
        ({"demo": "/work", "usercustomize": "/work"}, {}),
        ({}, {"sitecustomize": ["/work"]}),
        ({"demo": None}, {}),
        ({"demo": ["/work"]}, {}),
        ({}, {"space": "/work"}),
        ({}, {"space": ["/work", 1]}),
        ({}, {"space": [], "other": ("/work",)}),
    ],
    ids=str,
)
def test_what_maps_something_else_is_no_known_finder(
    template: str, mapping: object, namespaces: object, tmp_path: Path
) -> None:
    assert led(tmp_path, finder(template, mapping, namespaces)) is None


@pytest.mark.parametrize("letter", ["i", "=", "\n", "#", "'"])
def test_not_a_letter_may_be_another(template: str, letter: str, tmp_path: Path) -> None:
    text = finder(template)
    assert led(tmp_path, text.replace(letter, letter * 2, 1)) is None
    assert led(tmp_path, letter.join(text.rsplit(letter, 1)[::-1])) is None
    assert led(tmp_path, text + letter) is None


def test_every_literal_is_blanked(template: str) -> None:
    blank = blanked_digest(finder(template, {}, {}, "n"))
    assert blank is not None
    assert blanked_digest(finder(template, MAPPING, NAMESPACES, "a-b.c")) == blank


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MAPPING: dict[str, str] = {}", "MAPPING: dict[str, str] = evil()"),
        ("MAPPING: dict[str, str] = {}", "MAPPING: dict[str, str] = {"),
        ("MAPPING: dict[str, str] = {}", ""),
        ("MAPPING: dict[str, str] = {}", "MAPPING = {}\nMAPPING = {}"),
        ("NAMESPACES: dict[str, list[str]] = {}", "NAMESPACES: dict[str, list[str]] = [evil]"),
        ("PATH_PLACEHOLDER = 'n'", "PATH_PLACEHOLDER = 'n' + evil()"),
        ("PATH_PLACEHOLDER = 'n'", "PATH_PLACEHOLDER = f'n'"),
        ("PATH_PLACEHOLDER = 'n'", ""),
    ],
)
def test_what_is_no_literal_is_not_blanked(template: str, old: str, new: str) -> None:
    text = finder(template, {}, {}, "n")
    assert text.count(old) == 1
    digest = blanked_digest(text.replace(old, new))
    assert digest is None or ("n' +" in new and digest != blanked_digest(text))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("__editable___demo_1_0_finder.py", True),
        ("__editable___demo_1_0_finder.pyc", False),
        ("x__editable___demo_1_0_finder.py", False),
        ("__editable__demo.py", False),
        ("demo_finder.py", False),
    ],
)
def test_names_of_finders(name: str, expected: bool) -> None:
    assert is_finder_name(name) is expected
