"""`envlock observe`: the facts of an environment as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from envlock.agent.survey import LEVELS
from envlock.cli.options import find_target, json_option, quiet_option, target_options


@click.command("observe", short_help="print the facts of an environment as JSON")
@target_options
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="content",
    show_default=True,
    help="roots: dist-info only; content: every byte; warm: as content, nothing is remembered here",
)
@json_option
@quiet_option
def command(prefix: Path | None, python: Path | None, level: str, as_json: bool, quiet: bool) -> None:
    """Print what is there, without judging it. `envlock verify --facts` judges it elsewhere.

    Facts are JSON in any case; with --json errors are, too. Without --prefix and --python the environment
    is that of VIRTUAL_ENV, else of CONDA_PREFIX, else ./.venv.
    """
    from envlock.observe import LocalTarget, observe_local

    chosen = find_target(prefix, python)
    if not (quiet or as_json or chosen.is_named):
        click.echo(f"observing {chosen.announced()}", err=True)
    facts = observe_local(LocalTarget(prefix=chosen.prefix, level=level, environment=os.environ))
    click.echo(json.dumps(facts, indent=1, sort_keys=True))
