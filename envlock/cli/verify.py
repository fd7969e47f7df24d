"""`envlock verify`: observe a target and judge it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from envlock.cli.options import find_target, json_option, lock_option, quiet_option, target_options
from envlock.cli.places import cache_directory


@click.command("verify", short_help="prove that an environment is what the lock says")
@target_options
@lock_option
@click.option(
    "--facts", type=click.Path(path_type=Path), metavar="FILE", help="judge what an agent printed elsewhere"
)
@click.option(
    "--level",
    type=click.Choice(["roots", "warm", "content"]),
    default="warm",
    show_default=True,
    help="roots: dist-info only; warm: what changed since the last full pass; content: every byte",
)
@click.option("--strict", is_flag=True, help="every distribution that is not locked is foreign")
@click.option("--require-gpu", is_flag=True, help="no NVIDIA driver here is a finding, not a note")
@click.option("--in-job", is_flag=True, help="this is the job's own environment: unset settings differ")
@json_option
@quiet_option
def command(
    prefix: Path | None,
    python: Path | None,
    lock_path: Path,
    facts: Path | None,
    level: str,
    strict: bool,
    require_gpu: bool,
    in_job: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare an environment with the lock, byte by byte, and name every file that differs.

    Exit status: 0 match, 1 mismatch, 8 something could not be looked at.
    """
    from envlock.api import How, VerifyRequest, verify, verify_facts

    how = How(strict=strict, require_gpu=require_gpu, in_job=in_job)
    cache = cache_directory(os.environ)
    if facts is not None:
        if prefix is not None or python is not None:
            raise click.UsageError("`--facts` is judged as it is: it takes no `--prefix` and no `--python`")
        report = verify_facts(lock_path, facts, how=how, cache=cache)
    else:
        target, chosen = find_target(prefix, python)
        if chosen not in ("--prefix", "--python") and not (quiet or as_json):
            click.echo(f"verifying {target} ({chosen})", err=True)
        request = VerifyRequest(
            lock=lock_path, prefix=target, environment=os.environ, level=level, cache=cache, how=how
        )
        report = verify(request)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        from envlock.report.text import render

        click.echo(render(report, quiet=quiet))
    return report.verdict.exit_status
