"""`envlock doctor`: what ails this host, or what a pasted error means."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, json_option
from envlock.errors import CouldNotTell

if TYPE_CHECKING:
    from envlock.api.doctoring import Diagnosis, HostFacts


@click.command("doctor", short_help="what ails this host: driver, GPU, containers, variables; or an error")
@click.option(
    "-l",
    "--lock",
    "lock_path",
    type=FILE,
    default="envlock.lock",
    show_default=True,
    metavar="FILE",
    help="the lockfile, where there is one: what this host must be able to run",
)
@click.option("--log", type=FILE, metavar="FILE", help="explain the errors in this text instead; - is stdin")
@json_option
def command(lock_path: Path, log: Path | None, as_json: bool) -> int:
    """Recognise the classic failures of PyTorch and CUDA, say why, and the next command.

    \b
    Examples:
      envlock doctor
      envlock doctor --log slurm-1234.out

    Exit status: 0 nothing is wrong, 1 something is, 8 a log in which nothing is recognised.
    """
    from envlock.api import doctoring

    if log is not None:
        found = doctoring.recognised(_text(log))
        if not found and not as_json:
            click.echo("nothing in this text is known here", err=True)
        _tell(None, found, as_json)
        return 1 if found else 8
    host, found = doctoring.doctor(os.environ, lock_path)
    _tell(host, found, as_json)
    return 1 if any(each.is_fault for each in found) else 0


def _text(log: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(log) == "-" else log.read_bytes()
    except OSError as error:
        raise CouldNotTell(
            f"`{log}` cannot be read: {(error.strerror or '').lower()}", where=str(log)
        ) from error
    return data.decode(errors="replace")


def _tell(host: HostFacts | None, found: Sequence[Diagnosis], as_json: bool) -> None:
    if as_json:
        document = {
            "schema": "envlock.doctor/1",
            "host": None if host is None else asdict(host),
            "diagnoses": [each.to_json() for each in found],
        }
        click.echo(json.dumps(document, indent=2))
        return
    for line in _host_lines(host) if host is not None else ():
        click.echo(line)
    for each in found:
        click.echo(f"{'fault' if each.is_fault else 'note'}: {each.message} [{each.code}]")
        if each.seen:
            click.echo(f"  seen: {each.seen}")
        click.echo(f"  hint: {each.hint}")
    if host is not None and not any(each.is_fault for each in found):
        click.echo("ok: nothing is wrong here")


def _host_lines(host: HostFacts) -> list[str]:
    driver = host.gpu.driver or host.module
    lines = [f"driver     {driver or 'none'}" + (f", CUDA up to {host.gpu.cuda}" if host.gpu.cuda else "")]
    for gpu in host.gpu.gpus:
        capability = f" (compute capability {gpu.capability})" if gpu.capability else ""
        lines.append(f"gpu        {gpu.name}{capability}")
    lines.append(f"containers {', '.join(host.engines) or 'none'}; toolkit {host.toolkit or 'none'}")
    lines.append(f"torch      {host.torch or 'none'}; the lock has CUDA {host.wanted or 'none'}")
    return lines
