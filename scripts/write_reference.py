"""Write docs/commands.md: the help of every command, as the code prints it.

python scripts/write_reference.py            # write the page
python scripts/write_reference.py --check    # write nothing; 1 where the page is not what the code prints
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from envlock.cli import COMMANDS, cli

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
WIDTH = 90
HEAD = """\
# Commands

What `--help` of each command prints. `scripts/write_reference.py` writes this page from the code. The exit
statuses of all commands are in [findings.md](findings.md#exit-status).

"""
# `audit` hands over to these by a word or an option, before it parses: click does not list them.
_OF_AUDIT = (("audit", "--lock"), ("audit", "verify"))


def calls() -> Iterator[tuple[str, ...]]:
    """The words of every command and of every command below it, in the order of the list of commands."""
    context = click.Context(cli, info_name="envlock")
    for name in COMMANDS:
        yield (name,)
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.list_commands(context))
        if name == "audit":
            yield from _OF_AUDIT


def help_of(call: tuple[str, ...]) -> str:
    """What `envlock … --help` prints, for a terminal of `WIDTH` columns."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        words = [*call, "--help"]
        cli.main(words, prog_name="envlock", standalone_mode=False, terminal_width=WIDTH, color=False)
    return printed.getvalue()


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(_section(call) for call in ((), *calls()))


def _section(call: tuple[str, ...]) -> str:
    depth = "#" * (2 if len(call) < 2 else 3)
    return f"{depth} {' '.join(('envlock', *call))}\n\n```text\n{help_of(call).rstrip()}\n```\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="write docs/commands.md from the code")
    parser.add_argument("--check", action="store_true", help="only tell whether the page is up to date")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.name} is not what the code prints: python scripts/write_reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
