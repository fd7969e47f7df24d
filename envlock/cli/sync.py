"""`envlock sync`: an environment from the lock."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from envlock.cli.options import FILE, Talk, lock_option, talk_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault
from envlock.report.text import size

if TYPE_CHECKING:
    from envlock.api.syncing import RepairOutcome, SyncOrder, SyncOutcome


@click.command("sync", short_help="make or repair an environment from the lock")
@lock_option
@click.option("--venv", type=FILE, metavar="DIR", help="the environment  [default: .venv]")
@click.option(
    "--conda", type=FILE, metavar="PREFIX", help="a conda prefix, with the conda packages of the lock"
)
@click.option("--repair", is_flag=True, help="put back only what differs, file by file")
@click.option(
    "--python", metavar="EXE|X.Y", help="the interpreter of an environment that is still to be made"
)
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="take the wheels from this folder, no network",
)
@click.option(
    "--link-mode",
    type=click.Choice(["clone", "copy", "hardlink", "symlink"]),
    help="how uv puts files in place",
)
@click.option(
    "--bundle", type=FILE, metavar="FILE", help="take all from this bundle, no network; by its lock, or by -l"
)
@talk_options
@click.pass_context
def command(
    context: click.Context,
    lock_path: Path,
    venv: Path | None,
    conda: Path | None,
    repair: bool,
    python: str | None,
    wheelhouse: Path | None,
    link_mode: str | None,
    bundle: Path | None,
    talk: Talk,
) -> int:
    """Make an environment what the lock says, and look at every byte of it.

    \b
    Examples:
      envlock sync
      envlock sync --repair
      envlock sync --venv ~/envs/train --python python3.11

    Exit status 1: it was made, and something in it still differs.
    """
    wanted = Wanted(
        lock=lock_path if bundle is None or _is_named(context) else None,
        venv=venv,
        conda=conda,
        repair=repair,
        python=python,
        wheelhouse=wheelhouse,
        link_mode=link_mode,
        bundle=bundle,
    )
    return run(wanted, talk)


def _is_named(context: click.Context) -> bool:
    """Was a lockfile named, by `-l` or `--variant`?"""
    named = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return any(context.get_parameter_source(name) in named for name in ("lock_path", "variant"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be made where, as it was asked for. `lock` None: that of the bundle."""

    lock: Path | None = None
    venv: Path | None = None
    conda: Path | None = None
    repair: bool = False
    python: str | None = None
    wheelhouse: Path | None = None
    link_mode: str | None = None
    bundle: Path | None = None


def run(wanted: Wanted, talk: Talk) -> int:
    """Make or repair the environment, and say what it looks like."""
    from envlock.api.syncing import SyncOrder

    _refuse_contradictions(wanted)
    order = SyncOrder(
        lock=wanted.lock or Path("envlock.lock"),
        venv=wanted.conda or wanted.venv or Path(".venv"),
        conda=wanted.conda is not None,
        environment=os.environ,
        cache=cache_directory(os.environ),
        python=wanted.python,
        link_mode=wanted.link_mode,
        wheelhouse=wanted.wheelhouse,
    )
    return _repair(wanted, order, talk) if wanted.repair else _sync(wanted, order, talk)


def _refuse_contradictions(wanted: Wanted) -> None:
    if wanted.repair and (wanted.python or wanted.link_mode):
        raise UsageFault(
            "`--repair` keeps the environment: it takes no `--python` and no `--link-mode`",
            hint="leave one out",
        )
    if wanted.conda and (wanted.venv or wanted.python):
        raise UsageFault(
            "`--conda` takes no `--venv` and no `--python`: a conda prefix has its own", hint="leave one out"
        )
    if wanted.bundle and wanted.wheelhouse:
        raise UsageFault("`--bundle` and `--wheelhouse` name the same thing twice", hint="leave one out")


def _sync(wanted: Wanted, order: SyncOrder, talk: Talk) -> int:
    from envlock.api import sync
    from envlock.cli.progress import progress

    with progress(enabled=talk.draws) as on_event:
        if wanted.bundle is None:
            outcome = sync(order, on_event)
        else:
            from envlock.api import sync_bundle

            outcome = sync_bundle(wanted.bundle, order, on_event, own_lock=wanted.lock is None)
    result = outcome.result
    done = {"installed": list(result.installed), "removed": list(result.removed)}
    return _told(outcome, {"schema": "envlock.sync/1", **done}, list(_sync_lines(outcome, talk)), talk)


def _sync_lines(outcome: SyncOutcome, talk: Talk) -> Iterator[str]:
    result = outcome.result
    counts = [(len(result.installed), "installed"), (len(result.removed), "removed")]
    done = ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing to install or remove"
    made = "made" if result.created else "synced"
    yield f"{made} {shown(result.venv)} with Python {result.python}: {done}"
    if talk.verbose:
        yield from (f"  installed {row}" for row in result.installed)
        yield from (f"  removed {row}" for row in result.removed)


def _repair(wanted: Wanted, order: SyncOrder, talk: Talk) -> int:
    from envlock.api import repair
    from envlock.cli.progress import progress

    with progress(enabled=talk.draws) as on_event:
        if wanted.bundle is None:
            outcome = repair(order, on_event)
        else:
            from envlock.api import repair_bundle

            outcome = repair_bundle(wanted.bundle, order, on_event, own_lock=wanted.lock is None)
    rows = [
        {"kind": str(one.kind), "distribution": one.distribution, "path": one.path}
        for one in outcome.result.repaired
    ]
    poisoned = [str(path) for path in outcome.result.poisoned]
    document = {"schema": "envlock.repair/1", "repaired": rows, "poisoned": poisoned}
    return _told(outcome, document, list(_repair_lines(outcome)), talk)


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


def _told(
    outcome: SyncOutcome | RepairOutcome, document: Mapping[str, object], lines: list[str], talk: Talk
) -> int:
    """Print what was done and what is there now; 1 where something still differs."""
    if talk.as_json:
        click.echo(json.dumps({**document, "verify": outcome.report.to_json()}, indent=2))
    elif not talk.quiet or outcome.faults:
        click.echo("\n".join([*lines, *_state(outcome, talk)]))
        if outcome.not_run:
            names = ", ".join(outcome.not_run)
            click.echo(f"note: scripts that conda would run after linking were not run: {names}", err=True)
        if outcome.stale:
            click.echo(f"note: the lock is stale: {'; '.join(outcome.stale)}", err=True)
            click.echo("  hint: `envlock lock` brings it up to date, then `envlock sync` again", err=True)
    return 1 if outcome.faults else 0


def _state(outcome: SyncOutcome | RepairOutcome, talk: Talk) -> Iterator[str]:
    if not outcome.faults:
        files, unpacked = outcome.locked_files, size(outcome.locked_bytes)
        yield f"  every byte is what the lock says: {files:,} files, {unpacked}"
        yield f"  runtime hash  {outcome.report.expected}"
        return
    most = len(outcome.faults) if talk.verbose else 20
    for finding in outcome.faults[:most]:
        yield f"  {finding.severity}: {finding.message}"
    if len(outcome.faults) > most:
        yield f"  … and {len(outcome.faults) - most} more (`-v` has them all)"
    yield "  hint: `envlock sync --repair` puts back what differs; `envlock verify` says all of it"
