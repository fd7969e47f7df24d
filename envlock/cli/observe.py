"""`envlock observe`: the facts of an environment as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from envlock.agent.survey import LEVELS
from envlock.cli.options import find_target, target_options


@click.command("observe", short_help="print the facts of an environment as JSON")
@target_options
@click.option("--level", type=click.Choice(LEVELS), default="content", show_default=True)
def command(prefix: Path | None, python: Path | None, level: str) -> None:
    """Print what is there, without judging it. `envlock verify --facts` judges it elsewhere."""
    from envlock.observe import LocalTarget, observe_local

    target, how = find_target(prefix, python)
    click.echo(f"observing {target} ({how})", err=True)
    facts = observe_local(LocalTarget(prefix=target, level=level, environment=os.environ))
    click.echo(json.dumps(facts, indent=1, sort_keys=True))
