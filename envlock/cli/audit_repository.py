"""`envlock audit [PATH]`: a repository judged without running it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from envlock.cli.options import FILE, Talk, talk_options


@click.command("audit", short_help="judge a repository: what keeps it from being reproduced")
@click.argument("path", type=FILE, default=".", metavar="[PATH]")
@click.option("--whole", is_flag=True, help="look at all Python there is, however long it takes")
@talk_options
def command(path: Path, whole: bool, talk: Talk) -> int:
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

    found = auditing.audit(auditing.AuditRequest(path=path, whole=whole), environment=os.environ)
    if talk.as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        from envlock.cli.terminal import painter

        look = auditing.Look(verbose=talk.verbose, quiet=talk.quiet, paint=painter(sys.stdout))
        text = auditing.render(found, look)
        click.echo(text, nl=bool(text))
    return found.exit_status
