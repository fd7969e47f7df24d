"""`envlock agent`: the target side as one file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("agent", short_help="write the agent: one file that observes a host with nothing but a Python")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default="envlock-agent.pyz", show_default=True
)
def command(output: Path) -> None:
    """Write the agent as a zipapp. It needs Python 3.8 or newer and nothing else:

    \b
    python envlock-agent.pyz --prefix DIR --expect envlock.lock > facts.json     on the host
    envlock verify --facts facts.json                                            where the lock is
    """
    from envlock.observe.zipapp import write_agent

    size = write_agent(output)
    click.echo(f"wrote {output} ({size / 1024:.0f} KiB)", err=True)
