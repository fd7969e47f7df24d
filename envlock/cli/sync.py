"""`envlock sync`: an environment from the lock."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import json_option, lock_option, quiet_option
from envlock.cli.places import cache_directory

if TYPE_CHECKING:
    from envlock.api.syncing import RepairOutcome, SyncOrder, SyncOutcome

_FILE = click.Path(path_type=Path)


@click.command("sync", short_help="make or repair an environment from the lock")
@lock_option
@click.option("--venv", type=_FILE, default=".venv", show_default=True, help="the environment")
@click.option("--repair", is_flag=True, help="put back only what differs, file by file")
@click.option(
    "--python", metavar="EXE|X.Y", help="the interpreter of an environment that is still to be made"
)
@click.option("--wheelhouse", type=_FILE, metavar="DIR", help="take the wheels from this folder, no network")
@click.option("--link-mode", type=click.Choice(["clone", "copy", "hardlink", "symlink"]), help="as uv's")
@json_option
@quiet_option
def command(
    lock_path: Path,
    venv: Path,
    repair: bool,
    python: str | None,
    wheelhouse: Path | None,
    link_mode: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make an environment what the lock says, and look at every byte of it.

    Exit status 1: it was made, and something in it still differs.
    """
    from envlock.api.syncing import SyncOrder

    if repair and (python or link_mode):
        raise click.UsageError(
            "`--repair` keeps the environment: it takes no `--python` and no `--link-mode`"
        )
    order = SyncOrder(
        lock=lock_path,
        venv=venv,
        environment=os.environ,
        cache=cache_directory(os.environ),
        python=python,
        link_mode=link_mode,
        wheelhouse=wheelhouse,
    )
    return _repair(order, as_json, quiet) if repair else _sync(order, as_json, quiet)


def _sync(order: SyncOrder, as_json: bool, quiet: bool) -> int:
    from envlock.api.syncing import sync
    from envlock.cli.progress import progress

    with progress(enabled=not (quiet or as_json)) as on_event:
        outcome = sync(order, on_event)
    if as_json:
        result = outcome.result
        done = {"installed": list(result.installed), "removed": list(result.removed)}
        click.echo(
            json.dumps({"schema": "envlock.sync/1", **done, "verify": outcome.report.to_json()}, indent=2)
        )
    elif not quiet or outcome.faults:
        click.echo("\n".join(_sync_lines(outcome)))
    return 1 if outcome.faults else 0


def _sync_lines(outcome: SyncOutcome) -> Iterator[str]:
    result = outcome.result
    count = f"{len(result.installed)} installed, {len(result.removed)} removed"
    made = "made" if result.created else "synced"
    yield f"{made} {result.venv} with Python {result.python}: {count}"
    yield from _state(outcome)


def _repair(order: SyncOrder, as_json: bool, quiet: bool) -> int:
    from envlock.api.syncing import repair
    from envlock.cli.progress import progress

    with progress(enabled=not (quiet or as_json)) as on_event:
        outcome = repair(order, on_event)
    if as_json:
        rows = [
            {"kind": str(one.kind), "distribution": one.distribution, "path": one.path}
            for one in outcome.result.repaired
        ]
        poisoned = [str(path) for path in outcome.result.poisoned]
        document = {"schema": "envlock.repair/1", "repaired": rows, "poisoned": poisoned}
        click.echo(json.dumps({**document, "verify": outcome.report.to_json()}, indent=2))
    elif not quiet or outcome.faults:
        click.echo("\n".join(_repair_lines(outcome)))
    return 1 if outcome.faults else 0


def _repair_lines(outcome: RepairOutcome) -> Iterator[str]:
    for one in outcome.result.repaired:
        verb = "removed" if one.kind == "bytecode" else "restored"
        yield f"{verb} {one.path}" + (f" ({one.distribution})" if one.distribution else "")
    for path in outcome.result.poisoned:
        yield f"poisoned: {path} in uv's cache holds the same wrong bytes"
    if outcome.result.poisoned:
        yield "  hint: `uv cache clean` before the next installation from that cache"
    for left in outcome.result.left:
        yield f"left alone: `{left.path}` {left.reason}"
    if not outcome.result.repaired:
        yield "nothing to restore"
    yield from _state(outcome)


def _state(outcome: SyncOutcome | RepairOutcome) -> Iterator[str]:
    counts = outcome.report.counts
    if not outcome.faults:
        yield f"  every byte is what the lock says: {counts['files']:,} files, {counts['bytes'] / 1e9:.2f} GB"
        yield f"  runtime hash  {outcome.report.expected}"
        return
    for finding in outcome.faults[:20]:
        yield f"  {finding.severity}: {finding.message}"
    if len(outcome.faults) > 20:
        yield f"  … and {len(outcome.faults) - 20} more"
    yield "  hint: `envlock sync --repair` puts back what differs; `envlock verify` says all of it"
