"""`envlock init`: write a manifest from what a repository has."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Talk, talk_options
from envlock.cli.places import shown

if TYPE_CHECKING:
    from envlock.api import InitResult
    from envlock.manifest.init.model import Row


@click.command("init", short_help="write a manifest from an existing repository")
@click.argument("path", type=FILE, default=".", metavar="[PATH]")
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="the manifest (default: envlock.toml beside PATH)"
)
@click.option("--dry-run", is_flag=True, help="print the manifest, and write nothing")
@click.option("--force", is_flag=True, help="write over an envlock.toml that is there")
@talk_options
def command(path: Path, output: Path | None, dry_run: bool, force: bool, talk: Talk) -> int:
    """Write envlock.toml from the files of PATH, a directory or one file of it (default: here).

    Read are .python-version, pyproject.toml ([project], groups, and the tables of uv, poetry and pdm),
    requirements files, setup.cfg, environment.yml, Dockerfiles, and scripts with a PEP 723 block. Nothing
    of them is run. Comments say where each value is from, and what could not be carried over.

    \b
    Examples:
      envlock init --dry-run
      envlock init ../paper-code -o envlock.toml
    """
    from envlock.api import InitRequest, init

    request = InitRequest(path=path, output=output, force=force, dry_run=dry_run)
    result = init(request, environment=os.environ)
    if talk.as_json:
        click.echo(json.dumps(_document(result), indent=2))
        return 0
    if dry_run:
        click.echo(result.text, nl=False)
    if not talk.quiet:
        _tell(result)
    return 0


def _tell(result: InitResult) -> None:
    click.echo("".join(f"note: {note}\n" for note in result.notes), err=True, nl=False)
    click.echo("".join(f"left out: {_told(row)}\n" for row in result.left_out), err=True, nl=False)
    if result.written:
        click.echo(f"wrote {shown(result.path)} from {', '.join(result.read)}")
        click.echo("hint: look it over, then `envlock lock`", err=True)


def _told(row: Row) -> str:
    return f"`{row.text}` ({row.where}): {row.left_out}"


def _document(result: InitResult) -> dict[str, object]:
    return {
        "schema": "envlock.init/1",
        "manifest": str(result.path),
        "written": result.written,
        "read": list(result.read),
        "left_out": [
            {"text": row.text, "where": row.where, "reason": row.left_out} for row in result.left_out
        ],
        "notes": list(result.notes),
        "text": result.text,
    }
