"""`envlock diff`: what differs between two lockfiles, two hosts, or a lockfile and a host."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from envlock.cli.options import FILE, Talk, talk_options
from envlock.cli.places import cache_directory


@click.command("diff", short_help="what differs between two lockfiles, or two hosts")
@click.argument("old", type=FILE, metavar="A")
@click.argument("new", type=FILE, metavar="B")
@talk_options
def command(old: Path, new: Path, talk: Talk) -> int:
    """Say what differs between the lockfiles A (old) and B (new), or those of two directories.

    First whether other files get installed, then why; apart from that what leaves the runtime hash as it
    is. Distributions that nothing but a changed one needs stand below it.

    Facts documents of two hosts, or a lockfile and facts: the smallest explanation, then all that differs
    with the most likely cause first, and apart from that what is harmless.

    \b
    Examples:
      envlock diff old/envlock.lock envlock.lock
      envlock diff facts-node1.json facts-node2.json

    Exit status: 0 nothing differs, 1 something does.
    """
    from envlock.api import diff, is_facts

    if is_facts(old) or is_facts(new):
        return _hosts(old, new, talk)

    found = diff(old, new)
    if talk.as_json:
        from envlock.report.lock_diff import document

        click.echo(json.dumps(document(found, old=str(old), new=str(new)), indent=2))
    else:
        from envlock.cli.terminal import painter
        from envlock.report.lock_diff import DiffLook, render

        look = DiffLook(
            old=str(old), new=str(new), quiet=talk.quiet, verbose=talk.verbose, paint=painter(sys.stdout)
        )
        click.echo(render(found, look))
    return 0 if found.is_empty else 1


def _hosts(old: Path, new: Path, talk: Talk) -> int:
    from envlock.api import diff_hosts
    from envlock.report.facts_diff import document, render

    found = diff_hosts(old, new, cache=cache_directory(os.environ))
    if talk.as_json:
        click.echo(json.dumps(document(found, old=str(old), new=str(new)), indent=2))
    else:
        from envlock.cli.terminal import painter
        from envlock.report.text import Look

        look = Look(quiet=talk.quiet, verbose=talk.verbose, paint=painter(sys.stdout))
        click.echo(render(found, look, old=str(old), new=str(new)))
    return 0 if found.is_empty else 1
