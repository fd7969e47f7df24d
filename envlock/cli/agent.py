"""`envlock agent`: the target side as one file."""

from __future__ import annotations

from pathlib import Path

import click

from envlock.cli.options import FILE, quiet_option
from envlock.report.text import size


@click.command("agent", short_help="write the agent: one file that observes a host with nothing but a Python")
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    default="envlock-agent.pyz",
    show_default=True,
    help="the file to write",
)
@quiet_option
def command(output: Path, quiet: bool) -> None:
    """Write the agent as a zipapp. It needs Python 3.8 or newer and nothing else.

    \b
    Examples:
      envlock agent                                                                here
      python envlock-agent.pyz --prefix DIR --expect envlock.lock > facts.json     on the host
      envlock verify --facts facts.json                                            where the lock is
    """
    from envlock.observe.zipapp import write_agent

    written = write_agent(output)
    if not quiet:
        click.echo(f"wrote {output} ({size(written)})", err=True)
