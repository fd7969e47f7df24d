"""`envlock numerics`: reference results in the lock, and the settings that make numbers repeat."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import (
    FILE,
    Talk,
    emulator_option,
    find_target,
    json_option,
    lock_option,
    talk_options,
    target_options,
)
from envlock.cli.places import cache_directory, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envlock.api import Changed, Recorded
    from envlock.lock.numerics import Reference
    from envlock.report.model import ProbeDifference


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("numerics", short_help="record numeric results in the lock; settings that make numbers repeat")
def command() -> None:
    """What decides the numbers when every byte is the same.

    `record` keeps what small computations give on this host; `envlock verify --level numerics` holds
    another host against it and names what moved a result. `compare` says what an upgrade changes.

    \b
    Examples:
      envlock numerics record
      envlock verify --level numerics
    """


@command.command("record", short_help="run the probes here and keep their results in the lock")
@target_options
@lock_option
@click.option(
    "--compile", "compile_too", is_flag=True, help="also probe `torch.compile` (needs a C++ compiler)"
)
@emulator_option
@talk_options
def record(
    prefix: Path | None,
    python: Path | None,
    lock_path: Path,
    compile_too: bool,
    emulator: tuple[str, ...],
    talk: Talk,
) -> int:
    """Run the numeric probes in an environment that matches the lock, and keep what they give in the lock,
    by class of host. The runtime hash stays as it is.

    \b
    Example:
      envlock numerics record --prefix .venv

    Exit status: 0 recorded, 1 the environment is not what the lock says, 8 it could not be told.
    """
    from envlock.api import NumericsRequest, VerifyRequest, record_numerics

    chosen = find_target(prefix, python)
    target = VerifyRequest(
        lock=lock_path, prefix=chosen.prefix, environment=os.environ, cache=cache_directory(os.environ)
    )
    result = record_numerics(NumericsRequest(target=target, compile=compile_too, emulator=emulator))
    if talk.as_json:
        click.echo(json.dumps(_document(result, lock_path), indent=2))
    elif result.reference is None:
        from envlock.cli.terminal import painter
        from envlock.report.text import Look, render

        look = Look(quiet=talk.quiet, verbose=talk.verbose, paint=painter(sys.stdout))
        click.echo(render(result.report, look))
        if result.report.verdict.exit_status == 1:
            click.echo(
                "hint: nothing was recorded: `envlock sync` makes the environment what the lock says",
                err=True,
            )
        else:
            click.echo("hint: nothing was recorded", err=True)
    else:
        click.echo("".join(f"{line}\n" for line in _warned(result)), err=True, nl=False)
        if not talk.quiet:
            click.echo("\n".join(_said(result, result.reference, lock_path, talk)))
    return result.report.verdict.exit_status


def _document(result: Recorded, lock_path: Path) -> dict[str, object]:
    reference = result.reference
    return {
        "schema": "envlock.numerics-record/1",
        "lockfile": str(lock_path),
        "verdict": str(result.report.verdict),
        "changed": result.changed,
        "class": reference.class_name if reference else None,
        "host": dict(reference.host) if reference else None,
        "probes": len(reference.probes) if reference else 0,
        "unstable": list(result.unstable),
        "failed": dict(result.failed or {}),
        "seconds": dict(result.seconds or {}),
        "slowest": dict(result.slowest),
        "unlocked": {each.variable: each.value for each in result.unlocked},
    }


def _warned(result: Recorded) -> Iterator[str]:
    """What was recorded under a variable that other hosts need not have set."""
    for each in result.unlocked:
        yield f"warning: `{each.variable}={each.value}` is set and not locked; it decides {each.decides}"
    if result.unlocked:
        rows = ", ".join(f"`{each.variable} = {json.dumps(each.value)}`" for each in result.unlocked)
        only = "it is" if len(result.unlocked) == 1 else "they are"
        yield f"  what was recorded holds only where {only} set so. Either unset, and record again;"
        yield f"  or, for all hosts to have it, {rows} under `[tool.envlock.settings]`, then"
        yield "  `envlock lock` and `envlock numerics record`"


def _took(result: Recorded) -> str:
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in (result.seconds or {}).items())
    return f"  {steps}; of that {', '.join(f'{name} {each:.2f} s' for name, each in result.slowest.items())}"


def _said(result: Recorded, reference: Reference, lock_path: Path, talk: Talk) -> list[str]:
    done = "recorded in" if result.changed else "the same as before in"
    count = f"the results of {len(reference.probes)} probes (small fixed computations)"
    lines = [f"{done} {shown(lock_path)}: {count} on this class of host, {reference.class_name}"]
    lines += [f"  {key}  {value}" for key, value in reference.host.items()]
    lines += [_took(result)] if talk.verbose else []
    lines.append("  next: keep the lockfile with your code; elsewhere, `envlock verify --level numerics`")
    lines += [f"note: `{name}` does not repeat on this host and was left out" for name in result.unstable]
    lines += [f"note: `{name}` did not run: {why}" for name, why in sorted((result.failed or {}).items())]
    return lines


@command.command("profile", short_help="print settings that make numbers repeat, for the manifest")
@click.argument("name", metavar="NAME", type=click.Choice(("deterministic", "portable")))
@click.option(
    "-l",
    "--lock",
    "lock_path",
    type=FILE,
    metavar="FILE",
    help="for the NumPy of this lock  [default: envlock.lock, if there]",
)
@json_option
def profile(name: str, lock_path: Path | None, as_json: bool) -> None:
    """Print the settings of a profile as TOML for the manifest, each with its reason.

    deterministic: the same host gives the same bits every time. portable: CPU results that are equal on
    x86-64 CPUs with AVX2, more slowly.

    \b
    Example:
      envlock numerics profile deterministic
    """
    from envlock.api import numerics_profile

    near = Path("envlock.lock")  # NumPy's names changed: those of another version would do nothing
    found = numerics_profile(name, lock_path or (near if near.is_file() else None))
    if as_json:
        settings = {each.name: each.value for each in found.settings}
        click.echo(json.dumps({"schema": "envlock.profile/1", "name": name, "settings": settings}, indent=2))
        return
    click.echo(f"# {found.says}")
    click.echo("# for pyproject.toml (the table is [settings] in envlock.toml); after it: `envlock lock`")
    click.echo("[tool.envlock.settings]")
    for each in found.settings:
        click.echo(f"{each.name} = {json.dumps(each.value)}  # {each.why}")


@command.command("compare", short_help="what an upgrade does to the numbers")
@click.argument("old", metavar="OLD", type=_FOLDER)
@click.argument("new", metavar="NEW", type=_FOLDER)
@json_option
def compare(old: Path, new: Path, as_json: bool) -> int:
    """Run the probes in two environments of this host, OLD and NEW, with the same seeds and inputs, and name
    those that give other bits. No lock is needed.

    After an upgrade of torch it says which random streams changed.

    \b
    Example:
      envlock numerics compare before/.venv after/.venv

    Exit status: 0 all equal, 1 some differ, 8 it could not be told.
    """
    from envlock.api import Upgrade, compare_numerics

    found = compare_numerics(Upgrade(old=old, new=new, environment=os.environ))
    if as_json:
        click.echo(json.dumps(_compared(found), indent=2))
    else:
        click.echo("\n".join(_rows(found)))
    return 1 if found.differences else 0


def _compared(found: Changed) -> dict[str, object]:
    keys = ("name", "changed_percent", "median_ulp", "max_relative")
    return {
        "schema": "envlock.numerics-compare/1",
        "versions": {name: {"old": old, "new": new} for name, (old, new) in found.versions.items()},
        "same_class": found.same_class,
        "equal": list(found.equal),
        "differ": [{key: getattr(each, key) for key in keys} for each in found.differences],
        "only": dict(found.only),
    }


def _rows(found: Changed) -> Iterator[str]:
    for name, (old, new) in found.versions.items():
        yield f"{name}  {old or 'none'}" + (f" -> {new or 'none'}" if old != new else " in both")
    for each in found.differences:
        yield f"differs  {each.name} ({found.exercises[each.name]}): {_how_far(each)}"
    yield from _one_sided(found.only)
    count = len(found.equal) + len(found.differences)
    yield f"{len(found.equal)} of {count} probes (small fixed computations) equal"
    if found.differences and all(old == new for old, new in found.versions.values()):
        yield "the versions are the same: `envlock verify` of each against its lock tells what changed"
    elif found.differences:
        yield "what differs may change a training: with the same seed, expect other numbers after the upgrade"


def _one_sided(only: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason: where torch is missing, it is the same for fifty probes."""
    for reason in sorted(set(only.values())):
        names = [name for name, why in only.items() if why == reason]
        count = "1 probe" if len(names) == 1 else f"{len(names)} probes"
        yield f"note: {count} ran on one side only, {reason}: {', '.join(names)}"


def _how_far(difference: ProbeDifference) -> str:
    """Of a random stream only how much of it: draws have no distance."""
    if difference.name.removeprefix("cuda:").startswith("random-"):
        return f"another stream, {difference.changed_percent:.0f} % of the values are others"
    return difference.words
