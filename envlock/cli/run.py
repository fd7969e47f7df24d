"""`envlock run`: a command in the environment that its lock promises, and a receipt."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, find_target, lock_option, quiet_option, target_options
from envlock.cli.places import cache_directory, shown

if TYPE_CHECKING:
    from envlock.api.running import RunOutcome

RECEIPT = "envlock-receipt.json"


@click.command(
    "run",
    short_help="run a command in the locked environment, and leave a receipt",
    context_settings={"allow_interspersed_args": False},
)
@target_options
@lock_option
@click.option("--output", "outputs", multiple=True, metavar="PATH", help="a file or folder that CMD writes")
@click.option(
    "--receipt",
    type=FILE,
    metavar="FILE",
    help="where the receipt goes, in the place of one that is there  "
    "[default: envlock-receipt.json; where it is there, envlock-receipt-2.json, and so on]",
)
@click.option(
    "--level",
    type=click.Choice(["warm", "content"]),
    default="warm",
    show_default=True,
    help="how closely to look before CMD runs; warm: what changed since the last full pass",
)
@click.option("--no-numerics", is_flag=True, help="do not ask for the numerics class (an import of torch)")
@quiet_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD…")
def command(
    prefix: Path | None,
    python: Path | None,
    lock_path: Path,
    outputs: tuple[str, ...],
    receipt: Path | None,
    level: str,
    no_numerics: bool,
    quiet: bool,
    words: tuple[str, ...],
) -> int:
    """Verify the environment, apply the settings of the lock, run CMD in it, verify again, and write a
    receipt: runtime hash, settings, numerics class, commit, command, and the hash of each --output.

    The environment is chosen as by `envlock verify`; its `bin` comes first on PATH.

    \b
    envlock run --output model.pt -- python train.py

    Exit status: that of CMD. Where the environment is not what the lock says, nothing is run and it is that
    of `envlock verify`. Where CMD ended with 0, but the environment changed meanwhile or an output is not
    there: 1.
    """
    from envlock.api import RunOrder, VerifyRequest, run

    chosen = find_target(prefix, python)
    outcome = run(
        RunOrder(
            target=VerifyRequest(
                lock=lock_path,
                prefix=chosen.prefix,
                environment=os.environ,
                level=level,
                cache=cache_directory(os.environ),
            ),
            words=words,
            receipt=receipt or Path(RECEIPT),
            keep=receipt is None,
            folder=Path.cwd(),
            outputs=outputs,
            numerics=not no_numerics,
        )
    )
    if outcome.receipt is None or outcome.path is None:
        return _refused(outcome)
    for line in _wrong(outcome):
        click.echo(line, err=True)
    if not quiet:
        lost = ", in the place of the one that was there" if outcome.replaced else ""
        click.echo(f"receipt: {shown(outcome.path)}{lost}", err=True)
    is_proof = outcome.receipt["runtime"]["held"] and not outcome.missing
    return outcome.receipt["exit_status"] or int(not is_proof)


def _refused(outcome: RunOutcome) -> int:
    from envlock.cli.terminal import painter
    from envlock.report.text import Look, render

    report = outcome.report
    look = Look(quiet=False, verbose=False, target=shown(report.target), paint=painter(sys.stderr))
    click.echo(render(report, look), err=True)
    click.echo("hint: nothing was run; `envlock sync` makes the environment what the lock says", err=True)
    return report.verdict.exit_status


def _wrong(outcome: RunOutcome) -> list[str]:
    lines = []
    if outcome.after is not None and outcome.receipt is not None and not outcome.receipt["runtime"]["held"]:
        lines.append("warning: the environment changed while the command ran:")
        lines += [
            f"  {each.severity}: {each.message}"
            for each in outcome.after.findings
            if each.severity.turns_verdict or outcome.after.verdict == "incomplete"
        ]
    lines += [f"warning: the output `{name}` is not there" for name in outcome.missing]
    lines += [
        f"warning: the output `{name}` was there before, and the command left it alone"
        for name in outcome.unwritten
    ]
    return lines
