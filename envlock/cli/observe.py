"""`envlock observe`: the facts of an environment as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from envlock.agent.expect import NOTHING, Expectation
from envlock.agent.survey import LEVELS
from envlock.cli.options import FILE, find_target, json_option, quiet_option, target_options


@click.command("observe", short_help="print the facts of an environment as JSON")
@target_options
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="content",
    show_default=True,
    help="roots: dist-info only; content: every byte; warm: as content, nothing is remembered here",
)
@click.option(
    "--expect", type=FILE, metavar="FILE", help="the lockfile: what it locks is hashed, its settings are told"
)
@json_option
@quiet_option
def command(
    prefix: Path | None, python: Path | None, level: str, expect: Path | None, as_json: bool, quiet: bool
) -> None:
    """Print what is there, without judging it. `envlock verify --facts` judges it elsewhere.

    Without --expect every distribution is hashed, and settings that only a lock knows are not told.

    Facts are JSON in any case; with --json errors are, too. Without --prefix and --python the environment
    is that of VIRTUAL_ENV, else of CONDA_PREFIX, else ./.venv.

    \b
    Example:
      envlock observe --prefix .venv --expect envlock.lock > facts.json
    """
    from envlock.observe import LocalTarget, observe_local

    chosen = find_target(prefix, python)
    if not (quiet or as_json or chosen.is_named):
        click.echo(f"observing {chosen.announced()}", err=True)
    expectation = NOTHING if expect is None else _expected(expect)
    facts = observe_local(
        LocalTarget(prefix=chosen.prefix, level=level, environment=os.environ, expectation=expectation)
    )
    click.echo(json.dumps(facts, indent=1, sort_keys=True))


def _expected(lockfile: Path) -> Expectation:
    from envlock.agent.host import platform_name
    from envlock.api.verifying import locked_platform
    from envlock.lock import read_lock
    from envlock.observe import expectation_of

    lock = read_lock(lockfile)
    return expectation_of(lock, locked_platform(lock, platform_name()))
