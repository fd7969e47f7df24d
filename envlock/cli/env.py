"""`envlock env`: the locked settings as shell exports."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click

from envlock.cli.options import json_option, lock_option


@click.command("env", short_help="print the locked settings as shell exports")
@lock_option
@click.option(
    "--shell",
    type=click.Choice(["sh", "fish", "powershell"]),
    default="sh",
    show_default=True,
    help="whose words to write: sh is bash's and zsh's, too",
)
@json_option
def command(lock_path: Path, shell: str, as_json: bool) -> None:
    """Print the settings of the lock for a shell.

    \b
    Examples:
      eval "$(envlock env)"                                             sh, bash, zsh
      envlock env --shell fish | source                                 fish
      envlock env --shell powershell | Out-String | Invoke-Expression   PowerShell
    """
    from envlock.lock import read_lock

    settings = dict(sorted(read_lock(lock_path).settings.items()))
    if as_json:
        click.echo(json.dumps({"schema": "envlock.env/1", "settings": settings}, indent=2))
        return
    for name, value in settings.items():
        click.echo(_WRITERS[shell](name, value))


def _sh(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str) -> str:
    """In single quotes fish reads `\\\\` and `\\'` as one character, and nothing else (fish, "Quotes")."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{escaped}'"


def _powershell(name: str, value: str) -> str:
    """In single quotes two quotes are one, the curly ones included (about_Quoting_Rules)."""
    escaped = re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value)
    return f"$Env:{name} = '{escaped}'"


_WRITERS = {"sh": _sh, "fish": _fish, "powershell": _powershell}
