"""`envlock resurrect`: a repository as of a day, locked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Talk, talk_options
from envlock.cli.places import cache_directory, shown

if TYPE_CHECKING:
    from envlock.api import Resurrected


@click.command("resurrect", short_help="lock a repository as it would have been on a day")
@click.argument("path", type=FILE, default=".", metavar="[PATH]")
@click.option(
    "--date",
    "day",
    metavar="DATE",
    help="the day, 00:00 UTC (default: the last commit that touched what is read)",
)
@click.option("--force", is_flag=True, help="write over an envlock.toml and an envlock.lock that are there")
@talk_options
def command(path: Path, day: str | None, force: bool, talk: Talk) -> int:
    """Write envlock.toml and envlock.lock for the repository PATH (a folder, or one file; default: here) as
    they would have been on a day: the Python, the PyTorch and the CUDA that were current, and nothing in the
    index that is newer. The day is in both.

    Read is what `envlock init` reads, and nothing of it is run. Where it cannot be locked, the pins that
    cannot be had are named, and nothing is written.

    \b
    Example:
      envlock resurrect paper-code --date 2023-06-15

    Exit status: 0 locked, 2 usage, 3 a file is malformed, 4 no solution on that day, 5 an index failed.
    """
    from envlock.api import ResurrectRequest, resurrect
    from envlock.cli.progress import progress

    request = ResurrectRequest(path=path, day=day, force=force, cache=cache_directory(os.environ))
    with progress(enabled=talk.draws) as on_event:
        found = resurrect(request, environment=os.environ, on_event=on_event)
    if talk.as_json:
        click.echo(json.dumps(_document(found), indent=2))
    elif not talk.quiet:
        _tell(found)
    return 0


def _tell(found: Resurrected) -> None:
    click.echo("".join(f"note: {note}\n" for note in found.notes), err=True, nl=False)
    rows = (f"left out: `{row.text}` ({row.where}): {row.left_out}\n" for row in found.left_out)
    click.echo("".join(rows), err=True, nl=False)
    click.echo(f"as of {found.day} ({found.day_from}), from {', '.join(found.read)}")
    click.echo(f"wrote {shown(found.manifest)} and {shown(found.lock.path)}")
    lock = found.lock.lock
    count = len(lock.distributions)
    distributions = f"{count} distribution{'s' * (count != 1)}"
    click.echo(f"  Python {lock.python} ({lock.python_exact}), {distributions}")
    for platform, stack in lock.stack.items():
        click.echo(f"  {platform}: torch {stack.torch}, CUDA {stack.cuda}")


def _document(found: Resurrected) -> dict[str, object]:
    lock = found.lock.lock
    return {
        "schema": "envlock.resurrect/1",
        "day": found.day,
        "day_from": found.day_from,
        "manifest": str(found.manifest),
        "lock": str(found.lock.path),
        "python": lock.python,
        "torch": found.torch,
        "cuda": found.cuda,
        "distributions": {row.name: row.version for row in lock.distributions},
        "read": list(found.read),
        "left_out": [
            {"text": row.text, "where": row.where, "reason": row.left_out} for row in found.left_out
        ],
        "notes": list(found.notes),
    }
