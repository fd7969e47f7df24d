"""Every call of envlock on the pages against the commands as they are: names, options and arguments exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from envlock.cli import cli
from envlock.errors import UsageFault
from tests.support.pages import ROOT, Block, blocks, envlock_calls, pages

REFERENCE = runpy.run_path(str(ROOT / "scripts" / "write_reference.py"))
CALLS = tuple(
    (block.name, call)
    for page in pages()
    for block in blocks(page)
    for line in block.lines
    for call in envlock_calls(line)
)


def read(call: tuple[str, ...]) -> str:
    """Parse a call as click does, up to its invocation; returns the path of the command.

    Raises click.UsageError or UsageFault where a name, an option or an argument is not there.
    """
    command: click.Command = cli
    parent: click.Context | None = None
    name: str | None = "envlock"
    words = list(call)
    try:
        while True:
            parent = command.make_context(name, words, parent=parent)
            words = [*parent._protected_args, *parent.args]
            if not isinstance(command, click.Group) or not words:
                return parent.command_path
            found, below, words = command.resolve_command(parent, words)
            assert below is not None
            name, command = found, below
    except click.exceptions.Exit:
        return f"{name} {' '.join(call)}"


@pytest.fixture(autouse=True)
def _every_file_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Click looks for some files and folders while it parses; a page names those of its reader."""

    def convert(self: click.Path, value: str, *_: object) -> Path:
        return Path(value)

    monkeypatch.setattr(click.Path, "convert", convert)


@pytest.mark.parametrize(("where", "call"), CALLS, ids=[f"{where}-{' '.join(call)}" for where, call in CALLS])
def test_a_call_on_a_page_is_one_that_envlock_takes(where: str, call: tuple[str, ...]) -> None:
    assert read(call), where


@pytest.mark.parametrize(
    "call", ["lok", "lock --chek", "verify --level all", "sync nothing", "emit", "emit dock"]
)
def test_a_call_that_envlock_does_not_take_is_seen(call: str) -> None:
    with pytest.raises((click.UsageError, UsageFault)):
        read(tuple(call.split()))


# --- the help, and the page that is made of it


@pytest.mark.parametrize("call", tuple(REFERENCE["calls"]()), ids=" ".join)
def test_the_help_has_an_example_that_envlock_takes(call: tuple[str, ...]) -> None:
    """Lines of prose stand two columns in, examples two or more."""
    lines = re.findall(
        r"^(  +)((?:envlock|eval|python) .*?)(?:   .*)?$", REFERENCE["help_of"](call), re.MULTILINE
    )
    found = [(len(margin), typed) for margin, line in lines for typed in envlock_calls(line)]
    own = [typed for margin, typed in found if typed[: len(call)] == call]
    assert own
    assert all(read(typed) for margin, typed in found if margin > 2 or typed in own)


def test_the_check_of_the_reference_tells_a_page_that_is_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(REFERENCE["main"].__globals__, "PAGE", tmp_path / "commands.md")
    monkeypatch.setattr("sys.argv", ["write_reference.py", "--check"])
    assert REFERENCE["main"]() == 1
    assert capsys.readouterr().err == (
        "commands.md is not what the code prints: python scripts/write_reference.py\n"
    )
    monkeypatch.setattr("sys.argv", ["write_reference.py"])
    assert REFERENCE["main"]() == 0
    monkeypatch.setattr("sys.argv", ["write_reference.py", "--check"])
    assert REFERENCE["main"]() == 0


# --- reading pages


def test_the_calls_of_a_line() -> None:
    assert envlock_calls('eval "$(envlock env)" && ~/e/bin/envlock verify -v > a | envlock diff a b') == (
        ("verify", "-v"),
        ("diff", "a", "b"),
        ("env",),
    )
    assert envlock_calls("pip install envlock") == ()


def test_no_page_is_without_its_commands() -> None:
    """Prompts and comments are taken off, and what a command printed is no command."""
    [block] = [block for page in pages()[:1] for block in blocks(page) if block.language == "console"]
    assert block == Block(
        page="README.md",
        language="console",
        number=0,
        lines=("envlock lock", "envlock sync", "envlock verify"),
    )
    assert {block.page for page in pages() for block in blocks(page)} >= {"docs/tutorial.md"}
