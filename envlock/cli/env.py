"""`envlock env`: the locked settings as shell exports."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from envlock.cli.options import json_option, lock_option


@click.command("env", short_help="print the locked settings as shell exports")
@lock_option
@json_option
def command(lock_path: Path, as_json: bool) -> None:
    """Print the settings of the lock for a shell: `eval "$(envlock env)"`."""
    from envlock.lock import read_lock

    settings = dict(sorted(read_lock(lock_path).settings.items()))
    if as_json:
        click.echo(json.dumps({"schema": "envlock.env/1", "settings": settings}, indent=2))
        return
    for name, value in settings.items():
        click.echo(f"export {name}={shlex.quote(value)}")
