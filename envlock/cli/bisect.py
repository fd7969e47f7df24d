"""`envlock bisect`: the package whose change flips a result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envlock.cli.options import FILE, Talk, talk_options
from envlock.cli.places import cache_directory

if TYPE_CHECKING:
    from envlock.api.bisecting import Found, Result

LOG = "envlock-bisect.jsonl"


@click.command("bisect", short_help="which package between two locks changed a result")
@click.argument("good", type=FILE, metavar="GOOD.lock")
@click.argument("bad", type=FILE, metavar="BAD.lock")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD…")
@click.option("--output", metavar="PATH", help="judge by the hash of what CMD writes, not by its exit status")
@click.option(
    "--log", type=FILE, metavar="FILE", default=LOG, show_default=True, help="the steps; resumes from it"
)
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="take the wheels from this folder, no network",
)
@talk_options
def command(
    good: Path,
    bad: Path,
    words: tuple[str, ...],
    output: str | None,
    log: Path,
    wheelhouse: Path | None,
    talk: Talk,
) -> int:
    """Find the change between two locks that flips the result of CMD: its exit status, or with --output the
    hash of what it writes.

    CMD runs in environments between the two locks, made by uv out of its cache. What a requirement binds
    together moves together. Python and the settings are changes too. A search that was stopped goes on from
    its log; what CMD prints goes into FILE.out.

    \b
    envlock bisect before.lock after.lock --output result.json -- python train.py

    Exit status: 0 found, 8 there is nothing to find: CMD gives the same with both, or does not repeat itself.
    """
    from envlock.api import BisectOrder, bisect_locks

    order = BisectOrder(
        good=good,
        bad=bad,
        words=words,
        folder=Path.cwd(),
        environment=os.environ,
        cache=cache_directory(os.environ),
        log=log,
        output=output,
        wheelhouse=wheelhouse,
    )
    found = bisect_locks(order, _say if talk.draws else lambda _line: None)
    if talk.as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        click.echo("\n".join(_said(found, talk)))
    return 0


def _say(line: str) -> None:
    click.echo(line, err=True)


def _document(found: Found) -> dict[str, Any]:
    def rows(name: str) -> list[dict[str, str | None]]:
        return [{"name": each.name, "good": each.good, "bad": each.bad} for each in getattr(found, name)]

    return {
        "schema": "envlock.bisect/1",
        "culprits": rows("culprits"),
        "along": rows("along"),
        "good": _result(found.good),
        "bad": _result(found.bad),
        "flipped": _result(found.flipped),
        "changes": found.changes,
        "steps": found.steps,
    }


def _result(result: Result) -> dict[str, Any]:
    return {"status": result.status, "output": result.output}


def _said(found: Found, talk: Talk) -> Iterator[str]:
    together = "" if len(found.culprits) == 1 else f"{len(found.culprits)} changes, only together: "
    yield f"the result flips with {together}{', '.join(each.words for each in found.culprits)}"
    for each in found.along:
        yield f"  moved with it, since a requirement says so: {each.words}"
    if not talk.quiet:
        yield f"  GOOD         {_told(found.good)}"
        yield f"  with this    {_told(found.flipped)}"
        yield f"  BAD          {_told(found.bad)}"
        count = "1 change" if found.changes == 1 else f"{found.changes} changes"
        yield f"  {count} between the locks, {found.tried} tries, {found.steps} of them now"


def _told(result: Result) -> str:
    return f"exit status {result.status}" + (f", output {result.output[:16]}" if result.output else "")
