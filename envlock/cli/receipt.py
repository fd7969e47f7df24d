"""`envlock receipt`: what runs left behind, shown and compared."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Talk, json_option, talk_options

if TYPE_CHECKING:
    from envlock.api.running import Comparison, Difference, Receipt

_UNKNOWN = {"class": "the numerics class", "commit": "the commit"}


@click.group("receipt", short_help="show and compare the receipts of `envlock run`")
def command() -> None:
    """What `envlock run` leaves: everything that decided a result, and the hash of the result.

    \b
    Examples:
      envlock receipt show envlock-receipt.json
      envlock receipt compare envlock-receipt.json theirs.json
    """


@command.command("compare", short_help="equal, or the first thing that differs")
@click.argument("first", type=FILE, metavar="A")
@click.argument("second", type=FILE, metavar="B")
@talk_options
def compare(first: Path, second: Path, talk: Talk) -> int:
    """Say whether two runs were the same, or what differs first, in the order in which one thing causes
    another: runtime, settings, numerics class, commit, command, outputs.

    \b
    envlock receipt compare published.json envlock-receipt.json

    Exit status: 0 equal, 1 something differs, 8 one of them is no receipt.
    """
    from envlock.api import compare_receipts

    found = compare_receipts(first, second)
    if talk.as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        click.echo("\n".join(_said(found, talk)))
    return 1 if found.differences else 0


def _document(found: Comparison) -> dict[str, object]:
    rows = [
        {"stage": each.stage, "what": each.what, "first": each.first, "second": each.second}
        for each in found.differences
    ]
    return {
        "schema": "envlock.receipt-compare/1",
        "equal": not rows,
        "differences": rows,
        "unknown": list(found.unknown),
        "outputs": found.outputs,
        "outputs_equal": found.outputs_equal,
    }


def _said(found: Comparison, talk: Talk) -> Iterator[str]:
    count = "1 output" if found.outputs == 1 else f"{found.outputs} outputs"
    if not found.differences:
        yield f"equal: {f'{count}, and all that decided them' if found.outputs else 'no output was declared'}"
    else:
        first, *others = found.differences
        yield from _row("differs first", first)
        if talk.verbose:
            for each in others:
                yield from _row("differs too", each)
        elif others:
            more = "1 more difference" if len(others) == 1 else f"{len(others)} more differences"
            yield f"  and {more}, which it may have caused (`-v` has all)"
        if found.outputs_equal and not talk.quiet:
            yield f"  {count}: equal all the same"
    if not talk.quiet:
        yield from (
            f"note: {_UNKNOWN[each]} is not in both receipts and was not compared" for each in found.unknown
        )


def _row(title: str, row: Difference) -> Iterator[str]:
    yield f"{title}: {row.stage}, {row.what}"
    yield f"  A  {_value(row.first)}"
    yield f"  B  {_value(row.second)}"


def _value(value: str | None) -> str:
    return "not there" if value is None else value or "empty"


@command.command("show", short_help="what a receipt says, for people")
@click.argument("path", type=FILE, metavar="FILE")
@json_option
def show(path: Path, as_json: bool) -> None:
    """Show a receipt. Exit status 8: it is none.

    \b
    Example:
      envlock receipt show envlock-receipt.json
    """
    from envlock.api import read_receipt

    receipt = read_receipt(path)
    click.echo(json.dumps(receipt, indent=2) if as_json else "\n".join(_shown(receipt)))


def _shown(receipt: Receipt) -> Iterator[str]:
    runtime, about, numerics = receipt["runtime"], receipt["about"], receipt["numerics"]
    held = "the same at the end" if runtime["held"] else "CHANGED while the command ran"
    yield f"command   {shlex.join(receipt['command'])}"
    yield f"started   {about['started']}, {about['seconds']} s"
    yield f"ended     with exit status {receipt['exit_status']}"
    yield f"runtime   {runtime['hash']} ({runtime['platform']}), {held}"
    yield from (f"setting   {name}={value}" for name, value in receipt["settings"].items())
    yield from (f"variable  {name}={value}" for name, value in receipt["variables"].items())
    yield f"class     {numerics['name'] if numerics else 'not asked for'}"
    yield f"commit    {_commit(receipt)}"
    for name, output in receipt["outputs"].items():
        yield f"output    {name}  {output['sha256'] or 'not there'}"


def _commit(receipt: Receipt) -> str:
    code = receipt["code"]
    if code is None:
        return "not known: no git repository"
    count = len(code["changed_files"])
    changed = "1 file" if count == 1 else f"{count} files"
    dirty = f", and {changed} not as committed" if count else ", nothing uncommitted"
    return f"{code['commit'] or 'none yet'}{dirty}"
