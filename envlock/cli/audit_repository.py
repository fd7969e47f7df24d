"""`envlock audit [PATH]`: a repository judged without running it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Talk, talk_options
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api.auditing import Audit, Fixed


@click.command("audit", short_help="judge a repository: what keeps it from being reproduced")
@click.argument("path", type=FILE, default=".", metavar="[PATH]")
@click.option("--whole", is_flag=True, help="look at all Python there is, however long it takes")
@click.option("--rules", "as_page", is_flag=True, help="print what the rules are, and judge nothing")
@click.option("--sarif", "as_sarif", is_flag=True, help="print SARIF 2.1.0, for code scanning")
@click.option("--fix", "mends", is_flag=True, help="make the changes that are safe, then judge again")
@talk_options
def command(path: Path, whole: bool, as_page: bool, as_sarif: bool, mends: bool, talk: Talk) -> int:
    """Say what keeps the repository PATH (a folder, or one file; default: here) from being reproduced: each
    finding with its rule, its place, why it matters and what to do, and a grade that says how it came about.
    Nothing of it is run, and nothing is fetched.

    `# envlock: ignore[RULE]` on a line, or alone on the line before, excuses it.

    `envlock audit --lock` writes the evidence of an environment, `envlock audit verify` checks it: each has
    its own `--help`. A folder of the name `verify` is `./verify`.

    \b
    Example:
      envlock audit ../paper-code

    Exit status: 0 nothing found, 1 findings, 3 the one file that is named is malformed, 8 nothing found, but
    something could not be judged.
    """
    from envlock.api import auditing

    if as_page:
        click.echo(auditing.rules_page(), nl=False)
        return 0
    if as_sarif and talk.as_json:
        raise UsageFault("`--sarif` and `--json` are two documents", hint="leave one out")
    request = auditing.AuditRequest(path=path, whole=whole)
    found = auditing.audit(request, environment=os.environ)
    if mends:
        _tell_fixed(auditing.fix(found))
        found = auditing.audit(request, environment=os.environ)
    if as_sarif or talk.as_json:
        document = auditing.sarif_document(found) if as_sarif else found.to_json()
        click.echo(json.dumps(document, indent=2))
    else:
        _print(found, talk)
    return found.exit_status


def _print(found: Audit, talk: Talk) -> None:
    from envlock.api import auditing
    from envlock.cli.terminal import painter

    look = auditing.Look(verbose=talk.verbose, quiet=talk.quiet, paint=painter(sys.stdout))
    text = auditing.render(found, look)
    click.echo(text, nl=bool(text))


def _tell_fixed(fixed: Fixed) -> None:
    for edit in fixed.done:
        click.echo(f"fixed {edit.file}:{edit.line}: `{edit.old}` is `{edit.new}`", err=True)
    for file in fixed.kept:
        click.echo(f"not fixed: {file} cannot be written, or has changed meanwhile", err=True)
